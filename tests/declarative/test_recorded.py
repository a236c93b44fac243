"""Files that real gateways of both releases were asked to load, and those decK was measured on."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kong_lts.declarative import convert
from kong_lts.errors import DeclarativeError
from kong_lts.findings import Finding, Severity


@pytest.fixture(scope="module")
def recorded(reference: Path) -> list[tuple[dict[str, Any], bytes]]:
    """What each gateway said of each file."""
    folder = reference / "cases" / "declarative"
    found = [(json.loads(path.read_text()), path) for path in sorted(folder.glob("*.json"))]
    if not found:
        pytest.skip(f"no recordings in {folder}")
    return [(meta, path.with_suffix(".yml").read_bytes()) for meta, path in found]


def routes(node: Any) -> Iterator[tuple[str, Any]]:
    """All named routes of a parsed file."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "routes" and isinstance(value, list):
                yield from ((r["name"], r.get("paths")) for r in value if r.get("name"))
            yield from routes(value)
    elif isinstance(node, list):
        for item in node:
            yield from routes(item)


def test_a_converted_file_has_the_paths_that_3_4_has(
    recorded: list[tuple[dict[str, Any], bytes]],
) -> None:
    for meta, data in recorded:
        if not (meta["2.8"]["ok"] and meta["3.4"]["ok"]):
            continue
        converted = dict(routes(YAML(typ="safe").load(convert(data).data)))
        loaded = {name: route["paths"] for name, route in meta["3.4"]["routes"].items()}
        assert {n: p or None for n, p in converted.items()} == {
            n: p or None for n, p in loaded.items() if n in converted
        }, meta["title"]


def test_what_3_4_loads_is_no_blocker(recorded: list[tuple[dict[str, Any], bytes]]) -> None:
    for meta, data in recorded:
        if meta["2.8"]["ok"] and meta["3.4"]["ok"]:
            assert blockers(convert(data).findings) == [], meta["title"]


def test_what_only_3_4_refuses_is_converted_or_blocks(
    recorded: list[tuple[dict[str, Any], bytes]],
) -> None:
    for meta, data in recorded:
        if meta["2.8"]["ok"] and not meta["3.4"]["ok"]:
            conversion = convert(data)
            settled = [f for f in conversion.applied if f.severity is Severity.WARNING]
            assert blockers(conversion.findings) or settled, meta["title"]


def test_what_2_8_refuses_is_read_or_an_error_of_the_library(
    recorded: list[tuple[dict[str, Any], bytes]],
) -> None:
    for meta, data in recorded:
        if not meta["2.8"]["ok"]:
            with contextlib.suppress(DeclarativeError):
                convert(data)


def test_every_regex_path_of_decks_corpus_gets_its_tilde(reference: Path) -> None:
    """Wherever the route stands; decK leaves routes without a service as they are."""
    for path in sorted((reference / "cases" / "deck").glob("R*.yaml")):
        for _, paths in routes(YAML(typ="safe").load(convert(path.read_bytes()).data)):
            for one in paths or ():
                assert not re.search(r"[\\^$*+?()\[\]{}|]", one) or one.startswith("~/")


def blockers(findings: tuple[Finding, ...]) -> list[str]:
    return [f.rule for f in findings if f.severity is Severity.BLOCKER]
