"""Whatever the Admin API, a manifest or a database holds, no check crashes on it."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import kong_lts
from kong_lts.testing.scenarios import ALL
from tests.conftest import counted

WORDS = (
    "name", "config", "paths", "data", "id", "limit", "window_size", "strategy", "version", "env",
    "plugins", "cert", "target", "kind", "spec", "containers", "image", "tag", "metadata", "rules",
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(["x", "acl", "/a(", "v1", ""])
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
ANSWERS = st.dictionaries(
    st.sampled_from(["/", "/plugins", "/routes", "/clustering/data-planes", "/certificates"]),
    JSON | st.builds(lambda rows: {"data": rows}, st.lists(JSON, max_size=3)),
)
KINDS = st.sampled_from(["Ingress", "ConfigMap", "Deployment", "KongPlugin", "KongIngress", "List"])
MANIFESTS = st.builds(
    lambda kind, parts: json.dumps({"apiVersion": "v1", "kind": kind, **parts}),
    KINDS,
    st.dictionaries(
        st.sampled_from(["metadata", "spec", "data", "config", "route", "items"]), JSON
    ),
)

NAMES = st.sampled_from(["", " ", "/", "routes", "shop orders", "a.b", "~", "migrations"])
DATABASES = st.fixed_dictionaries(
    {},
    optional={
        "server_version": NAMES | st.just("11.2"),
        "tables": st.lists(NAMES),
        "keyring_ids": st.lists(NAMES),
        "plugins": st.lists(st.builds(lambda name: {"id": name, "name": name}, NAMES), max_size=2),
    },
)


@settings(max_examples=counted(400))
@given(
    admin=ANSWERS,
    manifest=MANIFESTS | JSON.map(json.dumps),
    scenario=st.sampled_from(["hybrid-dual-cluster", "enterprise-keyring", "db-less-rolling"]),
)
def test_no_check_crashes(admin: dict[str, object], manifest: str, scenario: str) -> None:
    file = kong_lts.TextFile(path="kubernetes/a.json", text=manifest)
    evidence = kong_lts.Evidence(admin=admin, kubernetes=(file,))

    found = kong_lts.assess(ALL[scenario], kong_lts.redacted(evidence))

    assert [entry for entry in found.not_checked if "it failed with" in entry.missing] == []


@settings(max_examples=counted(100))
@given(database=DATABASES, scenario=st.sampled_from(["traditional-in-place", "enterprise-keyring"]))
def test_no_database_is_too_odd(database: dict[str, object], scenario: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "database.json").write_text(json.dumps(database, indent=1))
        evidence = kong_lts.read_evidence(folder)

    found = kong_lts.assess(ALL[scenario], evidence)

    assert [entry for entry in found.not_checked if "it failed with" in entry.missing] == []
