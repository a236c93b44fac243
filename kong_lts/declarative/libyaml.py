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
def complaints() -> Iterator[None]:
    """Turns what libyaml complains of into the library's own error.

    Raises:
        DeclarativeError: The text is no YAML; line and column say where it stops to be.
    """
    # Importing this package must stay cheap.
    from yaml.error import YAMLError

    try:
        yield
    except YAMLError as exc:
        raise _broken(exc) from None


def _broken(exc: Any) -> DeclarativeError:
    """A complaint of the parser in our terms; it never repeats the text."""
    mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
    said = [
        str(part) for part in (getattr(exc, "context", None), getattr(exc, "problem", None)) if part
    ]
    if not said:
        reason = getattr(exc, "reason", None) or "it cannot be read"
        return DeclarativeError(f"no YAML: {reason}")
    if mark is None:
        return DeclarativeError(f"no YAML: {', '.join(said)}")
    return DeclarativeError(
        f"no YAML: {', '.join(said)}", line=mark.line + 1, column=mark.column + 1
    )
