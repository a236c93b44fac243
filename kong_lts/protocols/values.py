"""Values that go into adapters and come out of them."""

from collections.abc import Mapping

import attrs

__all__ = [
    "Answer",
    "Decision",
    "Finished",
    "NodeStatus",
    "Probe",
    "Question",
]


@attrs.frozen(kw_only=True)
class Finished:
    """A command that ended."""

    status: int
    stdout: str = ""
    stderr: str = ""


@attrs.frozen(kw_only=True)
class NodeStatus:
    """What one node says of itself."""

    version: str
    ready: bool
    database_reachable: bool


@attrs.frozen(kw_only=True)
class Probe:
    """One request of a staging or smoke test, and the answer that it should get."""

    name: str
    path: str = "/"
    method: str = "GET"
    host: str | None = None
    headers: Mapping[str, str] = attrs.Factory(dict)
    """A value may be a reference, `env:NAME` or `file:PATH`: no credential stands in a plan."""
    expect_status: int = 200
    expect_in_body: str | None = None


@attrs.frozen(kw_only=True)
class Answer:
    """What came back to a probe."""

    status: int
    body: str = attrs.field(default="", repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)


@attrs.frozen(kw_only=True)
class Question:
    """What a person is asked before a step goes on."""

    step: str
    title: str
    instructions: str


@attrs.frozen(kw_only=True)
class Decision:
    """What the person said."""

    approved: bool
    by: str
    note: str = ""
