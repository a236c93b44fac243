"""How Lua, as LuaJIT, tells a number from a text and prints one."""

import math
import re

__all__ = ["Number", "to_number", "to_text"]

Number = int | float

_BLANKS = " \t\n\v\f\r"
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?"
)
_BINARY = re.compile(r"([+-]?)0[bB]([01]+)")
_SPECIAL = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_LONGEST = 400
"""More digits than any number of these has."""


def to_number(text: str) -> Number | None:
    """What Lua's `tonumber` makes of a text, None if it is no number."""
    text = text.strip(_BLANKS)
    if len(text) > _LONGEST:
        return None
    if _DECIMAL.fullmatch(text) or _SPECIAL.fullmatch(text):
        return _whole(float(text))
    if found := _BINARY.fullmatch(text):
        return int(found[1] + found[2], 2)
    if _HEXADECIMAL.fullmatch(text):
        try:
            return _whole(float.fromhex(text))
        except OverflowError:
            return math.inf
    return None


def to_text(number: Number) -> str:
    """What Lua's `tostring` makes of a number: fourteen digits."""
    return f"{number:.14g}"


def _whole(number: float) -> Number:
    """A whole number as an int, but for -0, which Lua prints with its sign."""
    is_minus_zero = number == 0 and math.copysign(1, number) < 0
    return int(number) if number.is_integer() and not is_minus_zero else number
