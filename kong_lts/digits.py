"""Digits as a number, however many there are."""

__all__ = ["whole"]

_MOST = 18


def whole(digits: str) -> int:
    """The number that digits say; of one with more than 18 of them, the first 18.

    Python refuses to read thousands of digits, and nothing that is counted or numbered here comes
    near so many: a number of 18 digits is as far beyond every limit.
    """
    return int(digits if len(digits) <= _MOST else digits.lstrip("0")[:_MOST] or "0")
