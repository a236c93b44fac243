"""How reports say things: times, durations, counts, and text that is safe to show anywhere."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

__all__ = [
    "any_of",
    "clean",
    "counted",
    "duration",
    "listed",
    "percent",
    "sentences",
    "shortened",
    "shown_time",
    "size",
    "when",
]

_MINUTE_S = 60
_HOUR_S = 60 * _MINUTE_S
_DAY_S = 24 * _HOUR_S
_KIB = 1024

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a reader cannot see, or that would change how the rest is shown."""


def clean(text: str) -> str:
    """One line without anything that a terminal or a page would act on.

    White space of any kind becomes one space; control characters, lone surrogates and marks of
    direction are shown as escapes, as `\\x1b`.
    """
    if text.isascii() and text.isprintable() and "  " not in text and text == text.strip():
        return text
    return "".join(
        repr(sign)[1:-1] if unicodedata.category(sign) in _UNSEEN else sign
        for sign in " ".join(text.split())
    )


def duration(seconds: float) -> str:
    """A time span for people, as "1.9 s", "3 min 20 s" or "2 d 4 h"; at most two units."""
    if seconds <= 0:
        return "0 s"
    if seconds < 0.1:
        return "less than 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return _two(whole, _MINUTE_S, "min", 1, "s")
    if whole < _DAY_S:
        return _two(whole, _HOUR_S, "h", _MINUTE_S, "min")
    return _two(whole, _DAY_S, "d", _HOUR_S, "h")


def _two(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    """The large unit, and what is left in the small one."""
    rest = whole % large // small
    return f"{whole // large} {large_name}" + (f" {rest} {small_name}" if rest else "")


def when(at: str) -> datetime | None:
    """The `at` of an event in UTC; None where it is no time."""
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def shown_time(at: str | None) -> str:
    """The `at` of an event for people, in UTC without saying so: the column or label does."""
    found = when(at) if at else None
    return f"{found:%Y-%m-%d %H:%M:%S}" if found else clean(at or "")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun, as "1 finding" or "3 findings"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(ratio: float) -> str:
    """A ratio as a percentage, as "0.25%"."""
    return f"{100 * ratio:.2f}".rstrip("0").rstrip(".") + "%"


def size(size_bytes: int) -> str:
    """A number of bytes for people, as "1.5 MiB"."""
    amount = float(size_bytes)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < _KIB:
            return f"{amount:.1f}".removesuffix(".0") + f" {unit}"
        amount /= _KIB
    return f"{amount:.1f} TiB"


def listed(names: Iterable[str], most: int) -> str:
    """Names in a row, the first ones of a long list."""
    found = list(names)
    rest = len(found) - most
    return ", ".join(found[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def any_of(names: Iterable[str]) -> str:
    """Names as alternatives, as "10% or 50%"."""
    return " or ".join(dict.fromkeys(names))


def shortened(text: str, most: int = 200) -> str:
    """The first sentence of a text without its full stop, cut where even that is long."""
    first = re.split(r"(?<=[.!?]) +(?=[A-Z`])", clean(text), maxsplit=1)[0].rstrip(". ;")
    return first if len(first) <= most else first[: most - 3].rstrip() + "..."


def sentences(*texts: str) -> str:
    """Texts behind each other, each with a full stop or whatever else ends it."""
    found = (text.strip() for text in texts)
    return " ".join(
        text if text.endswith((".", "!", "?", ":")) else f"{text}." for text in found if text
    )
