"""Shares in percent, and how they are made of what can only be counted."""

from collections.abc import Callable, Iterable

from kong_lts.errors import LoadBalancerError

__all__ = ["check_percent", "names", "precision_of", "share"]


def check_percent(new_percent: int, doing: str) -> None:
    """Refuse what is no share.

    Raises:
        LoadBalancerError: It is less than 0 or more than 100.
    """
    if not 0 <= new_percent <= 100:
        raise LoadBalancerError(doing, f"a share is 0 to 100 percent, not {new_percent}")


def names(values: str | Iterable[str]) -> tuple[str, ...]:
    """One name, or several, as a tuple."""
    return (values,) if isinstance(values, str) else tuple(values)


def share(current: float, new: float) -> float:
    """Percent of the new side, of two weights that are not both 0."""
    return 100 * new / (current + new)


def precision_of(split: Callable[[int], tuple[float, float]]) -> float:
    """How far off a split is at worst, in points, over all whole percents.

    Args:
        split: What the current and the new side get for a percent.
    """
    return max(abs(share(*split(percent)) - percent) for percent in range(101))
