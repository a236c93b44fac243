"""The index never loses an entry that a request may match, and keeps the order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.routing.router.index import DIMENSIONS, Index
from tests.conftest import counted

KEYS = st.one_of(st.none(), st.lists(st.integers(0, 3), min_size=1, max_size=3))
ENTRY = st.tuples(*[KEYS] * DIMENSIONS)
QUERY = st.tuples(*[st.lists(st.integers(0, 4), max_size=3)] * DIMENSIONS)


@settings(max_examples=counted(1000))
@given(entries=st.lists(ENTRY, max_size=60), query=QUERY)
def test_every_entry_that_shares_a_key_in_each_dimension_is_found_in_order(
    entries: list[tuple[list[int] | None, ...]], query: tuple[list[int], ...]
) -> None:
    found = list(Index(entries).find(query))

    wanted = [
        number
        for number, entry in enumerate(entries)
        if all(
            own is None or set(own) & set(asked) for own, asked in zip(entry, query, strict=True)
        )
    ]
    assert found == sorted(set(found))
    assert set(wanted) <= set(found)


def test_most_entries_are_left_out() -> None:
    entries = [((f"host{n % 50}",), (f"/path{n}",), None, None, None) for n in range(1000)]

    found = Index(entries).find((["host7"], ["/path57", "/path7"], [], [], []))

    assert {7, 57} <= set(found)
    assert len(found) < 10
