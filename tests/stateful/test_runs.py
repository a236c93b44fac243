"""Runs in a world where anything goes wrong at any time, taken up again until they end.

The machine below disturbs a run, resumes it, rolls it back, lets a person refuse and a colleague
write, in any order. Whatever happens, what a run says must be what the world shows.
"""

from collections.abc import Callable

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kong_lts.database import differences
from kong_lts.deployment import Side
from kong_lts.errors import KongLtsError
from kong_lts.events import Past, StepStarted, WritesStopped
from kong_lts.planning import Plan, Run, Verdict
from kong_lts.run import Phase, RunState, replay
from kong_lts.schema import SchemaState
from kong_lts.testing.faults import PASSING
from kong_lts.testing.simulation import Fault, Killed, World
from tests.conftest import counted
from tests.interruptions import FAILURES, KILLS, Stage
from tests.worlds import plans, world_of

PLANS = plans()
STOP, RESUME = "stop-admin-writes", "resume-admin-writes"


@attrs.frozen
class Nothing:
    """Nothing goes wrong."""


@attrs.frozen
class AtTouch:
    """One look at the world, or one act on it, goes wrong."""

    number: int
    fault: Fault


@attrs.frozen
class AtEvent:
    """The writing of one event goes wrong."""

    number: int
    fault: Fault


@attrs.frozen
class Refusal:
    """A person says no to whatever is asked."""


Disturbance = Nothing | AtTouch | AtEvent | Refusal
WRITING_FAULTS = (*FAILURES, *KILLS)  # a journal is durable, so it does not lie


def disturbances() -> st.SearchStrategy[Disturbance]:
    return st.one_of(
        st.just(Nothing()),
        st.just(Refusal()),
        st.builds(AtTouch, st.integers(0, 150), st.sampled_from(PASSING)),
        st.builds(AtEvent, st.integers(0, 100), st.sampled_from(WRITING_FAULTS)),
    )


