"""Every engine keeps the contract: here that of this process, the others stand with their tests."""

import attrs
import pytest

from kong_lts.events import Event
from kong_lts.planning import Run
from kong_lts.protocols import Order
from tests.contracts.engine import EngineContract, Make
from tests.interruptions import Stage


@attrs.define
class InProcess:
    """`execute`, `resume` and `roll_back` of this process."""

    stage: Stage

    def execute(self, *, approves: bool = True) -> Run:
        return self.stage.execute(approves=approves)

    def resume(self, *, approves: bool = True) -> Run:
        return self.stage.resume(approves=approves)

    def roll_back(self) -> Run:
        return self.stage.roll_back()

    def order(self, order: Order) -> None:
        self.stage.orders.append(order)

    def events(self) -> tuple[Event, ...]:
        return self.stage.journal.events()


class TestInProcess(EngineContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda plan, world: InProcess(Stage(plan, world))
