"""Data planes and error logs are watched through the real adapters."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from kong_lts.adapters import HttpAdminApi, LocalProcessRunner
from kong_lts.deployment import Side
from kong_lts.events import GateVerdict, Watched
from kong_lts.monitoring import Gate, Measure, WatchMetrics
from kong_lts.protocols import AdminApi
from kong_lts.testing import scenarios
from kong_lts.testing.admin_api import KongAdminApi
from kong_lts.testing.fakes import FakeAdminApi, FakeClock, fake_adapters
from kong_lts.testing.simulation import World
from kong_lts.versions import Release
from tests.contracts.admin_api import DATA_PLANES, DataPlanesContract
from tests.monitoring.test_watch import diverted
from tests.worlds import NO_PAST, a_world, rules

HASH = "7c7a2f1e8a2b4d0f9a0e4f6b1d2c3e4f"
LINE = "2026/11/23 02:02:06 [error] 17#0: could not add route: 9a1c, err: regex parse error"


def data_plane(name: str, **changes: object) -> dict[str, Any]:
    """As 3.4 lists one."""
    return {
        "id": f"0000000{name[-1]}-0000-4000-8000-000000000000",
        "hostname": name,
        "ip": "127.0.0.1",
        "version": "3.4.2",
        "last_seen": 1_795_400_000,
        "config_hash": HASH,
        "sync_status": "normal",
        **changes,
    }


@pytest.fixture
def control_plane_api() -> Iterator[KongAdminApi]:
    planes = [data_plane(f"dp-{n + 1}") for n in range(DATA_PLANES)]
    with KongAdminApi(release=Release.V3_4, data_planes=planes, is_control_plane=True) as api:
        yield api


class TestHttpAdminApi(DataPlanesContract):
    @pytest.fixture
    def control_plane(self, control_plane_api: KongAdminApi) -> AdminApi:
        return HttpAdminApi({"cp-1": control_plane_api.url})

    @pytest.fixture
    def other(self) -> Iterator[AdminApi]:
        with KongAdminApi(release=Release.V3_4) as api:
            yield HttpAdminApi({"gw-1": api.url})


class TestFakeAdminApi(DataPlanesContract):
    @pytest.fixture
    def control_plane(self) -> AdminApi:
        world = World.of(scenarios.ALL["hybrid-dual-cluster"])
        return FakeAdminApi(world, Side.CURRENT)

    @pytest.fixture
    def other(self) -> AdminApi:
        return FakeAdminApi(a_world(), Side.CURRENT)


def watched(
    measure: Measure,
    new: Mapping[str, object],
    *,
    clock: FakeClock | None = None,
    watch_s: float = 60,
) -> tuple[Watched, list[str], int]:
    """A watch of a simulated ramp with one gate, whose new cluster is reached by real adapters."""
    world = diverted()
    step = WatchMetrics(
        id="watch", guide="a guide", side=Side.NEW, watch_s=watch_s, share_percent=10,
        back_to_percent=0, hold_s=0, gates=(Gate(measure=measure),), error_log=str(new.get("log")),
    )  # fmt: skip
    adapters = fake_adapters(world)
    changes: dict[str, Any] = {name: value for name, value in new.items() if name != "log"}
    adapters = attrs.evolve(adapters, new=attrs.evolve(adapters.new, **changes))
    if clock is not None:
        adapters = attrs.evolve(adapters, clock=attrs.evolve(clock, world=world))
    outcome = step.run(adapters, NO_PAST)
    return outcome, rules(step.verify(adapters, {"watch": outcome})), world.new_percent


def verdict(outcome: Watched) -> GateVerdict:
    (judged,) = outcome.judged
    return judged.verdict


def test_data_planes_in_sync_let_the_ramp_go_on(control_plane_api: KongAdminApi) -> None:
    admin = HttpAdminApi({"cp-1": control_plane_api.url})

    outcome, found, percent = watched(Measure.DATA_PLANES, {"admin": admin})

    assert (verdict(outcome), found, percent) == (GateVerdict.PASSED, [], 10)


@pytest.mark.parametrize(
    "wrong", [{"config_hash": "0" * 32}, {"sync_status": "kong_version_incompatible"}]
)
def test_one_that_stays_behind_leads_the_traffic_back(
    control_plane_api: KongAdminApi, wrong: Mapping[str, object]
) -> None:
    control_plane_api.data_planes[1] |= wrong
    admin = HttpAdminApi({"cp-1": control_plane_api.url})

    outcome, found, percent = watched(Measure.DATA_PLANES, {"admin": admin}, watch_s=120)

    assert (verdict(outcome), found, percent) == (GateVerdict.FAILED, ["gate-shut"], 0)
    assert outcome.watched_s == 70, "six looks of patience: a ping comes every 30 s"


def test_hundreds_of_data_planes_are_all_looked_at(control_plane_api: KongAdminApi) -> None:
    control_plane_api.data_planes.extend(data_plane(f"dp-{n}") for n in range(3, 250))
    control_plane_api.data_planes[-1] |= {"config_hash": "other"}
    admin = HttpAdminApi({"cp-1": control_plane_api.url})

    outcome, _, _ = watched(Measure.DATA_PLANES, {"admin": admin}, watch_s=120)

    assert outcome.judged[0].text == "1 on the new cluster"


def test_an_admin_api_that_is_gone_is_no_proof(control_plane_api: KongAdminApi) -> None:
    admin = HttpAdminApi({"cp-1": control_plane_api.url})
    control_plane_api.stop()

    outcome, found, _ = watched(Measure.DATA_PLANES, {"admin": admin})

    assert (verdict(outcome), found) == (GateVerdict.NO_DATA, ["gate-no-data"])


@attrs.define
class Growing(FakeClock):
    """Time in which a node writes to its error log."""

    log: Path = attrs.field(default=Path())
    lines: tuple[str, ...] = ()
    rotates: bool = False

    def sleep(self, duration_s: float) -> None:
        super().sleep(duration_s)
        if self.rotates:
            self.log.rename(self.log.with_suffix(".1"))
            self.rotates = False
        with self.log.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in self.lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "error.log"
    path.write_text(f"{LINE}\n" * 3, encoding="utf-8")
    return path


def logged(log: Path, *lines: str, rotates: bool = False) -> tuple[GateVerdict, list[str], int]:
    nodes = {"new-1": LocalProcessRunner()}
    clock = Growing(a_world(), log=log, lines=lines, rotates=rotates)
    outcome, found, percent = watched(
        Measure.ROUTER_ERRORS, {"nodes": nodes, "log": log}, clock=clock
    )
    return verdict(outcome), found, percent


def test_lines_from_before_and_lines_of_others_count_for_nothing(log: Path) -> None:
    assert logged(log, "2026/11/23 02:02:06 [error] upstream timed out") == (
        GateVerdict.PASSED, [], 10,
    )  # fmt: skip


def test_a_line_that_is_written_meanwhile_leads_the_traffic_back(log: Path) -> None:
    assert logged(log, LINE) == (GateVerdict.FAILED, ["gate-shut"], 0)


def test_a_log_that_is_rotated_meanwhile_is_read_from_its_beginning(log: Path) -> None:
    assert logged(log, LINE, rotates=True)[0] is GateVerdict.FAILED
    assert logged(log, "nothing of that kind", rotates=True)[0] is GateVerdict.PASSED


def test_a_log_that_is_not_there_is_no_proof(tmp_path: Path) -> None:
    outcome, found, _ = watched(
        Measure.ROUTER_ERRORS,
        {"nodes": {"new-1": LocalProcessRunner()}, "log": tmp_path / "none.log"},
    )

    assert (verdict(outcome), found) == (GateVerdict.NO_DATA, ["gate-no-data"])
