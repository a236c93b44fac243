"""How large Rust's program for a pattern becomes: it refuses more than 10 MiB."""

from kong_lts.routing.dialect.tree import (
    UNBOUNDED,
    Atomic,
    Capture,
    Chars,
    Choice,
    Node,
    Repeat,
    Series,
)

__all__ = ["LARGEST_BYTES", "program_bytes"]

LARGEST_BYTES = 10 * 1024 * 1024
"""What a compiled pattern may have.

Source:
    rust-lang/regex 1.9.1, `RegexBuilder::size_limit`.
"""

_STATE = 32
"""Bytes of one state of the program, on a machine with 64 bits."""
_RANGE = 8
_NOT_ASCII = 1000
"""Bytes of `.` and of `[^/]`, which take all of UTF-8."""
_LINK = 40


def program_bytes(node: Node) -> int:
    """About how many bytes the program for it has; counted repetition writes it out that often."""
    match node:
        case Chars(mask, others, beyond, weight):
            ranges = (mask & ~(mask << 1)).bit_count()
            own = _STATE + _RANGE * max(ranges - 1, 0)
            wide = _NOT_ASCII if others and not weight else 0
            return max(own, weight) + wide + _STATE * len(beyond)
        case Series(items):
            return sum(map(program_bytes, items))
        case Choice(branches):
            return sum(program_bytes(branch) + _LINK for branch in branches)
        case Repeat(item=item, low=low, high=high):
            copies = max(low, 1) if high == UNBOUNDED else high
            return copies * program_bytes(item) + _LINK * (copies - low + 1)
        case Capture(item=item) | Atomic(item=item):
            return program_bytes(item) + 2 * _LINK
    return _STATE
