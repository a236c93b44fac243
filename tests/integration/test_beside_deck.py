"""A real decK converts the same files: every difference has a reason that is written down here."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from ruamel.yaml import YAML

from kong_lts.declarative import convert
from kong_lts.routing import migrate_path, normalise
from tests.conftest import NIGHTLY

ORDERED_BY_NAME = frozenset({"services", "routes", "plugins", "consumers", "upstreams", "targets"})
SERVICE = "services:\n- name: s\n  host: h\n"
ROUTE = f"{SERVICE}  routes:\n  - name: r\n    paths:\n    - "
ROUTE_PATH = ("services", 0, "routes", 0, "paths", 0)
GONE = "<gone>"

Place = tuple[str | int, ...]
Difference = tuple[Place, Any, Any]
"""Where, what the library has there, and what decK has."""


@attrs.frozen
class Explained:
    """A file on which the two differ."""

    why: str
    text: str
    differences: tuple[Difference, ...]
    format_version: str = "2.1"

    @property
    def file(self) -> bytes:
        return f'_format_version: "{self.format_version}"\n{self.text}\n'.encode()


EXPLAINED = [
    Explained(
        "decK converts the paths of routes inside services only",
        "routes:\n- name: r\n  paths: ['/a\\d']",
        ((("routes", 0, "paths", 0), r"~/a\d", r"/a\d"),),
    ),
    Explained(
        "decK does not decode a regex, which then never matches",
        f"{ROUTE}/a%2Eb/\\d",
        ((ROUTE_PATH, r"~/a\.b/\d", r"~/a%2Eb/\d"),),
    ),
    Explained(
        "decK does not normalise a plain path, which 3.4 refuses",
        f"{ROUTE}/a/../caf%C3%A9",
        ((ROUTE_PATH, "/café", "/a/../caf%C3%A9"),),
    ),
    Explained(
        "decK migrates a file of format 3.0 once more",
        f"{ROUTE}/a b",
        ((ROUTE_PATH, "/a b", "~/a b"),),
        format_version="3.0",
    ),
    Explained(
        "decK does not look into the shared configs",
        "_plugin_configs: {c: {whitelist: [a]}}\nplugins: [{name: acl, _config: c}]",
        (
            (("_plugin_configs", "c", "allow"), ["a"], GONE),
            (("_plugin_configs", "c", "whitelist"), GONE, ["a"]),
        ),
    ),
    Explained(
        "decK renames the fields of every plugin, also of those that are not Kong's",
        "plugins: [{name: my-guard, config: {blacklist: [a]}}]",
        (
            (("plugins", 0, "config", "blacklist"), ["a"], GONE),
            (("plugins", 0, "config", "deny"), GONE, ["a"]),
        ),
    ),
    Explained(
        "decK drops what it changes in the plugins of consumer groups",
        "consumer_groups: [{name: g, plugins: [{name: acl, config: {whitelist: [a]}}]}]",
        (
            (("consumer_groups", 0, "plugins", 0, "config", "allow"), ["a"], GONE),
            (("consumer_groups", 0, "plugins", 0, "config", "whitelist"), GONE, ["a"]),
        ),
    ),
    Explained(
        "decK overwrites the new field with the old one, which is empty in every dump",
        "plugins: [{name: pre-function, config: {functions: [], access: [a]}}]",
        ((("plugins", 0, "config", "access"), ["a"], []),),
    ),
    Explained(
        "decK reports lists of headers and leaves them, and 3.4 refuses them",
        "plugins: [{name: http-log, config: {headers: {X: [a, b]}}}]",
        ((("plugins", 0, "config", "headers", "X"), "a, b", ["a", "b"]),),
    ),
    Explained(
        "decK leaves the nulls that 3.4 refuses",
        "plugins: [{name: syslog, config: {facility: null}}]",
        ((("plugins", 0, "config", "facility"), "user", None),),
    ),
    Explained(
        "decK takes a url apart",
        "services: [{name: s, url: 'https://h/x'}]",
        (
            (("services", 0, "host"), GONE, "h"),
            (("services", 0, "path"), GONE, "/x"),
            (("services", 0, "port"), GONE, 443),
            (("services", 0, "protocol"), GONE, "https"),
            (("services", 0, "url"), "https://h/x", GONE),
        ),
    ),
    Explained(
        "decK writes the value of a variable",
        SERVICE.replace("host: h", 'host: ${{ env "DECK_HOST" }}'),
        ((("services", 0, "host"), '${{ env "DECK_HOST" }}', "filled-in"),),
    ),
    Explained(
        "decK reads numbers as floating point",
        "plugins: [{name: my-guard, config: {serial: 12345678901234567}}]",
        ((("plugins", 0, "config", "serial"), 12345678901234567, 12345678901234568),),
    ),
]

REFUSED_BY_DECK = {
    "a route without a name": "services: [{name: s, host: h, routes: [{paths: [/a]}]}]",
    "no paths": "services: [{name: s, host: h, routes: [{name: r, paths: null, hosts: [a]}]}]",
    "a comment of Kong's": "_comment: by hand\nservices: [{name: s, host: h}]",
    "vaults of 2.8": "vaults_beta: [{name: env, prefix: my-env}]",
    "credentials at the top": "consumers: [{username: u}]\nacls: [{consumer: u, group: g}]",
    "a variable that is not set": "services: [{name: s, host: '${{ env \"DECK_NOT_SET\" }}'}]",
}
"""What decK does not convert at all, and the library does."""


def by_deck(deck: Path, source: Path, target: Path) -> Any:
    """What decK makes of a file; None where it refuses."""
    command = [str(deck), "file", "convert", "--from", "2.8", "--to", "3.4", "--yes"]
    done = subprocess.run(
        [*command, "--input-file", str(source), "-o", str(target)],
        capture_output=True,
        env={**os.environ, "DECK_HOST": "filled-in", "DECK_SECRET": "filled-in"},
        timeout=60,
        check=False,
    )
    return YAML(typ="safe").load(target.read_text()) if done.returncode == 0 else None


def by_library(data: bytes) -> Any:
    """What the library makes of the first document of a file."""
    return next(YAML(typ="safe").load_all(convert(data).data), None)


def differences(ours: Any, theirs: Any, at: Place = ()) -> Iterator[Difference]:
    """Where two parsed files differ, but for the order in which decK sorts entities."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}, key=str):
            yield from differences(ours.get(key, GONE), theirs.get(key, GONE), (*at, key))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        if at and at[-1] in ORDERED_BY_NAME:
            ours, theirs = sorted(ours, key=called), sorted(theirs, key=called)
        for n, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, (*at, n))
    elif ours != theirs:
        yield at, ours, theirs


