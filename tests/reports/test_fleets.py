"""A fleet's report has a line for each upgrade, and ends a program by the worst of them."""

import json

import pytest

from kong_lts.fleet import FleetRun, MemberRun, Standing
from kong_lts.reports import ExitStatus, exit_status, render


def fleet(*standings: Standing) -> FleetRun:
    return FleetRun(
        members=tuple(
            MemberRun(name=f"shop-{n}", wave=n, standing=standing, reason=f"because of {n}")
            for n, standing in enumerate(standings, 1)
        )
    )


HALF = fleet(Standing.SUCCEEDED, Standing.STOPPED, Standing.NOT_BEGUN)


@pytest.mark.parametrize("format", ["text", "markdown", "html", "json"])
def test_every_upgrade_has_its_line(format: str) -> None:
    report = render(HALF, format)

    assert "Stopped at shop-2 in wave 2: 1 of 3 upgrades succeeded" in report
    for n in (1, 2, 3):
        assert f"shop-{n}" in report
        assert f"because of {n}" in report


def test_in_text_it_is_one_line() -> None:
    lines = [line for line in render(HALF, "text").splitlines() if "shop-2" in line]

    assert len([line for line in lines if "because of 2" in line]) == 1


def test_json_has_every_field() -> None:
    document = json.loads(render(HALF, "json"))

    assert document["ok"] is False
    assert document["members"][1]["standing"] == "stopped"


@pytest.mark.parametrize(
    ("standings", "status", "sentence"),
    [
        ((), ExitStatus.CLEAN, "the fleet is empty"),
        ((Standing.SUCCEEDED,), ExitStatus.CLEAN, "1 upgrade of the fleet succeeded"),
        ((Standing.SUCCEEDED, Standing.NOT_BEGUN), ExitStatus.STOPPED, "was not begun"),
        ((Standing.ROLLED_BACK, Standing.NOT_BEGUN), ExitStatus.ROLLED_BACK, "Stopped at shop-1"),
        ((Standing.REFUSED,), ExitStatus.STOPPED, "Stopped at shop-1"),
        ((Standing.LOST, Standing.ROLLED_BACK), ExitStatus.STOPPED, "0 of 2"),
        ((Standing.ROLLBACK_FAILED, Standing.STOPPED), ExitStatus.ROLLBACK_FAILED, "Stopped"),
    ],
)
def test_a_program_ends_by_the_worst(
    standings: tuple[Standing, ...], status: ExitStatus, sentence: str
) -> None:
    assert exit_status(fleet(*standings)) is status
    assert sentence in render(fleet(*standings), "text")
