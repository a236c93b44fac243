"""What a state file of decK holds: its entities, counted, and its basic-auth credentials."""

import json
from collections.abc import Iterator

import attrs

from kong_lts import catalog
from kong_lts.declarative import document, json_text
from kong_lts.declarative.entities import Entity, Walker
from kong_lts.declarative.nodes import Mapping, Node, Scalar, Sequence, is_text
from kong_lts.declarative.source import Source, decode
from kong_lts.edits import Edit, apply_edits

__all__ = ["StoredCredential", "basic_auth_of", "entities_of", "without_basic_auth"]

_BASIC_AUTH = "basicauth_credentials"
_GROUPS = "consumer_groups"
_GROUP_PLUGINS = "consumer_group_plugins"
_MEMBERSHIPS = "groups"


@attrs.frozen(kw_only=True)
class StoredCredential:
    """A basic-auth credential as the database has it: its password is a hash."""

    id: str
    consumer: str
    """The id of its consumer, with which the hash is salted; empty where the file gives none."""
    username: str
    password: str = attrs.field(repr=False)
    tags: tuple[str, ...] = ()


def basic_auth_of(data: bytes) -> tuple[StoredCredential, ...]:
    """The basic-auth credentials of a state file, with their hashes.

    Raises:
        DeclarativeError: It cannot be read.
    """
    return tuple(
        StoredCredential(
            id=_text(entity.node, "id"),
            consumer=_text(entity.parent.node, "id") if entity.parent is not None else "",
            username=_text(entity.node, "username"),
            password=_text(entity.node, "password"),
            tags=_texts(entity.node.get("tags")),
        )
        for entity in _entities(decode(data))
        if entity.kind == _BASIC_AUTH
    )


def entities_of(data: bytes) -> Iterator[tuple[str, str]]:
    """Every entity: its kind, and its id or, where it has none, its place in the file.

    Raises:
        DeclarativeError: It cannot be read.
    """
    for entity in _entities(decode(data)):
        kind = entity.kind
        if kind == "plugins" and entity.above(_GROUPS) is not None:
            kind = _GROUP_PLUGINS
        found = entity.node.get("id")
        yield kind, found.value if isinstance(found, Scalar) else f"at {entity.node.start}"
        groups = entity.node.get(_MEMBERSHIPS) if kind == "consumers" else None
        if isinstance(groups, Sequence):
            yield from ((_MEMBERSHIPS, f"at {group.start}") for group in groups.items)


def without_basic_auth(
    data: bytes, usernames: frozenset[str] | None = None
) -> tuple[bytes, tuple[str, ...]]:
    """The same file without basic-auth credentials; everything else stays byte for byte.

    Args:
        data: A state file.
        usernames: Of the credentials to leave out; None is all of them.

    Returns:
        The file, and the usernames of those that were in it and are no more.

    Raises:
        DeclarativeError: It cannot be read.
    """
    source = decode(data)
    edits: list[Edit] = []
    gone: list[str] = []
    for key, value in _credential_lists(source):
        names = [_text(item, "username") for item in value.items]
        going = [usernames is None or name in usernames for name in names]
        if any(going):
            gone += [name for name, goes in zip(names, going, strict=True) if goes]
            kept = [item for item, goes in zip(value.items, going, strict=True) if not goes]
            edits.append(_rewritten(source, key, value, kept))
    return source.encode(apply_edits(source.text, edits)), tuple(gone)


def _entities(source: Source) -> Iterator[Entity]:
    kinds = frozenset(row.kind for row in catalog.state_files() if row.kind is not None)
    walker = Walker(kinds)
    read = json_text.read if json_text.is_json(source) else document.read
    for piece in read(source):
        if not isinstance(piece, document.Piece) or piece.number is None:
            continue
        if piece.key.value in kinds:
            for entity in walker.entities(piece.key.value, piece.node, piece.number):
                if isinstance(entity, Entity):
                    yield entity


def _credential_lists(source: Source) -> Iterator[tuple[Node, Sequence]]:
    """Each list of basic-auth credentials with its key, once, wherever an alias repeats it."""
    seen = set()
    for entity in _entities(source):
        for mapping in entity.node.layers():
            for n in mapping.own(_BASIC_AUTH):
                key, value, _ = mapping.pairs[n]
                if isinstance(value, Sequence) and value.start not in seen:
                    seen.add(value.start)
                    yield key, value


def _text(item: Node, key: str) -> str:
    found = item.get(key) if isinstance(item, Mapping) else None
    return found.value if isinstance(found, Scalar) else ""


def _texts(found: Node | None) -> tuple[str, ...]:
    items = found.items if isinstance(found, Sequence) else []
    return tuple(item.value for item in items if isinstance(item, Scalar))


def _rewritten(source: Source, key: Node, value: Sequence, kept: list[Node]) -> Edit:
    """The list with no more than the items that are kept, in flow style."""
    text = f"[{', '.join(_flow(source, item) for item in kept)}]"
    if value.flow:
        return Edit(start=value.start, end=value.end, replacement=text)
    # The dashes of a list in block style may stand in the column of the key, brackets may not.
    start = source.text.index(":", key.end) + 1
    ends_line = source.text[: value.end].endswith("\n")
    return Edit(start=start, end=value.end - ends_line, replacement=f" {text}")


def _flow(source: Source, node: Node) -> str:
    if isinstance(node, Sequence):
        return f"[{', '.join(_flow(source, item) for item in node.items)}]"
    if isinstance(node, Mapping):
        pairs = (f"{_flow(source, key)}: {_flow(source, value)}" for key, value, _ in node.pairs)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(node, Scalar) and not is_text(node):
        return source.text[node.start : node.end] or "null"
    return json.dumps(node.value if isinstance(node, Scalar) else "", ensure_ascii=False)
