"""Values that go into adapters and come out of them."""

from collections.abc import Mapping
from enum import StrEnum

import attrs

__all__ = [
    "NO_ROUTE",
    "Answer",
    "Decision",
    "Finished",
    "Instruction",
    "KeyringKeys",
    "NodeStatus",
    "Order",
    "Probe",
    "Question",
    "Recovered",
]

NO_ROUTE = "no route"
"""Stands for a route where none shall take a request."""


@attrs.frozen(kw_only=True)
class Finished:
    """A command that ended."""

    status: int
    stdout: str = ""
    stderr: str = ""


@attrs.frozen(kw_only=True)
class KeyringKeys:
    """Which keys a keyring holds; ids, and no key."""

    ids: tuple[str, ...] = ()
    active: str | None = None
    """The one that new values are encrypted with."""


@attrs.frozen(kw_only=True)
class Recovered:
    """What came of a recovery; part of the keys is a failure, whatever the gateway calls it."""

    recovered: tuple[str, ...] = ()
    not_recovered: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class NodeStatus:
    """What one node says of itself."""

    version: str
    ready: bool
    database_reachable: bool
    configuration_hash: str | None = None
    """Of what a node without a database has loaded; None where it does not tell."""


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
    """Not looked at where a route is expected: what is behind it may answer anything."""
    expect_in_body: str | None = None
    expect_routes: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    """Names or ids of the routes of which one should take it, or `NO_ROUTE`; empty for any."""


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


class Order(StrEnum):
    """What somebody wants of a run that is going on."""

    GO_ON = "go on"
    PAUSE = "pause"
    """Hold before the next step, until another order comes."""
    CANCEL = "cancel"
    """Stop before the next step, and leave a step that only waits."""


@attrs.frozen(kw_only=True)
class Instruction:
    """An order, and whose it is."""

    order: Order = Order.GO_ON
    by: str = "nobody"
