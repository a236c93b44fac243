"""Lines of files that are read as documents, and the findings that name them."""

import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kong_lts
from kong_lts.evidence.line_numbers import lines_of_environ, lines_of_json
from kong_lts.testing.scenarios import ALL

WORDS = st.text(max_size=4) | st.sampled_from(["data", "body", "a/b", "~", "\n"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=15,
)


def _value(document: object, pointer: str) -> object:
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]  # type: ignore[index] # as parsed
    return document


@given(document=VALUES, indent=st.none() | st.integers(0, 2))
def test_each_pointer_leads_to_the_line_of_its_value(document: object, indent: int | None) -> None:
    text = json.dumps(document, indent=indent)
    found = lines_of_json(text)
    pointers = [
        *found.keys,
        *(f"{p}/{n}" for p, lines in found.items.items() for n in range(len(lines))),
    ]

    for pointer in pointers:
        first = json.dumps(_value(document, pointer), indent=indent).partition("\n")[0]
        line = text.splitlines()[(found.line(pointer) or 0) - 1]
        assert first in line


def test_what_is_not_there_has_the_line_of_what_holds_it() -> None:
    lines = lines_of_json('{\n "data": [\n  {"id": 1},\n  {"id": 2}\n ]\n}')

    assert lines.line("/data/1") == 4
    assert lines.line("/data/1/config") == 4
    assert lines.line("/data/7") == 2
    assert lines.line("/next") is None


def test_the_last_variable_of_a_name_counts() -> None:
    lines = lines_of_environ("# KONG_A=0\nKONG_A=1\n\nKONG_A=2\nnothing\n")

    assert lines.keys == {"/KONG_A": 4}


BUNDLE = {
    "environ": "KONG_PREFIX=/kong\nKONG_WORKER_CONSISTENCY=strict\n",
    "admin/root.json": {"version": "2.8.1", "configuration": {"worker_consistency": "strict"}},
    "admin/plugins.json": {
        "data": [
            {"id": "1", "name": "jwt", "config": {}},
            {"id": "2", "name": "zipkin", "config": {"header_type": "jaeger"}},
        ]
    },
    "admin/clustering_data-planes.json": {"data": [{"hostname": "dp-1", "version": "2.7.0"}]},
    "database.json": {
        "server_version": "9.6",
        "routes": [
            {"id": "r-1", "name": "one", "paths": ["/one"]},
            {"id": "r-2", "name": "two", "paths": ["/two/[0-9]+"]},
        ],
        "plugins": [{"id": "p-1", "name": "collector"}],
        "tables": {"routes": 2, "somebodys": 1},
    },
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    for name, content in BUNDLE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return tmp_path


@pytest.mark.parametrize(
    ("rule", "where", "says"),
    [
        ("conf-worker-consistency-deprecated", "environ:2", "KONG_WORKER_CONSISTENCY"),
        ("admin-version-differs", "admin/root.json:2", '"version"'),
        ("plugin-zipkin-header-type", "admin/plugins.json:8", "{"),
        ("data-plane-state", "admin/clustering_data-planes.json:3", "{"),
        ("database-path-changes", "table routes, row r-2 (database.json:11)", "{"),
        ("postgres-server-unsupported", "database.json:2", "server_version"),
        ("table-unknown", "table somebodys (database.json:27)", "somebodys"),
    ],
)
def test_a_finding_names_the_line_of_its_file(
    bundle: Path, rule: str, where: str, says: str
) -> None:
    evidence = kong_lts.read_evidence(bundle)

    findings = kong_lts.assess(ALL["hybrid-dual-cluster"], evidence).findings

    places = {str(f.location): f.location for f in findings if f.rule == rule}
    assert where in places
    found = places[where]
    assert found is not None
    assert found.path is not None
    assert says in (bundle / found.path).read_text().splitlines()[(found.line or 0) - 1]


def test_lines_go_along_with_saved_and_redacted_evidence(bundle: Path) -> None:
    evidence = kong_lts.read_evidence(bundle)

    saved = kong_lts.Evidence.from_json(kong_lts.redacted(evidence).to_json())

    assert saved.lines == evidence.lines


def test_answers_that_came_from_no_file_have_a_pointer(bundle: Path) -> None:
    evidence = attrs.evolve(kong_lts.read_evidence(bundle), lines={})

    findings = kong_lts.assess(ALL["hybrid-dual-cluster"], evidence).findings

    (found,) = {str(f.location) for f in findings if f.rule == "plugin-zipkin-header-type"}
    assert found == "admin/plugins.json#/data/1"


def test_a_finding_on_a_file_within_a_manifest_names_the_line_of_the_manifest() -> None:
    text = """apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data:
  kong.yml: |
    _format_version: "2.1"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
data:
  kong.yml: |
    _format_version: "2.1"
    services:
    - name: a
      url: http://a.test
      plugins:
      - name: acl
        config: {whitelist: [a]}
"""
    file = kong_lts.TextFile(path="kubernetes/a.yaml", text=text)

    found = kong_lts.assess(ALL["db-less-rolling"], kong_lts.Evidence(kubernetes=(file,)))

    (place,) = {
        str(f.location) for f in found.findings if f.message.count("whitelist") and f.location
    }
    line = int(place.removeprefix("kubernetes/a.yaml:"))
    assert text.splitlines()[line - 1].strip() in ("- name: acl", "config: {whitelist: [a]}")
