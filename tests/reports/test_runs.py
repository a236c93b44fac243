"""What the report on a run says about stops, interruptions and the way back."""

import attrs

from kong_lts.events import (
    Diverted,
    RollbackEnded,
    RunResumed,
    StepFailed,
    StepVerified,
    UndoStarted,
)
from kong_lts.planning import Run
from kong_lts.reports import render
from kong_lts.reports.document import MarkKind
from kong_lts.reports.standing import ramp_chart, traffic_percents, writes_text
from kong_lts.reports.timeline import StepStatus, UndoStatus, timeline
from tests.reports import samples
from tests.reports.samples import Story


def test_time_in_which_nobody_worked_does_not_count_as_work() -> None:
    run = samples.killed_and_resumed()

    course = timeline(run.plan, run.events)

    assert round(course.elapsed_s - course.worked_s) == 420
    assert [pause.step for pause in course.pauses] == ["migrations-up"]
    assert course.pauses[0].stopped is False
    assert (course.interruptions, course.stops) == (1, 0)


def test_a_resumed_step_says_that_it_was_interrupted_and_tried_again() -> None:
    text = " ".join(render(samples.killed_and_resumed(), "markdown").split())

    assert "2 attempts; interrupted after 2024-05-01 12:00:45 UTC; found in effect when" in text
    assert "**Interrupted in step migrations-up. Taken up again 7 min later, at" in text


def test_a_stop_that_was_resumed_is_no_interruption() -> None:
    story = Story().do("stop-admin-writes")
    story.begin("back-up-database")
    story.events.append(StepFailed(at=story.at(1), step="back-up-database", reason="disk full"))
    story.events.append(RunResumed(at=story.at(60), owner="ops"))

    course = timeline(story.plan, tuple(story.events))

    assert course.pauses[0].stopped is True
    assert course.stops == 1
    assert course.interruptions == 1  # its journal ends without a word, once more


def test_a_run_that_was_killed_in_a_diversion_does_not_know_where_the_traffic_is() -> None:
    assert traffic_percents(samples.killed()) == (10, 50)


def test_a_rollback_that_was_killed_in_a_diversion_does_not_know_either() -> None:
    story = Story().do_until("divert-50").undo()
    story.events.append(UndoStarted(at=story.at(), step="divert-50"))

    run = story.run()

    assert traffic_percents(run) == (10, 50)
    assert render(run, "text").startswith("Rollback interrupted at step divert-50; traffic is 10%")


def test_a_diversion_that_could_not_be_taken_back_leaves_the_traffic_unknown() -> None:
    assert traffic_percents(samples.rollback_failed()) == (10, 50)


def test_a_stop_of_admin_writes_without_an_end_leaves_them_unknown() -> None:
    story = Story()
    story.begin("stop-admin-writes")

    assert writes_text(story.run()) == (
        "admin writes are stopped or resumed (look at the database) on the current cluster"
    )


def test_traffic_that_never_moved_is_on_the_current_cluster_and_needs_no_chart() -> None:
    run = samples.failed()

    assert traffic_percents(run) == (0,)
    assert ramp_chart(run) is None


def test_admin_writes_are_told_for_each_cluster_that_was_touched() -> None:
    assert writes_text(samples.failed()) == "admin writes are stopped on the current cluster"
    assert writes_text(samples.rolled_back()) == "admin writes are resumed on the current cluster"


def test_the_ramp_marks_gates_interruptions_and_the_rollback() -> None:
    chart = ramp_chart(samples.rolled_back())

    assert chart is not None
    assert [share.percent for share in chart.shares] == [10, 50, 10, 0]
    kinds = [mark.kind for mark in chart.marks]
    assert kinds == [MarkKind.PASSED, MarkKind.SHUT, MarkKind.ROLLBACK]


def test_a_resumed_ramp_marks_the_interruption() -> None:
    story = Story().do_until("divert-10")
    story.events.append(RunResumed(at=story.at(30), owner="ops"))
    story.do("watch-10")

    chart = ramp_chart(story.run())

    assert chart is not None
    assert [mark.kind for mark in chart.marks] == [MarkKind.INTERRUPTED, MarkKind.PASSED]


def test_a_diversion_that_is_done_twice_is_one_change() -> None:
    story = Story().do_until("divert-10")
    story.act("divert-10", Diverted(new_percent=10))

    chart = ramp_chart(attrs.evolve(samples.killed(), events=tuple(story.events)))

    assert chart is not None
    assert len(chart.shares) == 1


def test_the_way_back_says_what_was_taken_back_and_what_cannot_be() -> None:
    story = Story().do_until("watch-100").do_after("watch-100")
    story.undo("resume-admin-writes", "watch-100", "divert-100", reason="complaints")
    run = story.run()

    course = timeline(run.plan, run.events)

    assert [undo.status for undo in course.undone] == [
        UndoStatus.LOST,
        UndoStatus.NOTHING,
        UndoStatus.DONE,
    ]
    assert "`resume-admin-writes`): nothing brings it back" in render(run, "markdown")


def test_a_rollback_with_a_lost_step_says_so_in_the_verdict() -> None:
    story = Story().do_until("watch-100").do_after("watch-100")
    story.undo(*(step.id for step in reversed(story.plan.steps)))
    story.events.append(RollbackEnded(at=story.at()))

    assert "1 step cannot be brought back." in render(story.run(), "text").replace("\n", " ")


def test_a_step_that_a_finding_stopped_is_not_called_done() -> None:
    story = Story().do_until("divert-50")
    story.act("watch-50")
    shut = (samples.GATE_SHUT,)
    story.events.append(StepVerified(at=story.at(), step="watch-50", findings=shut))
    run = story.run()

    record = timeline(run.plan, run.events).steps[-1]

    assert record.status is StepStatus.REFUSED
    assert record.notes == (samples.GATE_SHUT.message,)


def test_a_finding_that_was_found_twice_is_shown_once() -> None:
    run = samples.rolled_back()
    twice = attrs.evolve(run, findings=run.findings * 2)

    assert render(twice, "text").count("BLOCKER step watch-50") == 1


def test_a_run_without_any_event_can_be_shown() -> None:
    run = samples.failed()
    empty = Run(plan=run.plan, events=(), verdict=run.verdict)

    for format in ("text", "markdown", "html", "json"):
        assert render(empty, format)
