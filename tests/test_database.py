"""Fingerprints of a configuration, and what differs between two of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.database import DatabaseFacts, Fingerprint, TableFingerprint, differences
from kong_lts.serialization import Form
from kong_lts.testing.generators import values_of
from tests.conftest import counted

ROUTES = TableFingerprint(name="routes", rows=3, digest="aa")
PLUGINS = TableFingerprint(name="plugins", rows=2, digest="bb")
BOTH = Fingerprint(tables=(ROUTES, PLUGINS))


@settings(max_examples=counted(500))
@given(fingerprint=values_of(Fingerprint), data=st.data())
def test_the_order_of_tables_counts_for_nothing(
    fingerprint: Fingerprint, data: st.DataObject
) -> None:
    shuffled = Fingerprint(tables=tuple(data.draw(st.permutations(fingerprint.tables))))

    assert shuffled.digest == fingerprint.digest
    assert shuffled.rows == fingerprint.rows


@settings(max_examples=counted(500))
@given(one=values_of(Fingerprint))
def test_a_fingerprint_does_not_differ_from_itself(one: Fingerprint) -> None:
    assert differences(one, one) == ()


def test_the_moment_of_a_fingerprint_is_no_difference() -> None:
    then = Fingerprint(tables=(ROUTES,), taken_at="2026-01-01T00:00:00+00:00")

    assert then == Fingerprint(tables=(ROUTES,))


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (Fingerprint(tables=(ROUTES,)), "plugins: is missing"),
        (
            Fingerprint(tables=(*BOTH.tables, TableFingerprint(name="acls", rows=0, digest="cc"))),
            "acls: appeared",
        ),
        (
            Fingerprint(tables=(TableFingerprint(name="routes", rows=4, digest="aa"), PLUGINS)),
            "routes: 3 rows expected, 4 found",
        ),
        (
            Fingerprint(tables=(TableFingerprint(name="routes", rows=3, digest="ab"), PLUGINS)),
            "routes: 3 rows, but not the same ones",
        ),
    ],
)
def test_one_line_for_each_table_that_differs(found: Fingerprint, line: str) -> None:
    assert differences(BOTH, found) == (line,)
    assert found.digest != BOTH.digest


def test_rows_of_all_tables_are_counted() -> None:
    assert BOTH.rows == 5


@settings(max_examples=counted(300))
@given(facts=values_of(DatabaseFacts))
def test_facts_come_back_from_json(facts: DatabaseFacts) -> None:
    form = Form(DatabaseFacts, "database.json")

    assert form.from_json(form.to_json(facts)) == facts