def called(entity: Any) -> str:
    """What decK sorts an entity by."""
    names = ("name", "username", "target", "paths")
    return str([entity.get(n) for n in names]) if isinstance(entity, dict) else str(entity)


@pytest.mark.parametrize("case", EXPLAINED, ids=lambda case: case.why)
def test_each_difference_to_deck_is_this_one(case: Explained, deck: Path, tmp_path: Path) -> None:
    source = tmp_path / "kong.yml"
    source.write_bytes(case.file)

    theirs = by_deck(deck, source, tmp_path / "deck.yml")

    assert tuple(differences(by_library(case.file), theirs)) == case.differences


@pytest.mark.parametrize("why", REFUSED_BY_DECK)
def test_what_deck_refuses_is_converted(why: str, deck: Path, tmp_path: Path) -> None:
    source = tmp_path / "kong.yml"
    source.write_text(f'_format_version: "2.1"\n{REFUSED_BY_DECK[why]}\n', encoding="utf-8")

    assert by_deck(deck, source, tmp_path / "deck.yml") is None
    assert convert(source.read_bytes()).data.startswith(b'_format_version: "3.0"')


def explained(where: Difference, paths: set[str], source: str) -> bool:
    """Whether a difference is of a kind that a case above shows, values and all."""
    at, ours, theirs = where
    in_3_0 = '_format_version: "3.0"' in source
    if "paths" in at:
        made = normalise if in_3_0 else migrate_path
        if not str(ours).startswith(("/", "~")):
            return ours in paths  # refused by both releases, and left alone
        from_same = {path for path in paths if ours in (made(path), path if in_3_0 else None)}
        return bool(from_same & {theirs, str(theirs)[1:]}) or str(theirs).startswith("~~")
    old_or_new = {"whitelist", "blacklist", "allow", "deny", "functions", "access"}
    return (
        (at[-1] in old_or_new or at[-2:-1] == ("access",))
        or (at[-1] in ("url", "host", "port", "protocol", "path") and "url" in source)
        or ("headers" in at and (isinstance(theirs, list) or ours in (GONE, None)))
        or (at[-1] == "namespace" and (ours == GONE or theirs is False))
        or (at[-1] in ("status_code", "facility") and theirs is None)
        or (isinstance(ours, str) and "${{ env" in ours and theirs == "filled-in")
        or (str(ours) in ("y", "n", "yes", "no") and isinstance(theirs, bool))
        or (isinstance(ours, int) and float(ours) == float(str(theirs)))
        or (isinstance(ours, int) and f"0{ours}" in source and theirs == int(str(ours), 8))
        or (at == ("_format_version",) and ours not in ("1.1", "2.1", "3.0") and theirs == "3.0")
        or (ours == {} and theirs == GONE)
        or str(ours) == theirs  # a date
    )


@pytest.fixture
def corpus(reference: Path) -> list[Path]:
    found = sorted((reference / "cases" / "deck").glob("*.yaml"))
    recorded = sorted((reference / "cases" / "declarative").glob("*.yml"))
    return [*found, *recorded] if NIGHTLY else [*found, *recorded][::12]


def test_every_difference_on_the_corpus_is_explained(
    deck: Path, corpus: list[Path], tmp_path: Path
) -> None:
    unexplained = []
    for path in corpus:
        theirs = by_deck(deck, path, tmp_path / "deck.yml")
        if not isinstance(theirs, dict):
            continue
        data, source = path.read_bytes(), path.read_text(encoding="utf-8")
        paths = set(texts(next(YAML(typ="safe").load_all(data), None)))
        found = differences(by_library(data), theirs)
        unexplained += [(path.name, one) for one in found if not explained(one, paths, source)]
    assert unexplained == []


def texts(node: Any) -> Iterator[str]:
    """Every text in a parsed file."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from texts(inner)
