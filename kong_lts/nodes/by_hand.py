"""What the caller does himself, or with a tool of his own."""

from collections.abc import Iterator

import attrs

from kong_lts.errors import StagingRefusedError, StepFailedError
from kong_lts.events import Confirmed, Past
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, Question
from kong_lts.step import Effect, PlannedStep

__all__ = ["DoByHand"]


@attrs.frozen(kw_only=True)
class DoByHand(PlannedStep):
    """What the caller does himself, or with a tool of his own; the run waits for his word.

    Source:
        guide: installing, provisioning and backing up files have no command of their own there.
    """

    what: str
    """The title, in the imperative."""
    instructions: str
    """What the person does."""
    touches_traffic: bool = False
    """Whether requests are served in another way afterwards."""

    @property
    def title(self) -> str:
        """What is to be done."""
        return self.what

    @property
    def effect(self) -> Effect:
        """As the plan says."""
        return Effect(traffic=self.touches_traffic)

    def run(self, adapters: Adapters, past: Past) -> Confirmed:
        """Ask, unless it was confirmed before.

        Raises:
            StagingRefusedError: The person says that a test did not pass.
            StepFailedError: The person says no.
        """
        question = Question(step=self.id, title=self.what, instructions=self.instructions)
        decision = adapters.approver.ask(question)
        if not decision.approved:
            reason = f"{decision.by} did not confirm it. {decision.note}"
            refused = StagingRefusedError if self.leads_back_to else StepFailedError
            raise refused(self.id, reason)
        return Confirmed(by=decision.by, note=decision.note)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The word of the person is in the journal; whatever can be looked at has a later step."""
        if not isinstance(past.get(self.id), Confirmed):
            yield self.obstacle(
                "not-confirmed", "Nobody has confirmed this.", "Do it, then confirm it."
            )
