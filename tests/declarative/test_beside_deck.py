"""A real decK converts the same files; every difference has a reason that is written down here.

`deck` has to be on PATH.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from kong_lts.declarative import convert
from tests.conftest import NIGHTLY

ORDERED_BY_NAME = frozenset({"services", "routes", "plugins", "consumers", "upstreams", "targets"})

EXPLAINED = {
    "path without a service": "decK converts only the paths of routes inside services",
    "decoded or normalised": "decK puts `~` before a regex and changes nothing else",
    "format 3.0": "decK migrates a file once more that is of format 3.0 already",
    "list of headers": "decK reports lists in the headers of http-log and leaves them",
    "null": "decK leaves the nulls that 3.4 refuses",
    "shared config": "decK does not look into _plugin_configs",
    "custom plugin": "decK renames whitelist and blacklist of any plugin",
    "namespace": "decK invents a namespace, another one each time",
    "url": "decK writes a url as host, port, protocol and path",
    "functions": "decK overwrites access with functions, also with empty ones",
    "variable": "decK fills variables in unless told otherwise",
    "word": "decK reads `no` and `n` as booleans and a date as text",
    "number": "decK reads numbers as floating point",
    "vault": "decK knows no vaults_beta",
    "tilde": "a path that was migrated twice is mended, not kept",
}
"""Why the two may differ, by the reason that `reason` gives."""


@pytest.fixture(scope="module")
def deck() -> str:
    found = shutil.which("deck")
    if found is None:
        pytest.skip("PATH: no deck")
    return found


@pytest.fixture
def corpus(reference: Path) -> list[Path]:
    found = sorted((reference / "cases" / "deck").glob("*.yaml"))
    recorded = sorted((reference / "cases" / "declarative").glob("*.yml"))
    found += recorded if NIGHTLY else recorded[::20]
    return found


def by_deck(deck: str, source: Path, target: Path) -> Any:
    """What decK makes of a file; None where it refuses."""
    command = [deck, "file", "convert", "--from", "2.8", "--to", "3.4", "--yes"]
    done = subprocess.run(
        [*command, "--input-file", str(source), "-o", str(target)],
        capture_output=True,
        env={**os.environ, "DECK_ANALYTICS": "off", "DECK_SECRET": "x"},
        timeout=60,
        check=False,
    )
    return YAML(typ="safe").load(target.read_text()) if done.returncode == 0 else None


def differences(ours: Any, theirs: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Where two parsed files differ, but for the order in which decK sorts entities."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted({*ours, *theirs}, key=str)
        return [d for k in keys for d in differences(ours.get(k), theirs.get(k), (*path, str(k)))]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        if path and path[-1] in ORDERED_BY_NAME:
            ours, theirs = sorted(ours, key=str_of_name), sorted(theirs, key=str_of_name)
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [d for n, (a, b) in pairs for d in differences(a, b, (*path, str(n)))]
    return [] if ours == theirs else [(*path, repr(ours), repr(theirs))]


def str_of_name(entity: Any) -> str:
    names = ("name", "username", "target", "paths")
    return str([entity.get(n) for n in names]) if isinstance(entity, dict) else str(entity)


def reason(where: tuple[str, ...], source: str) -> str | None:
    """Which of the explanations holds for a difference; None if none does."""
    *path, ours, theirs = where
    if "paths" in path:
        if '_format_version: "3.0"' in source:
            return "format 3.0"
        if theirs.startswith(("'~~", '"~~')):
            return "tilde"
        return "path without a service" if path[0] == "routes" else "decoded or normalised"
    checks = {
        "list of headers": "headers" in path,
        "shared config": path[0] == "_plugin_configs",
        "namespace": path[-1] == "namespace",
        "url": path[-1] in ("url", "host", "port", "protocol", "path") and "url" in source,
        "vault": path[0] in ("vaults", "vaults_beta"),
        "null": theirs == "None" or path[-1] in ("status_code", "facility"),
        "functions": "config" in path and "access" in path,
        "variable": "${{ env" in ours,
        "word": theirs in ("True", "False") or ours.startswith("datetime.date("),
        "custom plugin": path[-1] in ("whitelist", "blacklist", "allow", "deny"),
        "number": ours.replace(".", "").strip("'").isdigit(),
    }
    return next((name for name, holds in checks.items() if holds), None)


def test_every_difference_to_deck_is_explained(
    deck: str, corpus: list[Path], tmp_path: Path
) -> None:
    unexplained, seen = [], set()
    for path in corpus:
        theirs = by_deck(deck, path, tmp_path / f"{path.stem}.out.yaml")
        if not isinstance(theirs, dict):
            continue
        ours = next(YAML(typ="safe").load_all(convert(path.read_bytes()).data), None)
        for where in differences(ours, theirs):
            found = reason(where, path.read_text(encoding="utf-8"))
            seen.add(found)
            if found is None:
                unexplained.append((path.name, where))
    assert unexplained == []
    assert seen <= {*EXPLAINED}
