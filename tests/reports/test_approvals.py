"""The report names everybody who approved something, also while metrics were watched."""

import attrs

from kong_lts.events import Confirmed, Done, Outcome
from kong_lts.reports.proofs import _said
from tests.reports.outcomes import watched


def test_whoever_was_asked_is_named() -> None:
    approving = attrs.evolve(watched(1000, 1), answered_by="jane")
    refusing = attrs.evolve(approving, refused="jane said no.")
    said: list[tuple[Outcome | None, tuple[str, str] | None]] = [
        (Confirmed(by="joe", note="done"), ("joe", "done")),
        (approving, ("jane", "")),
        (refusing, ("jane", "jane said no.")),
        (watched(1000, 1), None),
        (Done(), None),
        (None, None),
    ]

    assert [_said(outcome) for outcome, _ in said] == [expected for _, expected in said]
