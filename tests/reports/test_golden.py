"""The text and Markdown reports, whole, as they were last reviewed.

`KONG_LTS_GOLDEN=write` writes them anew; review the difference line by line.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kong_lts.reports import render
from kong_lts.strategies import choose_strategy
from tests.reports import samples

GOLDEN = Path(__file__).resolve().parents[1] / "golden/reports"

VALUES: dict[str, Callable[[], object]] = {
    "blocked": samples.blocked,
    "choice": lambda: choose_strategy(samples.deployment()),
    "plan": samples.short_plan,
    "killed_and_resumed": samples.killed_and_resumed,
    "killed": samples.killed,
    "rolled_back": samples.rolled_back,
    "rollback_failed": samples.rollback_failed,
    "rehearsal": samples.broken_rehearsal,
}
SUFFIXES = {"text": "txt", "markdown": "md"}


@pytest.mark.parametrize("format", SUFFIXES)
@pytest.mark.parametrize("name", VALUES)
def test_a_report_is_as_it_was_reviewed(name: str, format: str) -> None:
    path = GOLDEN / f"{name}.{SUFFIXES[format]}"
    # A plan's fingerprint changes with every field that a step gets.
    report = re.sub(
        r"(?m)(of the plan\W+ )[0-9a-f]{64}$", r"\1FINGERPRINT", render_of(name, format)
    )

    if os.environ.get("KONG_LTS_GOLDEN") == "write":
        path.write_text(report, encoding="utf-8")

    assert report == path.read_text(encoding="utf-8")


def render_of(name: str, format: str) -> str:
    return render(VALUES[name](), format)
