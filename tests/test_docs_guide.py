"""Each section of the guide, and each of its tasks, has a page that the index of docs/ names."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.test_docs_links import ROOT, anchors, links

INDEX = ROOT / "docs" / "README.md"

PAGES: Mapping[str, str] = {
    "Upgrade journey overview": "tutorial/first-upgrade.md",
    "Prerequisites": "reference/rules.md#prerequisites",
    "Preparation": "reference/deployment.md",
    "Backup": "how-to/back-up-and-restore.md",
    "DB-less mode backup": "how-to/back-up-and-restore.md#the-guides-kinds-of-backup",
    "Database backup": "how-to/back-up-and-restore.md#the-guides-kinds-of-backup",
    "Keyring materials backup": "how-to/back-up-and-restore.md#the-guides-kinds-of-backup",
    "kong.conf backup": "how-to/back-up-and-restore.md#the-guides-kinds-of-backup",
    "Deployment modes": "explanation/strategies.md#which-one-fits",
    "DB-less mode": "explanation/strategies.md#rolling",
    "Traditional mode": "explanation/strategies.md#which-one-fits",
    "Hybrid Mode": "how-to/data-planes.md",
    "Upgrade strategies": "explanation/strategies.md#which-one-fits",
    "Dual-cluster upgrade": "explanation/strategies.md#dual-cluster",
    "Actual steps": "how-to/run-an-upgrade.md",
    "In-place upgrade": "explanation/strategies.md#in-place",
    "Rolling Upgrade": "explanation/strategies.md#rolling",
    "Review gateway changes": "how-to/assess-a-deployment.md",
    "kong.conf changes": "how-to/kong-conf.md",
    "Perform upgrade": "how-to/run-an-upgrade.md",
    "Troubleshooting": "how-to/when-a-run-stops.md",
}
"""The page for each section."""
TASKS: Mapping[str, str] = {
    "Cassandra": "how-to/leave-cassandra.md",
    "Identify the gateway to upgrade": "reference/deployment.md",
    "decK": "how-to/kong-yml.md",
    "Stop any Kong configuration updates": (
        "explanation/where-we-depart-from-the-guide.md#stop-any-kong-configuration-updates"
    ),
    "staging tests": "how-to/staging-and-smoke-tests.md",
    "Divert traffic": "how-to/divert-traffic.md",
    "monitor": "how-to/watch-metrics.md",
    "Move from dev to prod": "how-to/rehearse-a-plan.md",
    "Smoke test": "how-to/staging-and-smoke-tests.md",
    "Wrap up the upgrade": "how-to/after-the-upgrade.md",
    "roll back and try again": "how-to/when-a-run-stops.md",
    "pg_restore": "how-to/back-up-and-restore.md#go-back",
}
"""The page for each thing that somebody is told to do, by a word of the guide's sentence."""


@pytest.fixture(scope="module")
def guide(reference: Path) -> str:
    path = reference / "guide" / "upgrade-guide.md"
    if not path.exists():
        pytest.skip(f"{path}: not there")
    return path.read_text(encoding="utf-8")


def test_every_section_of_the_guide_has_a_page(guide: str) -> None:
    headings = {found.strip() for found in re.findall(r"(?m)^#{2,6} +(.+)$", guide)}

    assert headings == PAGES.keys()


@pytest.mark.parametrize("task", TASKS)
def test_the_guide_has_the_task(guide: str, task: str) -> None:
    assert task in guide


@pytest.mark.parametrize("target", sorted({*PAGES.values(), *TASKS.values()}))
def test_the_index_leads_there(target: str) -> None:
    path, _, anchor = target.partition("#")

    assert target in set(links(INDEX.read_text(encoding="utf-8")))
    assert not anchor or anchor in anchors((INDEX.parent / path).read_text(encoding="utf-8"))


def test_the_index_leads_to_every_how_to() -> None:
    linked = {target.partition("#")[0] for target in links(INDEX.read_text(encoding="utf-8"))}

    for page in (ROOT / "docs" / "how-to").glob("*.md"):
        assert f"how-to/{page.name}" in linked
