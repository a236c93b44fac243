"""Basic-auth credentials come back with their hashes, and a login proves it."""

from collections.abc import Iterator

import attrs
import pytest

from kong_lts.backup import BackupLayout
from kong_lts.deployment import Side
from kong_lts.events import CredentialsRestored, Past
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, Probe
from kong_lts.restore import RestoreBasicAuth
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.simulation import World
from tests.backup.test_whole import backed_up
from tests.worlds import NO_PAST, rules

LOGIN = Probe(name="login", path="/private", headers={"Authorization": "env:LOGIN"})
STEP = RestoreBasicAuth(
    id="basic-auth",
    guide="a guide",
    side=Side.CURRENT,
    folder=BackupLayout("kong-lts-backup").folder,
    logins=(LOGIN,),
)


@pytest.fixture
def world() -> World:
    """A backup with two credentials, of a cluster that has lost one of them."""
    world, _ = backed_up()
    for path, dump in world.dumps.items():
        world.dumps[path] = attrs.evolve(dump, basic_auth=("jane", "zoe"))
    world.current.database.basic_auth = ("zoe",)
    return world


def without_credentials(adapters: Adapters) -> Adapters:
    return attrs.evolve(adapters, current=attrs.evolve(adapters.current, credentials=None))


def proved(step: RestoreBasicAuth, adapters: Adapters) -> Iterator[Finding]:
    past: Past = {step.id: step.run(adapters, NO_PAST)}
    yield from step.verify(adapters, past)


def test_what_was_lost_is_back_and_a_login_proves_it(world: World) -> None:
    done = STEP.run(fake_adapters(world), NO_PAST)

    assert done.usernames == ("jane",)
    assert [result.passed for result in done.logins] == [True]
    assert world.current.database.basic_auth == ("zoe", "jane")
    assert rules(proved(STEP, fake_adapters(world))) == []


def test_without_a_login_it_is_not_proved(world: World) -> None:
    step = attrs.evolve(STEP, logins=())

    assert rules(proved(step, fake_adapters(world))) == ["basic-auth-not-proved"]
    assert rules(proved(step, fake_adapters(world))) == []  # nothing was missing


def test_a_login_that_is_refused_stops_the_run(world: World) -> None:
    adapters = fake_adapters(world)
    world.current.failing_percent = 100

    (finding,) = proved(STEP, adapters)

    assert finding.rule == "basic-auth-login-failed"
    assert "expected 200, got 500" in finding.message


def test_so_does_one_that_nobody_answers(world: World) -> None:
    world.current.running = dict.fromkeys(world.current.running, False)

    assert rules(proved(STEP, fake_adapters(world))) == ["basic-auth-login-failed"]


def test_what_is_still_missing_stops_the_run(world: World) -> None:
    (finding,) = STEP.verify(fake_adapters(world), NO_PAST)

    assert finding.rule == "basic-auth-lost"
    assert "jane" in finding.message
    assert "zoe" not in finding.message


def test_without_the_database_the_verdict_says_that_they_are_lost(world: World) -> None:
    adapters = without_credentials(fake_adapters(world))

    done = STEP.run(adapters, NO_PAST)
    (finding,) = STEP.verify(adapters, {STEP.id: done})

    assert isinstance(done, CredentialsRestored)
    assert done.usernames == ()
    assert (finding.rule, finding.severity) == ("basic-auth-lost", "warning")
    assert "every such login fails" in finding.message


def test_it_needs_a_proxy_only_where_there_is_a_login() -> None:
    assert "current.proxy" in STEP.needs
    assert "current.proxy" not in attrs.evolve(STEP, logins=()).needs
