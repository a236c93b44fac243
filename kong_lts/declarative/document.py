"""Reads the text of a declarative file as entities, one at a time, each part with its place."""

from collections.abc import Callable, Iterator

import attrs

from kong_lts.declarative.libyaml import Event, complaints, events_of
from kong_lts.declarative.nodes import Mapping, Node, Scalar, Sequence
from kong_lts.declarative.source import Source
from kong_lts.errors import DeclarativeError

__all__ = ["DEEPEST", "Piece", "Root", "Tree", "read"]

DEEPEST = 200
"""How deep collections may be nested; a configuration of Kong has a dozen levels."""

_BEFORE_VALUE = "x: "
_EVENTS_BEFORE_VALUE = 4
"""Stream, document, mapping and key."""


@attrs.define(eq=False)
class Tree:
    """What all parts of one YAML document share."""

    anchors: dict[str, Node] = attrs.field(factory=dict)
    labelled: list[Node] = attrs.field(factory=list)
    """Every node that ever had an anchor."""

    def define(self, label: str, node: Node) -> None:
        node.label = label
        self.anchors[label] = node
        self.labelled.append(node)


@attrs.define(eq=False)
class Piece:
    """One value at the top of a document, or one item of a list there."""

    key: Scalar
    node: Node
    number: int | None = None
    """Which item of the list, from 1; None if the value is no list."""


@attrs.define(eq=False)
class Root:
    """The end of a document: its mapping, with keys only, or whatever else was there."""

    node: Node | None
    tree: Tree


def read(source: Source) -> Iterator[Piece | Root]:
    """Every document of the file, as its pieces and then its root.

    Raises:
        DeclarativeError: It is no YAML; line and column say where it stops to be.
    """
    with complaints(source.parsed):
        yield from _documents(events_of(source.parsed), source)


def _documents(next_event: Callable[[], Event], source: Source) -> Iterator[Piece | Root]:
    while (event := next_event()) is not None:
        if type(event).__name__ != "DocumentStartEvent":
            continue
        tree = Tree()
        first = next_event()
        builder = _Builder(next_event, tree)
        if type(first).__name__ == "MappingStartEvent" and first.anchor is None:
            root = Mapping(first.start_mark.index, bool(first.flow_style))
            yield from _pieces(builder, root)
            yield Root(root, tree)
        else:
            yield Root(builder.node(first), tree)


def _pieces(builder: "_Builder", root: Mapping) -> Iterator[Piece]:
    """The values of the root, of which only the keys are kept."""
    while type(event := builder.next_event()).__name__ != "MappingEndEvent":
        key = builder.node(event)
        event = builder.next_event()
        streamed = type(event).__name__ == "SequenceStartEvent" and event.anchor is None
        if isinstance(key, Scalar) and key.value != "<<" and streamed:
            value = Sequence(event.start_mark.index, bool(event.flow_style))
            root.pairs.append((key, value, value.start))
            number = 0
            while type(event := builder.next_event()).__name__ != "SequenceEndEvent":
                number += 1
                node = builder.node(event)
                value.end = node.end
                yield Piece(key, node, number)
            continue
        node = builder.node(event)
        root.pairs.append((key, node, node.end))
        if isinstance(key, Scalar):
            yield from _whole(key, node, root)
    root.end = event.end_mark.index


def _whole(key: Scalar, node: Node, root: Mapping) -> Iterator[Piece]:
    """A value that could not be streamed: an alias, a merge, a single value."""
    if key.value == "<<" and key.plain:
        merge(root, node)
        for merged in root.merged:
            for name, value, _ in merged.pairs:
                if isinstance(name, Scalar):
                    yield from _whole(name, value, root)
    elif isinstance(node, Sequence):
        for number, item in enumerate(node.items, 1):
            yield Piece(key, item, number)
    else:
        yield Piece(key, node)


def merge(mapping: Mapping, node: Node) -> None:
    """Take what `<<` brings in."""
    found = node.items if isinstance(node, Sequence) else [node]
    mapping.merged.extend(item for item in found if isinstance(item, Mapping))


def read_value(text: str, at: int) -> Node:
    """A value without anchors that stands alone in a text.

    Args:
        text: The value, as it would follow a key.
        at: Where the text stands in its file.

    Raises:
        DeclarativeError: It is none, or more than one.
    """
    tree = Tree()
    with complaints(text):
        next_event = events_of(_BEFORE_VALUE + text)
        for _ in range(_EVENTS_BEFORE_VALUE):
            next_event()
        node = _Builder(next_event, tree).node(next_event())
        ended = type(next_event()).__name__ == "MappingEndEvent"
    if tree.labelled or not ended:
        raise DeclarativeError("this is more than one value, or others refer to it")
    _shift(node, at - len(_BEFORE_VALUE))
    return node


def _shift(node: Node, by: int) -> None:
    """Move a part of one text to its place in another."""
    node.start += by
    node.end += by
    if isinstance(node, Sequence):
        for item in node.items:
            _shift(item, by)
    elif isinstance(node, Mapping):
        for key, value, _ in node.pairs:
            _shift(key, by)
            _shift(value, by)
        node.pairs = [(key, value, end + by) for key, value, end in node.pairs]


@attrs.define(eq=False)
class _Builder:
    """Makes nodes of events."""

    next_event: Callable[[], Event]
    tree: Tree

    def node(self, event: Event) -> Node:
        """The node that begins with this event, read to its end."""
        next_event, tree = self.next_event, self.tree
        open_nodes: list[Mapping | Sequence] = []
        labels: list[str | None] = []
        while True:
            kind, label = type(event).__name__, None
            node: Node
            if kind == "ScalarEvent":
                mark, end = event.start_mark, event.end_mark
                style, plain = event.style or None, event.implicit[0]
                node, label = Scalar(event.value, mark.index, end.index, style, plain), event.anchor
            elif kind in ("MappingStartEvent", "SequenceStartEvent"):
                if len(open_nodes) >= DEEPEST:
                    raise _too_deep(event)
                make = Mapping if kind == "MappingStartEvent" else Sequence
                open_nodes.append(make(event.start_mark.index, bool(event.flow_style)))
                labels.append(event.anchor)
                event = next_event()
                continue
            elif kind == "AliasEvent":
                node = self._alias(event)
            else:
                node, label = open_nodes.pop(), labels.pop()
                if node.flow:
                    node.end = event.end_mark.index
            if label is not None:
                tree.define(label, node)
            if not open_nodes:
                return node
            _put(open_nodes[-1], node, event.end_mark.index if kind == "AliasEvent" else node.end)
            event = next_event()

    def _alias(self, event: Event) -> Node:
        node = self.tree.anchors.get(event.anchor)
        if node is None:
            mark = event.start_mark
            reason = f"no YAML: alias {event.anchor} has no anchor before it"
            raise DeclarativeError(reason, line=mark.line + 1, column=mark.column + 1)
        node.uses += 1
        return node


def _put(parent: Mapping | Sequence, node: Node, end: int) -> None:
    """Add a finished node to the collection that it stands in, and so ends no sooner."""
    parent.end = end
    if type(parent) is Sequence:
        parent.items.append(node)
    elif type(parent) is Mapping:
        key = parent.key
        if key is None:
            parent.key = node
            return
        parent.key = None
        parent.pairs.append((key, node, end))
        if type(key) is Scalar and key.value == "<<" and key.plain:
            merge(parent, node)


def _too_deep(event: Event) -> DeclarativeError:
    mark = event.start_mark
    reason = f"nested more than {DEEPEST} levels deep"
    return DeclarativeError(reason, line=mark.line + 1, column=mark.column + 1)
