"""Edits on what several parts of a file share: made once, reported, or not made at all."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

import attrs

from kong_lts.declarative.document import Tree
from kong_lts.declarative.nodes import Mapping, Node, Sequence
from kong_lts.declarative.plan import Hit, Plan
from kong_lts.declarative.rules import row

__all__ = ["Users", "mappings_in", "settle"]

Users = dict[Mapping, set[str]]
"""Names of the plugins that use a mapping."""

_SHARED = "declarative-shared-conflict"
_ANCHOR = "declarative-anchor-in-the-way"
_THROUGH_ALIAS = "declarative-edit-through-alias"


def mappings_in(*nodes: Node | None) -> Iterator[Mapping]:
    """Every mapping in some nodes, each once however many aliases lead to it."""
    waiting = [node for node in nodes if node is not None]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Sequence):
            waiting.extend(node.items)
        elif isinstance(node, Mapping):
            yield node
            waiting.extend(node.merged)
            waiting.extend(value for _, value, _ in node.pairs)


def settle(plan: Plan, tree: Tree, users: Users) -> None:
    """Withdraw the edits that would change what others rely on, and say which are shared.

    Args:
        plan: All that is to be done in the document.
        tree: Its anchors.
        users: Who uses which mapping.
    """
    used = sorted((node for node in tree.labelled if node.uses), key=lambda node: node.start)
    if not used and not users:
        return
    starts = [node.start for node in used]
    applied = [hit for hit in plan.hits if hit.applied]
    agreed = _Agreed(applied)
    for hit in applied:
        if not all(agreed.with_all(hit, users.get(mapping, ())) for mapping in hit.touched):
            rule = _SHARED
        elif any(_holds_one(starts, *span) for span in _spans(hit)):
            rule = _ANCHOR
        else:
            continue
        agreed.withdraw(hit)
        hit.applied, hit.most = False, None
        plan.hit(Hit(row(rule), hit.subject, hit.at, dict(hit.words)))
    _tell_of_shared(plan, used)


@attrs.define(eq=False, init=False)
class _Agreed:
    """Which plugins want the very same done, so that it can be done to what they share."""

    names: dict[object, Counter[str]]

    def __init__(self, hits: Iterable[Hit]) -> None:
        self.names = {}
        for hit in hits:
            self._of(hit)[hit.words.get("name", "")] += 1

    def _of(self, hit: Hit) -> Counter[str]:
        return self.names.setdefault((hit.edits, hit.deletes), Counter())

    def with_all(self, hit: Hit, names: Collection[str]) -> bool:
        """Whether all who use what a hit changes want it changed so."""
        return len(names) < 2 or all(self._of(hit)[name] > 0 for name in names)

    def withdraw(self, hit: Hit) -> None:
        """It will not be done for this one."""
        self._of(hit)[hit.words.get("name", "")] -= 1


def _spans(hit: Hit) -> Iterator[tuple[int, int]]:
    for edit in hit.edits:
        yield edit.start, edit.end
    for mapping, n in hit.deletes:
        yield mapping.pairs[n][0].start, mapping.pairs[n][2]


def _holds_one(starts: list[int], start: int, end: int) -> bool:
    """Whether an edit would take out an anchor that an alias needs."""
    n = bisect_left(starts, start)
    return n < len(starts) and starts[n] < end


def _tell_of_shared(plan: Plan, used: Iterable[Node]) -> None:
    """Say of each anchor that what it holds was changed once for all who use it."""
    spans = [span for hit in plan.hits if hit.applied for span in _spans(hit)]
    spans += [(moved.start, moved.end) for moved in plan.moved.values() if moved.replacement]
    spans.sort()  # they do not overlap, so that their ends are in order too
    starts = [start for start, _ in spans]
    for node in used:
        n = bisect_left(starts, node.start)
        if n < len(spans) and spans[n][1] <= node.end:
            words = {"label": node.label or "", "count": str(node.uses + 1)}
            plan.hit(Hit(row(_THROUGH_ALIAS), f"anchor {node.label}", node.start, words))
