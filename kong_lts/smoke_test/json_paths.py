"""JSON paths into the body of an answer, and what a body is made of."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

from kong_lts.digits import whole

__all__ = ["at", "parts", "without"]

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")
_Key = str | int


def _steps(path: str) -> tuple[_Key, ...]:
    return tuple(
        whole(index) if index else name or quoted for name, index, quoted in _STEP.findall(path)
    )


def at(document: object, path: str) -> tuple[bool, object]:
    """Whether there is something at a path of a document, and what."""
    for step in _steps(path):
        found = _inside(document, step)
        if found is None:
            return False, None
        (document,) = found
    return True, document


def _inside(document: object, step: _Key) -> tuple[object] | None:
    """What is one step further in; None where nothing is."""
    if isinstance(document, list):
        return (document[step],) if isinstance(step, int) and step < len(document) else None
    return (document[step],) if isinstance(document, dict) and step in document else None


def without(document: object, paths: Iterable[str]) -> object:
    """A copy of a document with nothing at some paths."""
    for path in paths:
        document = _without(document, _steps(path))
    return document


def _without(document: object, steps: tuple[_Key, ...]) -> object:
    if not steps:
        return None
    first, rest = steps[0], steps[1:]
    if isinstance(document, dict) and first in document:
        others = {key: value for key, value in document.items() if key != first}
        return others if not rest else {**document, first: _without(document[first], rest)}
    if isinstance(document, list) and isinstance(first, int) and first < len(document):
        inner = [_without(document[first], rest)] if rest else []
        return [*document[:first], *inner, *document[first + 1 :]]
    return document


def parts(body: str, ignore: Iterable[str]) -> Mapping[str, str]:
    """Hash of each first-level part of a body, by JSON path; of the text itself if it is no JSON.

    How a body is spaced does not count: 3.4 writes its own errors over several lines.
    """
    try:
        document = without(json.loads(body), ignore)
    except (ValueError, RecursionError):
        return {"$": _digest(body)} if body else {}
    if isinstance(document, dict):
        return {f"$['{key}']": _digest(_canonical(value)) for key, value in document.items()}
    return {"$": _digest(_canonical(document))}


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
