"""Edits on what several parts of a file share: made once, reported, or not made at all."""

from collections.abc import Iterable, Iterator

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
    for hit in [hit for hit in plan.hits if hit.applied]:
        if _disagreed(hit, plan, users):
            _refuse(plan, hit, _SHARED)
        elif any(_covers(hit, node) for node in used):
            _refuse(plan, hit, _ANCHOR)
    for node in used:
        inside = any(hit.applied and _is_inside(hit, node) for hit in plan.hits) or any(
            moved.replacement and node.start <= moved.start and moved.end <= node.end
            for moved in plan.moved.values()
        )
        if inside:
            words = {"label": node.label or "", "count": str(node.uses + 1)}
            plan.hit(Hit(row(_THROUGH_ALIAS), f"anchor {node.label}", node.start, words))


def _disagreed(hit: Hit, plan: Plan, users: Users) -> bool:
    """Whether a plugin uses the same mapping and needs it as it is."""
    for mapping in hit.touched:
        names = users.get(mapping, set())
        if len(names) > 1:
            agreed = {
                other.words.get("name", "")
                for other in plan.hits
                if other.applied and other.edits == hit.edits and other.deletes == hit.deletes
            }
            if not names <= agreed:
                return True
    return False


def _spans(hit: Hit) -> Iterable[tuple[int, int]]:
    for edit in hit.edits:
        yield edit.start, edit.end
    for mapping, n in hit.deletes:
        yield mapping.pairs[n][0].start, mapping.pairs[n][2]


def _covers(hit: Hit, node: Node) -> bool:
    """Whether an edit would take out an anchor that an alias needs."""
    return any(start <= node.start < end for start, end in _spans(hit))


def _is_inside(hit: Hit, node: Node) -> bool:
    return any(node.start <= start and end <= node.end for start, end in _spans(hit))


def _refuse(plan: Plan, hit: Hit, rule: str) -> None:
    hit.applied, hit.most = False, None
    plan.hit(Hit(row(rule), hit.subject, hit.at, dict(hit.words)))
