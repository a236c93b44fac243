"""Who may pause or cancel a run that is going on: a switch in this process, or files."""

from pathlib import Path

import attrs

from kong_lts.protocols import Instruction, Order

__all__ = ["FileControl", "Switch"]


@attrs.define
class Switch:
    """Turned by another thread of this process, or by a signal handler."""

    _told: Instruction = attrs.field(default=Instruction(), init=False)

    def pause(self, by: str) -> None:
        """Hold before the next step."""
        self._told = Instruction(order=Order.PAUSE, by=by)

    def go_on(self, by: str) -> None:
        """Go on after a pause."""
        self._told = Instruction(order=Order.GO_ON, by=by)

    def cancel(self, by: str) -> None:
        """Stop before the next step; the run can be resumed or rolled back afterwards."""
        self._told = Instruction(order=Order.CANCEL, by=by)

    def instruction(self) -> Instruction:
        return self._told


@attrs.frozen
class FileControl:
    """Somebody puts `cancel` or `pause` into a folder, and takes it away again to go on.

    The first line of the file is who it was; `cancel` beats `pause`.
    """

    folder: Path = attrs.field(converter=Path)
    """Where `pause` and `cancel` are put."""

    def instruction(self) -> Instruction:
        for order in (Order.CANCEL, Order.PAUSE):
            path = self.folder / order.value
            if path.is_file():
                return Instruction(order=order, by=_first_line(path) or f"the file {path}")
        return Instruction(by=f"whoever emptied {self.folder}")


def _first_line(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").partition("\n")[0].strip()
    except OSError:  # it was there a moment ago, and counts; who it was is not known
        return ""
