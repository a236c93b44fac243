"""The order of routes that the traditional router holds equal: any, but not each as often.

Kong hands its routes to Lua's `table.sort`, a quicksort that keeps no order among equals, and gets
them from its store in an order that another start changes. With the order of the store known, the
recorded gateways are predicted without a miss; as it is not, all that are tied are candidates, and
the first of them is the one that comes first most often.

Source:
    Measured: 13 configurations with equal `created_at` on 2.8.5 and 3.4.2, restarted three times;
    lua.org, Lua 5.1 `table.sort`.
"""

from collections.abc import Sequence

from kong_lts.routing.router.category import Entry

__all__ = ["likeliest_first", "lua_sorted"]

_MOST_ENTRIES = 128
_MOST_ROTATIONS = 32


def likeliest_first(by_route: Sequence[Sequence[Entry]]) -> list[Entry]:
    """The entries of all routes as sorted, of equal ones the likeliest first.

    Args:
        by_route: The entries of each route, in the order of the document.
    """
    entries = [entry for own in by_route for entry in own]
    places = [0] * len(entries)
    if len({entry.order for entry in entries}) < len(entries) <= _MOST_ENTRIES:
        keys = [entry.order for entry in entries]
        for order in _rotations([len(own) for own in by_route]):
            for place, number in enumerate(lua_sorted(order, keys)):
                places[number] += place
    numbers = sorted(range(len(entries)), key=lambda n: (entries[n].order, places[n]))
    return [entries[n] for n in numbers]


def _rotations(lengths: Sequence[int]) -> list[list[int]]:
    """Numbers of the entries, beginning with another route each time."""
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    total = sum(lengths)
    step = max(1, len(starts) // _MOST_ROTATIONS)
    return [[(start + n) % total for n in range(total)] for start in starts[::step]]


def lua_sorted(numbers: Sequence[int], keys: Sequence[tuple[float, ...]]) -> list[int]:
    """The numbers sorted by their keys, equal ones in the order in which Lua leaves them."""
    sorted_ = list(numbers)
    open_parts = [(0, len(sorted_) - 1)]
    while open_parts:
        first, last = open_parts.pop()
        if first < last:
            open_parts += _partitioned(sorted_, keys, first, last)
    return sorted_


def _partitioned(
    numbers: list[int], keys: Sequence[tuple[float, ...]], first: int, last: int
) -> list[tuple[int, int]]:
    """Move what is less than a pivot before it; the parts that are still to be sorted."""
    _swap_if_less(numbers, keys, last, first)
    if last - first == 1:
        return []
    middle = (first + last + 2) // 2 - 1  # Lua counts from 1
    if not _swap_if_less(numbers, keys, middle, first):
        _swap_if_less(numbers, keys, last, middle)
    if last - first == 2:
        return []
    pivot = keys[numbers[middle]]
    _swap(numbers, middle, last - 1)
    low, high = first, last - 1
    while True:
        low += 1
        while keys[numbers[low]] < pivot:
            low += 1
        high -= 1
        while pivot < keys[numbers[high]]:
            high -= 1
        if high < low:
            break
        _swap(numbers, low, high)
    _swap(numbers, last - 1, low)
    return [(first, low - 1), (low + 1, last)]


def _swap_if_less(
    numbers: list[int], keys: Sequence[tuple[float, ...]], later: int, earlier: int
) -> bool:
    if not keys[numbers[later]] < keys[numbers[earlier]]:
        return False
    _swap(numbers, later, earlier)
    return True


def _swap(numbers: list[int], one: int, other: int) -> None:
    numbers[one], numbers[other] = numbers[other], numbers[one]
