"""The YAML of this folder as plain values, straight from the events of libyaml.

The rows are read at the start of nearly everything; making nodes of them first takes four times as
long.
"""

import re
from collections.abc import Iterator
from typing import Any

from kong_lts.errors import FormatError

__all__ = ["plain_document"]

_NULL = ("", "~", "null")
_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")


def plain_document(text: str) -> object:
    """The one document of a text, without aliases; a scalar without quotes may be a number.

    Raises:
        FormatError: It has an alias, or a name twice.
        ruamel.yaml.error.YAMLError: It is no YAML.
    """
    # Importing this package must stay cheap.
    from ruamel.yaml.cyaml import CSafeLoader

    loader = CSafeLoader(text)
    events = (loader.get_event() for _ in iter(loader.check_event, False))
    next(events)  # the stream starts
    next(events)  # the document starts
    return _value(next(events), events)


def _value(event: Any, events: Iterator[Any]) -> object:
    kind = type(event).__name__
    if kind == "MappingStartEvent":
        return _mapping(events)
    if kind == "SequenceStartEvent":
        return [_value(item, events) for item in _inner(events)]
    if kind == "ScalarEvent":
        return _scalar(event.value) if event.implicit[0] else event.value
    raise _refused("an alias; write it out", event)


def _mapping(events: Iterator[Any]) -> dict[object, object]:
    found: dict[object, object] = {}
    for event in _inner(events):
        key = _value(event, events)
        if not isinstance(key, str) or key in found:
            raise _refused(f"{key!r} is no name, or is given twice", event)
        found[key] = _value(next(events), events)
    return found


def _refused(problem: str, event: Any) -> FormatError:
    return FormatError("file of rows", (f"line {event.start_mark.line + 1}: {problem}",))


def _inner(events: Iterator[Any]) -> Iterator[Any]:
    """The events at which something of a list or mapping starts."""
    while not type(event := next(events)).__name__.endswith("EndEvent"):
        yield event


def _scalar(text: str) -> object:
    """What a scalar without quotes is in YAML 1.2."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
