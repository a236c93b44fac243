"""The events of a YAML text, from the parser that both releases read their files with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kong_lts.errors import DeclarativeError

__all__ = ["Event", "complaints", "events_of"]

Event = Any
"""What libyaml reports; its Python side has no types for it."""


def events_of(text: str) -> Callable[[], Event]:
    """A function that returns the next event of a text each time, and None after the last.

    PyYAML carries libyaml 0.2, as the releases do. What ruamel.yaml has is 0.1.7, which refuses
    `{url: http://host}`.
    """
    # Importing this package must stay cheap.
    from yaml._yaml import CParser

    next_event: Callable[[], Event] = CParser(text).get_event
    return next_event


@contextmanager
def complaints(text: str) -> Iterator[None]:
    """Turns what libyaml complains of into the library's own error.

    Args:
        text: What it is given to read.

    Raises:
        DeclarativeError: The text is no YAML; line and column say where it stops to be.
    """
    # Importing this package must stay cheap.
    from yaml.error import YAMLError

    try:
        yield
    except YAMLError as exc:
        raise _broken(exc, text) from None


def _broken(exc: Any, text: str) -> DeclarativeError:
    """A complaint of the parser in our terms; it never repeats the text."""
    mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
    said = [getattr(exc, name, None) for name in ("context", "problem")]
    reason = ", ".join(map(str, filter(None, said))) or getattr(exc, "reason", None)
    complaint = f"no YAML: {reason or 'it cannot be read'}"
    if mark is not None:
        return DeclarativeError(complaint, line=mark.line + 1, column=mark.column + 1)
    position = getattr(exc, "position", None)
    if position is None:
        return DeclarativeError(complaint)
    before = text.encode()[:position].decode(errors="ignore")
    column = len(before) - before.rfind("\n")
    return DeclarativeError(complaint, line=before.count("\n") + 1, column=column)
