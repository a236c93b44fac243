"""What decK prints is read as it was recorded, and what it shows of secrets is left out."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kong_lts.adapters.deck_report import (
    basic_auth_writes,
    changes_of,
    first_words,
    refusals_of,
)
from tests.conftest import ROOT

FOLDER = Path(os.environ.get("KONG_LTS_REFERENCE") or ROOT / "../shared") / "reference/kong/deck"
ITEM = {
    "kind": "basic-auth", "name": "zoe for consumer zoe",
    "body": {"new": {"username": "zoe", "password": "p"}, "old": None},
}  # fmt: skip


def report(**changes: object) -> str:
    document: dict[str, Any] = {"changes": {"creating": [], "updating": [], "deleting": []}}
    document["changes"].update(changes)
    return json.dumps({**document, "errors": [], "warnings": []}, indent=2)


def recorded() -> Iterator[dict[str, Any]]:
    for name in ("runs.jsonl", "sync.jsonl"):
        path = FOLDER / name
        if path.is_file():
            yield from map(json.loads, path.read_text("utf-8").splitlines())


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the recordings are not here")
def test_every_recorded_report_is_read_as_its_summary_says() -> None:
    """Some have prose before it; what `--non-zero-exit-code` swallowed is no report."""
    read = 0
    for run in recorded():
        if "--json-output" not in run["argv"] or run["rc"] == 1:
            continue
        found = changes_of(run["stdout"])
        assert (found is None) == (run["stdout"] == "")
        if found is not None:
            changes, document = found
            assert len(changes.updated) + len(changes.aging) == len(document["changes"]["updating"])
            assert len(changes.created) == len(document["changes"]["creating"])
            assert bool(changes.errors) == bool(document["errors"])
            read += 1
    assert read > 20


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the recordings are not here")
def test_every_recorded_validation_is_told_from_one_that_did_not_look() -> None:
    looked = 0
    for run in recorded():
        if "validate" not in run["argv"] or run["rc"] == 0:
            continue
        refusals = refusals_of(run["stderr"])
        unreachable = "building state" in run["stderr"] or "no such file" in run["stderr"]
        assert (refusals is None) == unreachable, run["stderr"]
        looked += refusals is not None
    assert looked > 10


def test_what_the_gateway_refused_is_an_error_and_what_was_dropped_too() -> None:
    text = json.dumps({
        "changes": {"dropped_creations": [{"kind": "plugin", "name": "cors for service a"}]},
        "errors": ["while processing event: HTTP status 404"],
    })  # fmt: skip
    found = changes_of(text)

    assert found is not None
    assert found[0].errors == (
        "while processing event: HTTP status 404",
        "plugin cors for service a was not tried any more",
    )
    assert not found[0].is_empty


def test_a_refusal_repeats_no_value() -> None:
    said = "UNIQUE violation detected on '{key=\"my-key\"}'"
    found = changes_of(json.dumps({"changes": {}, "errors": [said]}))

    assert found is not None
    assert found[0].errors == ("UNIQUE violation detected on '{key=\"...\"}'",)
    assert "my-key" not in first_words(f"Error: {said}\nand advice")


def test_the_end_of_a_key_is_no_name() -> None:
    item = {"kind": "key-auth", "name": "y-key for consumer zoe", "body": {}}
    found = changes_of(report(creating=[item, {"kind": "key-auth", "name": "y-key"}]))

    assert found is not None
    assert found[0].created == ("key-auth of consumer zoe", "key-auth")


def test_basic_auth_is_found_where_it_would_be_written() -> None:
    found = changes_of(report(creating=[ITEM], deleting=[{**ITEM, "name": "other"}]))

    assert found is not None
    assert basic_auth_writes(found[1]) == {"zoe"}


@pytest.mark.parametrize("ttl", [(5, 4, True), (5, 5, False)])
def test_time_that_passes_is_told_apart(ttl: tuple[int, int, bool]) -> None:
    new, old, ages = ttl
    body = {"new": {"ttl": new, "tags": ["a"]}, "old": {"ttl": old, "tags": ["a" if ages else "b"]}}
    item = {"kind": "key-auth", "name": "k for consumer zoe", "body": body}
    found = changes_of(report(updating=[item]))

    assert found is not None
    assert bool(found[0].aging) == ages
    assert bool(found[0].updated) != ages


@pytest.mark.parametrize("text", ["", "nothing", "{", "[]", '{"summary": {}}'])
def test_what_is_no_report_is_none(text: str) -> None:
    assert changes_of(text) is None
