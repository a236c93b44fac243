"""Whatever the Admin API or a manifest holds, no check crashes on it."""

import json

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
