"""Finds the entries that a request may match, in their order, without a look at all the others."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeAlias

import attrs

__all__ = ["DIMENSIONS", "Beginnings", "Index", "Keys", "Query"]

DIMENSIONS = 5
"""Host, path, header, method, beginning of a segment of the path."""

Keys: TypeAlias = tuple[Sequence[Hashable] | None, ...]
"""Of an entry, for each dimension: it can only match a request with one of these; None for any."""
Query: TypeAlias = tuple[Sequence[Hashable], ...]
"""Of a request, for each dimension: all keys that it has."""

_SMALL = 8
"""So few entries are looked at one by one."""
_WORTH_IT = 0.75
"""A split is made where its largest part is at most this much of the whole."""


class Beginnings:
    """The keys of texts that are known by how they begin."""

    def __init__(self, known: Iterable[bytes]) -> None:
        self._lengths = sorted(set(map(len, known)))

    def of(self, *texts: bytes) -> list[bytes]:
        """Every beginning of the texts that is as long as one that is known."""
        return [text[:length] for text in texts for length in self._lengths if length <= len(text)]


@attrs.frozen
class _Split:
    """Entries divided by their keys in one dimension."""

    dimension: int
    parts: dict[Hashable, "_Node"]
    rest: "_Node"
    """Those without a key there, which match whatever the request has."""


_Node: TypeAlias = "_Split | tuple[int, ...]"


class Index:
    """Entries by number; a number is also the place in the order."""

    def __init__(self, keys: Sequence[Keys]) -> None:
        self._root = _built(tuple(range(len(keys))), keys, frozenset(range(DIMENSIONS)))

    def find(self, query: Query) -> Sequence[int]:
        """Every entry that the request may match, and maybe others, in order."""
        found: list[tuple[int, ...]] = []
        open_nodes = [self._root]
        while open_nodes:
            node = open_nodes.pop()
            if isinstance(node, tuple):
                if node:
                    found.append(node)
                continue
            open_nodes.append(node.rest)
            parts = node.parts
            open_nodes.extend(parts[key] for key in query[node.dimension] if key in parts)
        if len(found) == 1:
            return found[0]
        return sorted({entry for entries in found for entry in entries})


def _built(entries: tuple[int, ...], keys: Sequence[Keys], unused: frozenset[int]) -> _Node:
    if len(entries) <= _SMALL or not unused:
        return entries
    largest, dimension = min((_largest_part(entries, keys, d), d) for d in unused)
    if largest > _WORTH_IT * len(entries):
        return entries
    rest: list[int] = []
    parts: dict[Hashable, list[int]] = {}
    for entry in entries:
        own = keys[entry][dimension]
        if own is None:
            rest.append(entry)
        for key in dict.fromkeys(own or ()):
            parts.setdefault(key, []).append(entry)
    unused -= {dimension}
    return _Split(
        dimension,
        {key: _built(tuple(part), keys, unused) for key, part in parts.items()},
        _built(tuple(rest), keys, unused),
    )


def _largest_part(entries: Sequence[int], keys: Sequence[Keys], dimension: int) -> int:
    """How many entries a request would still meet if they were divided by this dimension."""
    rest = 0
    sizes: dict[Hashable, int] = {}
    for entry in entries:
        own = keys[entry][dimension]
        if own is None:
            rest += 1
        for key in own or ():
            sizes[key] = sizes.get(key, 0) + 1
    return rest + max(sizes.values(), default=0)
