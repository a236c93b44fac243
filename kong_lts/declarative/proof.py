"""Proves on a second parse that a conversion changed what it meant to, and nothing else."""

import json
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any

from kong_lts.declarative import json_text
from kong_lts.declarative.document import Piece
from kong_lts.declarative.intent import Intents
from kong_lts.declarative.libyaml import complaints, events_of
from kong_lts.declarative.nodes import Mapping, Node, Scalar, Sequence
from kong_lts.declarative.source import Source, masked
from kong_lts.errors import DeclarativeError

__all__ = ["prove"]

_Event = tuple[str, str | None, object, str | None, int]
"""Kind, value, what decides its type, anchor or alias, and where it begins."""

_OPENS = frozenset({"MappingStartEvent", "SequenceStartEvent"})
_CLOSES = frozenset({"MappingEndEvent", "SequenceEndEvent"})
_SCALAR = "ScalarEvent"
_ANY = object()
"""As what decides the type: quotes may come and go where a text is changed."""


def prove(source: Source, text: str, intents: Intents, *, as_json: bool) -> None:
    """Check that the new text has the parts of the old one, but for what was meant to change.

    Args:
        source: The old text.
        text: The new one.
        intents: What was meant to change.
        as_json: Whether both are JSON.

    Raises:
        DeclarativeError: It has not; the conversion is not to be used.
    """
    events = _json_events if as_json else _yaml_events
    wanted = _intended(events(source.text), intents)
    wrong: tuple[_Event | None, _Event | None] | None
    try:
        with complaints(text):
            pairs = zip_longest(wanted, events(text))
            wrong = next((pair for pair in pairs if not _agree(*pair)), None)
    except DeclarativeError:
        wrong = (None, None)
    if wrong is not None:
        raise _unexpected(source, wrong[0])


def _agree(expected: _Event | None, found: _Event | None) -> bool:
    if expected is None or found is None:
        return False
    return (
        expected[0] == found[0]
        and expected[1] == found[1]
        and (expected[2] is _ANY or expected[2] == found[2])
        and expected[3] == found[3]
    )


def _unexpected(source: Source, event: _Event | None) -> DeclarativeError:
    reason = "the conversion would change more than it should; nothing was converted"
    if event is None:
        return DeclarativeError(reason)
    line, column = source.place(event[4])
    return DeclarativeError(reason, line=line, column=column)


def _yaml_events(text: str) -> Iterator[_Event]:
    next_event = events_of(masked(text))
    while (event := next_event()) is not None:
        kind = type(event).__name__
        value = event.value if kind == _SCALAR else getattr(event, "tag", None)
        plain = event.implicit[0] if kind == _SCALAR else None
        yield kind, value, plain, getattr(event, "anchor", None), event.start_mark.index


def _json_events(text: str) -> Iterator[_Event]:
    source = Source(text, masked(text), "utf-8", "")
    if not json_text.is_json(source):
        raise DeclarativeError("the conversion would be no JSON; nothing was converted")
    roots = [part.node for part in json_text.read(source) if not isinstance(part, Piece)]
    for root in roots:
        if root is not None:
            yield from _events_of(root)


def _events_of(node: Node) -> Iterator[_Event]:
    if isinstance(node, Scalar):
        yield _SCALAR, node.value, node.plain, None, node.start
        return
    kind = "Sequence" if isinstance(node, Sequence) else "Mapping"
    yield f"{kind}StartEvent", None, None, None, node.start
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _events_of(item)
    elif isinstance(node, Mapping):
        for key, value, _ in node.pairs:
            yield from _events_of(key)
            yield from _events_of(value)
    yield f"{kind}EndEvent", None, None, None, node.end


def _intended(events: Iterator[_Event], intents: Intents) -> Iterator[_Event]:
    """The events of the new text as the intents have them."""
    for event in events:
        kind, _, _, label, start = event
        if kind == _SCALAR or kind in _OPENS:
            if start in intents.deleted and kind == _SCALAR:
                _skip(next(events), events)
                continue
            if start in intents.removed:
                _skip(event, events)
                continue
            if start in intents.values:
                value = intents.values[start]
                if isinstance(value, str) or kind == _SCALAR:
                    _skip(event, events)
                    yield from _made(value, label, start)
                    continue
            if start in intents.texts and kind == _SCALAR:
                yield _SCALAR, masked(intents.texts[start]), _ANY, label, start
                continue
        yield event
        if kind == "MappingStartEvent" and start in intents.added:
            for key, value in intents.added[start].items():
                yield from _made(key, None, start)
                yield from _made(value, None, start)


def _skip(event: _Event, events: Iterable[_Event]) -> None:
    """Pass over the rest of a value."""
    if event[0] not in _OPENS:
        return
    depth = 1
    for inner in events:
        depth += (inner[0] in _OPENS) - (inner[0] in _CLOSES)
        if not depth:
            return


def _made(value: Any, label: str | None, start: int) -> Iterator[_Event]:
    """The events of a value that is written anew."""
    if isinstance(value, dict):
        yield "MappingStartEvent", None, None, label, start
        for key, item in value.items():
            yield from _made(key, None, start)
            yield from _made(item, None, start)
        yield "MappingEndEvent", None, None, None, start
    elif isinstance(value, list):
        yield "SequenceStartEvent", None, None, label, start
        for item in value:
            yield from _made(item, None, start)
        yield "SequenceEndEvent", None, None, None, start
    else:
        text = value if isinstance(value, str) else json.dumps(value)
        yield _SCALAR, masked(text), _ANY, label, start
