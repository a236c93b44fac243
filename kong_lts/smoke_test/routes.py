"""CheckRoutes: after a configuration was loaded, is every route of it in the router?"""

import re
from collections.abc import Iterable, Iterator

import attrs
from attrs.validators import ge, optional

from kong_lts.errors import AdapterError
from kong_lts.events import Past, Probed, ProbeResult
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters, ClusterAdapters
from kong_lts.smoke_test.steps import ProbeStep
from kong_lts.step import own_outcome

__all__ = ["CheckRoutes"]

_REFUSED = re.compile(r"could not add route: ([0-9a-f-]{36})")
_GREP_S = 60.0
_NO_LINE = 1
_IN_ROUTER = "in the router"


@attrs.frozen(kw_only=True)
class CheckRoutes(ProbeStep):
    """See that every route answers, that as many are in the router as are in the database, and
    that no node's log tells of one that could not be added.

    A load of 3.4 succeeds, its status is 200 and `kong health` is content, while a route whose
    regex the router does not take is simply not there.

    Source:
        Kong/kong 3.4.2, measured: only the error log and the 404 of the route tell.
    """

    error_log: str | None = None
    """Path of the error log on each node; None where it cannot be read."""
    routes: int | None = attrs.field(default=None, validator=optional(ge(0)))
    """How many there must be; None takes the number from the database."""

    @property
    def title(self) -> str:
        """What it does."""
        return f"Check that every route is in the router of the {self.side} cluster"

    @property
    def needs(self) -> tuple[str, ...]:
        """The proxy that is asked; the database and the logs where they are given."""
        return (f"{self.side}.proxy",) if self.probes else ()

    def run(self, adapters: Adapters, past: Past) -> Probed:
        """Send every probe, then look into logs and database."""
        cluster = self.cluster(adapters)
        asked = self._asked(adapters, self.side, self.probes)
        logs = tuple(self._logs(cluster))
        there = self.routes if self.routes is not None else _routes_in(cluster)
        results = (*asked, *logs, *_counted(there, asked, logs))
        # A log that was read tells of every route that is missing, whoever was asked for.
        proved = there or 0 if self._is_logged(logs) else len({r.found for r in asked if r.passed})
        missing = sum(not r.passed for r in asked)
        return Probed(results=results, not_looked_at=max((there or 0) - proved - missing, 0))

    @property
    def _count(self) -> int:
        return len(self.probes)

    def _logs(self, cluster: ClusterAdapters) -> Iterator[ProbeResult]:
        """What the logs tell of; one that cannot be read tells nothing, which is told."""
        if self.error_log is None:
            return
        refused: dict[str, str] = {}
        argv = ("grep", "-a", "-h", "-F", "-e", "could not add route", self.error_log)
        for node, runner in cluster.nodes.items():
            try:
                finished = runner.run(argv, timeout_s=_GREP_S, statuses=(0, _NO_LINE))
            except AdapterError as exc:
                yield ProbeResult(
                    name=f"error log of {node}", expected="read", found=str(exc), answered=False
                )
                continue
            refused |= dict.fromkeys(_REFUSED.findall(finished.stdout), node)
        for route, node in refused.items():
            yield ProbeResult(
                name=f"route {route}",
                expected=_IN_ROUTER,
                found=f"could not be added (error log of {node})",
            )

    def _is_logged(self, logs: Iterable[ProbeResult]) -> bool:
        """Whether the logs of all nodes were read."""
        return self.error_log is not None and all(result.answered for result in logs)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every route answers, and none is missing."""
        yield from super().verify(adapters, past)
        outcome = own_outcome(past, self.id, Probed)
        if outcome is not None and outcome.not_looked_at:
            yield self.obstacle(
                "routes-not-looked-at",
                f"Of {outcome.not_looked_at} route(s) of the database neither a probe nor a log"
                " tells whether they are in the router.",
                "Make a probe for each (`Settings.every_route`), or name the log"
                " (`Settings.error_log`).",
                severity=Severity.WARNING,
            )
        if outcome is not None and self.error_log is None:
            yield self.obstacle(
                "router-log-not-read",
                "No log was searched for `could not add route`.",
                "Name its path in `Settings.error_log`, or search it by hand.",
                severity=Severity.WARNING,
            )


def _counted(
    there: int | None, asked: Iterable[ProbeResult], logs: Iterable[ProbeResult]
) -> Iterator[ProbeResult]:
    """The number of routes in the router beside that in the database."""
    if there is None:
        return
    refused = sum(result.expected == _IN_ROUTER for result in logs)
    missing = max(sum(not result.passed for result in asked), refused)
    yield ProbeResult(
        name="routes in the router",
        expected=f"{there} as in the database",
        found=f"{there - missing} of {there}" if missing else f"{there} as in the database",
    )


def _routes_in(cluster: ClusterAdapters) -> int | None:
    """Rows of the table `routes`, counted; None where there is no database to ask."""
    if cluster.database is None:
        return None
    tables = cluster.database.fingerprint().tables
    return next((table.rows for table in tables if table.name == "routes"), 0)
