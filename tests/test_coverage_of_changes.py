"""Every change from 2.8 to 3.4, and what people suffered, is found or said to be unseen."""

import json
import os
import re
from pathlib import Path

import pytest

from kong_lts import catalog
from kong_lts.catalog.assessment_rows import ChangeRow, PainRow
from tests.test_catalog import RULES

REFERENCE = Path(
    os.environ.get("KONG_LTS_REFERENCE", Path(__file__).parents[2] / "shared/reference")
)
UNSEEN = {"other", "runbook", "best"}
"""What a change is seen by, where no input of this library shows it."""
IDS = {rule.id for rule in RULES}
CHANGES = {row.id: row for row in catalog.changes()}
PAINS = {row.id: row for row in catalog.pains()}


def listed_changes() -> list[dict[str, object]]:
    path = REFERENCE / "changes/changes.json"
    if not path.exists():
        pytest.skip("the list of changes is not here")
    found: list[dict[str, object]] = json.loads(path.read_text("utf-8"))["changes"]
    return found


def listed_pains() -> set[str]:
    path = REFERENCE / "users/pains.md"
    if not path.exists():
        pytest.skip("the list of pains is not here")
    rows = re.findall(r"(?m)^\| \*{0,2}([A-Z]+\d+)\*{0,2} \|", path.read_text("utf-8"))
    return set(rows)


@pytest.mark.parametrize("row", CHANGES.values(), ids=list(CHANGES))
def test_a_change_is_found_by_rules_that_exist_or_says_what_to_do(row: object) -> None:
    assert isinstance(row, ChangeRow)
    assert set(row.rules) <= IDS
    assert bool(row.rules) != bool(row.by_hand)


@pytest.mark.parametrize("row", PAINS.values(), ids=list(PAINS))
def test_so_does_a_pain(row: object) -> None:
    assert isinstance(row, PainRow)
    assert set(row.rules) <= IDS
    assert bool(row.rules) != bool(row.by_hand)


def test_every_listed_change_has_a_row() -> None:
    assert {str(change["id"]) for change in listed_changes()} == set(CHANGES)
    assert len(CHANGES) == 344


def test_only_what_no_input_shows_is_left_to_people() -> None:
    for change in listed_changes():
        row = CHANGES[str(change["id"])]
        detect = change["detect"]
        assert isinstance(detect, dict)
        assert row.rules or set(detect) <= UNSEEN, row.id


def test_categories_are_those_of_the_guide() -> None:
    for change in listed_changes():
        assert CHANGES[str(change["id"])].category == change["guide_category"]


def test_every_listed_pain_has_a_row() -> None:
    assert listed_pains() == set(PAINS)


def test_at_least_65_pains_are_found() -> None:
    assert sum(bool(row.rules) for row in PAINS.values()) >= 65
