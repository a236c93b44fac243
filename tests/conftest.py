"""What all tests share: how much they try, the reference folder, the list of what was skipped."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
NIGHTLY = os.environ.get("KONG_LTS_NIGHTLY") == "1"

# A tenth of the examples, the same ones each time: a change is judged by itself, not by luck.
settings.register_profile("tenth", max_examples=10, derandomize=True, deadline=None)
settings.register_profile("nightly", max_examples=100, deadline=None, print_blob=True)
settings.load_profile("nightly" if NIGHTLY else "tenth")


def counted(full: int) -> int:
    """How often to do what the nightly run does *full* times: a tenth, and at least once."""
    return full if NIGHTLY else max(1, full // 10)


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder with measured facts about Kong, decK and PostgreSQL, which is not in the clone."""
    folder = Path(os.environ.get("KONG_LTS_REFERENCE") or ROOT / "../shared")
    if not folder.is_dir():
        pytest.skip(f"KONG_LTS_REFERENCE: no folder {folder}")
    return folder.resolve()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End the run with one line for each reason to skip."""
    skipped = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", ()))
    if not skipped:
        return
    terminalreporter.section("skipped")
    for reason, count in sorted(skipped.items()):
        terminalreporter.write_line(f"{count} x {reason}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):  # (file, line, reason), for a test and for a module
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)
