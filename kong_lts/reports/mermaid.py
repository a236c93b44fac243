"""A plan as a Mermaid flow chart: its steps in order, the gates, the point of no return."""

from collections.abc import Iterator

from kong_lts.monitoring import WatchMetrics
from kong_lts.nodes import DoByHand
from kong_lts.planning import AnyStep, Plan
from kong_lts.reports.text import wrapped
from kong_lts.reports.words import clean
from kong_lts.step import Reversibility

__all__ = ["plan_mermaid"]

_CLASSES = {
    Reversibility.FREE: "free",
    Reversibility.COMPENSATED: "compensated",
    Reversibility.RESTORE: "restore",
    Reversibility.NONE: "none",
}
_STYLES = (
    "classDef free fill:#e6f4ea,stroke:#1a7f37,color:#1c2024",
    "classDef compensated fill:#e8f0fb,stroke:#0b5cad,color:#1c2024",
    "classDef restore fill:#fff4d6,stroke:#8a5a00,color:#1c2024",
    "classDef none fill:#fde7e5,stroke:#b3261e,color:#1c2024",
)


_WIDEST = 24
"""Signs of a word beyond which Mermaid cuts it off, since it breaks lines at blanks alone."""


def plan_mermaid(plan: Plan) -> str:
    """The steps from top to bottom; the colour says what it takes to bring one back."""
    lines = [
        "flowchart TD",
        *(f"    {line}" for line in _nodes(plan)),
        *(f"    {line}" for line in _arrows(plan)),
        *(f"    {style}" for style in _STYLES),
    ]
    return "\n".join(lines) + "\n"


def _nodes(plan: Plan) -> Iterator[str]:
    for number, step in enumerate(plan.steps, start=1):
        opened, closed = _shape(step)
        kind = _CLASSES[step.reversibility]
        title = "<br/>".join(map(_label, _lines(f"{number}. {clean(step.title)}")))
        yield f'{_id(number)}{opened}"{title}"{closed}:::{kind}'


def _lines(title: str) -> list[str]:
    """The title in one line, which Mermaid wraps; in several where a word of it is too wide."""
    if max(map(len, title.split(" "))) <= _WIDEST:
        return [title]
    return wrapped(title, _WIDEST)


def _shape(step: AnyStep) -> tuple[str, str]:
    """A gate is a diamond, what a person does a trapezoid, the rest a box."""
    if isinstance(step, WatchMetrics):
        return "{{", "}}"
    return ("[/", "/]") if isinstance(step, DoByHand) else ("[", "]")


def _arrows(plan: Plan) -> Iterator[str]:
    for number in range(1, len(plan.steps)):
        yield f"{_id(number)} {_arrow(plan, number)} {_id(number + 1)}"


def _arrow(plan: Plan, number: int) -> str:
    """What leads to the step of that index, with a name where something does not come back."""
    if number == plan.point_of_no_return:
        return '-->|"point of no return"|'
    return '-->|"writes are lost from here"|' if number == plan.writes_lost_from else "-->"


def _id(number: int) -> str:
    return f"s{number}"


_ENTITIES = {sign: f"#{ord(sign)};" for sign in '"#<>&;`'}


def _label(text: str) -> str:
    """A title that ends no string and means nothing to Mermaid."""
    return "".join(_ENTITIES.get(sign, sign) for sign in text)
