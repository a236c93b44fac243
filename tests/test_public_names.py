"""The public names: what `import kong_lts` gives, each of them documented and real."""

from pathlib import Path

import pytest

import kong_lts
from kong_lts import adapters, kong_conf, routing

DOCS = Path(__file__).resolve().parents[1] / "docs/reference/api.md"

PINNED = {
    "Adapters",
    "Assessment",
    "Baseline",
    "Cluster",
    "ClusterAdapters",
    "DatabaseSettings",
    "Deployment",
    "DeploymentMode",
    "Edition",
    "Evidence",
    "Finding",
    "Gate",
    "KongLtsError",
    "KongVersion",
    "Location",
    "Node",
    "NodeRole",
    "NotChecked",
    "Plan",
    "Probe",
    "Progress",
    "RampStage",
    "Rehearsal",
    "Release",
    "Resources",
    "Run",
    "Settings",
    "Severity",
    "StateFile",
    "Strategy",
    "StrategyChoice",
    "TextFile",
    "Verdict",
    "assess",
    "choose_strategy",
    "declarative",
    "execute",
    "follow",
    "exit_status",
    "gather",
    "kong_conf",
    "parse_deployment",
    "plan",
    "plan_restore",
    "read_deployment",
    "read_evidence",
    "redacted",
    "rehearse",
    "render",
    "resume",
    "roll_back",
    "routing",
}


def test_the_public_names_are_these() -> None:
    """A name is added or taken away on purpose, together with this list and the docs."""
    assert set(kong_lts.__all__) == PINNED


@pytest.mark.parametrize("name", sorted(PINNED))
def test_every_public_name_is_there_and_says_what_it_is_for(name: str) -> None:
    assert getattr(kong_lts, name).__doc__


@pytest.mark.parametrize("name", sorted(PINNED))
def test_every_public_name_is_in_the_reference(name: str) -> None:
    assert f"`{name}`" in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(adapters.__all__))
def test_every_default_adapter_is_in_the_reference(name: str) -> None:
    assert f"`{name}`" in DOCS.read_text(encoding="utf-8")


def test_names_are_sorted() -> None:
    assert kong_lts.__all__ == sorted(kong_lts.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'upgrade'"):
        _ = kong_lts.upgrade


def test_the_modules_have_the_names_that_callers_use() -> None:
    assert {"parse", "read", "resolve", "diff", "rewrite"} <= set(kong_conf.__all__)
    assert {"migrate_path", "check_regex"} <= set(routing.__all__)