class Runs(RuleBasedStateMachine):
    """One run, from its start until it has succeeded or is rolled back."""

    @initialize(name=st.sampled_from(sorted(PLANS)), disturbance=disturbances())
    def begin(self, name: str, disturbance: Disturbance) -> None:
        self.plan: Plan = PLANS[name]
        self.stage = Stage(self.plan)
        self.before = world_of(self.plan)
        self.colleague = dict[str, str]()
        self.drifted = False
        self.execute(disturbance)

    # --- what happens ---------------------------------------------------------------------------

    @precondition(lambda self: not self.started)
    @rule(disturbance=disturbances())
    def execute(self, disturbance: Disturbance) -> None:
        self.disturbed(disturbance, self.stage.execute)

    @precondition(lambda self: self.stands)
    @rule(disturbance=disturbances())
    def resume(self, disturbance: Disturbance) -> None:
        self.disturbed(disturbance, self.stage.resume)

    @precondition(lambda self: self.started and self.phase is not Phase.BACK)
    @rule(disturbance=disturbances().filter(lambda d: not isinstance(d, Refusal)))
    def roll_back(self, disturbance: Disturbance) -> None:
        self.disturbed(disturbance, lambda **_: self.stage.roll_back())

    @precondition(lambda self: self.world.has_database and len(self.colleague) < 2)
    @rule(carefully=st.booleans())
    def a_colleague_writes(self, carefully: bool) -> None:
        """Through the Admin API, or around the guard with a tool that knows no triggers."""
        if self.may_lose_a_write:
            return
        key, path = f"late-{len(self.colleague)}", "/late"
        if self.world.write(Side.CURRENT, key, path, around_the_guard=not carefully):
            self.colleague[key] = path
            self.drifted |= isinstance(self.past.get(STOP), WritesStopped)

    @rule(seconds=st.integers(1, 600))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    def disturbed(self, disturbance: Disturbance, act: Callable[..., Run]) -> None:
        if isinstance(disturbance, AtTouch):
            self.stage.break_at_touch(disturbance.number, disturbance.fault)
        if isinstance(disturbance, AtEvent):
            self.stage.break_after(disturbance.number, disturbance.fault)
        try:
            run = act(approves=not isinstance(disturbance, Refusal))
        except (Killed, KongLtsError):
            return
        finally:
            self.stage.heal()
        assert run == self.state.as_run(self.stage.journal.events())

    # --- what is known --------------------------------------------------------------------------

    @property
    def world(self) -> World:
        return self.stage.world

    @property
    def started(self) -> bool:
        return bool(self.stage.journal.events())

    @property
    def state(self) -> RunState:
        return replay(self.stage.journal.events())

    @property
    def phase(self) -> Phase:
        return self.state.phase if self.started else Phase.NEW

    @property
    def past(self) -> Past:
        return self.state.past if self.started else {}

    @property
    def stands(self) -> bool:
        """Whether the run can be resumed."""
        ended = (Phase.NEW, Phase.DONE, Phase.BACK, Phase.GOING_BACK, Phase.UNDOING, Phase.STUCK)
        return self.phase not in ended

    @property
    def may_lose_a_write(self) -> bool:
        """Whether a write would come after the last look at the database that it goes to."""
        return self.world.current.database is self.world.new.database or self.writes_resumed

    @property
    def writes_resumed(self) -> bool:
        """Whether the new database may hold writes that nothing else has; then it is kept."""
        begun = [e.step for e in self.stage.journal.events() if isinstance(e, StepStarted)]
        return RESUME in begun

    # --- what must hold -------------------------------------------------------------------------

    @invariant()
    def the_current_database_is_only_changed_by_the_colleague(self) -> None:
        in_place = self.world.current.database is self.world.new.database
        if in_place and self.phase is not Phase.BACK:
            return
        wanted = {**self.before.current.database.rows, **self.colleague}
        assert self.world.current.database.rows == wanted

    @invariant()
    def up_runs_at_most_once(self) -> None:
        assert sum("migrations up" in effect for effect in self.world.effects) <= 1

    @invariant()
    def no_request_is_lost_where_others_serve_meanwhile(self) -> None:
        assert self.world.one_address or self.world.lost_requests == 0

    @invariant()
    def nobody_holds_the_lock_after_the_run(self) -> None:
        assert self.world.run_lock is None

    @invariant()
    def drift_is_noticed_before_writes_resume(self) -> None:
        assert not (self.drifted and self.phase is Phase.DONE)

    @invariant()
    def the_world_is_where_the_verdict_says(self) -> None:
        if self.phase is Phase.DONE:
            self.everything_is_on_the_new_cluster()
        elif self.phase is Phase.BACK:
            self.everything_is_on_the_current_cluster()

    def everything_is_on_the_new_cluster(self) -> None:
        new = self.world.new
        assert self.world.one_address or self.world.new_percent == 100
        assert all(new.running.values())
        if self.world.has_database:
            assert (new.database.state, new.database.guarded) == (SchemaState.LTS_3_4, False)
            assert new.database.rows.keys() == {
                *self.before.current.database.rows,
                *self.colleague,
            }

    def everything_is_on_the_current_cluster(self) -> None:
        current, new = self.world.current, self.world.new
        assert self.world.new_percent == 0
        assert current.running == self.before.current.running
        assert new.running == self.before.new.running
        assert current.database.state is self.before.current.database.state
        assert not current.database.guarded
        if current.database is not new.database and self.world.has_database:
            assert new.database.exists is self.writes_resumed

    def teardown(self) -> None:
        """However it was left: once nothing goes wrong any more, it comes to an end."""
        if not hasattr(self, "stage"):
            return
        if self.stands and not self.drifted:
            assert self.stage.resume().verdict is Verdict.SUCCEEDED
        elif self.started and self.phase not in (Phase.BACK, Phase.DONE):
            assert self.stage.roll_back().verdict is Verdict.ROLLED_BACK
        self.the_world_is_where_the_verdict_says()


def test_whatever_goes_wrong_a_run_ends_where_it_says() -> None:
    run_state_machine_as_test(
        Runs, settings=settings(max_examples=counted(500), stateful_step_count=8)
    )


def test_the_colleague_is_noticed_by_what_the_fingerprint_says() -> None:
    """The machine's own yardstick: a write around the guard is a difference."""
    stage = Stage()
    before = stage.world.current.database.fingerprint()

    assert not differences(before, stage.world.current.database.fingerprint())
    stage.world.write(Side.CURRENT, "late", "/late", around_the_guard=True)

    assert differences(before, stage.world.current.database.fingerprint())
