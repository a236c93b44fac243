"""Which route wins a request, in 2.8 and in 3.4: both routers are asked, and what differs is told.

The comparison has a budget of its own: so many routes, so many requests, so many findings. What
lies beyond it is said and not guessed.
"""

from collections.abc import Iterator, Sequence

import attrs

from kong_lts import catalog, routing
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case
from kong_lts.checks.check import Check, NotChecked, Seen, part
from kong_lts.checks.route_sources import MOST_ROUTES, NEEDED, Configuration
from kong_lts.deployment import DeploymentMode
from kong_lts.errors import RouterError
from kong_lts.findings import Finding, Severity
from kong_lts.routing import Cause, Difference, Match, Request, Router

__all__ = ["CHECK"]

_MOST_REQUESTS = 50_000
_MOST_FINDINGS = 100
_WINNER = "route-winner-changes"
_UPSTREAM = "route-upstream-changes"
_SHADOWED = "route-shadowed"
_RULES = (_WINNER, _UPSTREAM, _SHADOWED)
_ODD_CLIENTS = (Cause.HOST, Cause.HEADER, Cause.REQUEST_LINE, Cause.NOT_DECIDED)
"""Causes for which one finding stands for all routes: what shows them is rare, or not sure."""


def _look(case: Case) -> Iterator[Seen]:
    found = case.configurations
    if not found:
        yield from _not_checked(NEEDED)
    from_file = case.deployment.mode is DeploymentMode.DB_LESS
    for one in found:
        if isinstance(one, str):
            yield from _not_checked(one)
        elif one.routes > MOST_ROUTES:
            yield from _not_checked(
                f"{one.where}: {one.routes} routes; up to {MOST_ROUTES} are compared"
                " (kong_lts.routing.compare takes any number)"
            )
        else:
            yield part(_RULES, _compared, one, case, from_file)


def _not_checked(reason: str) -> Iterator[NotChecked]:
    return (NotChecked(rule=rule, missing=reason) for rule in _RULES)


def _compared(one: Configuration, case: Case, from_file: bool) -> Iterator[Seen]:
    flavor, log = case.router_flavor, case.evidence.access_log
    try:
        current = routing.router(one.current, release="2.8", ids_of_names=from_file)
        new = routing.router(one.new, release="3.4", router_flavor=flavor, ids_of_names=from_file)
    except RouterError as exc:
        yield from _not_checked(f"{one.where}: a router that takes its routes: {exc}")
        return
    requests = routing.requests_for(one.current, most=_MOST_REQUESTS)
    paths = log.paths if log is not None else {}
    differences = routing.compare(current, new, requests, access_log=paths)
    yield from (_in_file(case, one, seen) for seen in _told(one, differences))
    if len(requests) >= _MOST_REQUESTS:
        reason = f"{one.where}: more than {_MOST_REQUESTS} requests; each route had fewer"
        yield NotChecked(rule=_WINNER, missing=reason)
    else:
        shadowed = _shadowed(one, current, new, requests)
        yield from (_in_file(case, one, seen) for seen in shadowed)


def _in_file(case: Case, one: Configuration, seen: Seen) -> Seen:
    """A finding with the line of its file at which the first of its routes stands."""
    if one.file is None or not isinstance(seen, Finding):
        return seen
    labels = (part.removeprefix("route ") for part in seen.subject.split(" and "))
    names = (label.rpartition(routing.OF_WORKSPACE)[2] for label in labels)
    place = next((case.route_places[n] for n in names if n in case.route_places), seen.location)
    return attrs.evolve(seen, location=place)


def _told(one: Configuration, differences: Sequence[Difference]) -> Iterator[Seen]:
    """A finding for each difference, but one for all that only odd clients meet."""
    odd: dict[Cause, list[Difference]] = {}
    told = 0
    for difference in differences:
        if difference.cause in _ODD_CLIENTS:
            odd.setdefault(difference.cause, []).append(difference)
        elif (told := told + 1) <= _MOST_FINDINGS:
            yield _finding(one, difference)
            yield attrs.evolve(difference, request=difference.request.redacted)
    for first, *others in odd.values():
        requests = first.requests + sum(other.requests for other in others)
        yield _finding(one, attrs.evolve(first, requests=requests), severity=Severity.INFO)
        yield attrs.evolve(first, request=first.request.redacted)
    if told > _MOST_FINDINGS:
        reason = f"{one.where}: {told} changes; the {_MOST_FINDINGS} that weigh most are told"
        yield NotChecked(rule=_WINNER, missing=reason)


def _finding(
    one: Configuration, difference: Difference, *, severity: Severity | None = None
) -> Finding:
    match_28, match_34 = difference.match_28, difference.match_34
    current, new = _said(match_28), _said(match_34)
    if not _proxied(match_28) and not _proxied(match_34):
        severity = Severity.INFO
    finding = _worded(difference, current, new, severity)
    return attrs.evolve(
        finding,
        location=one.location(difference),
        evidence=one.evidence,
        traffic=difference.traffic,
    )


def _worded(difference: Difference, current: str, new: str, severity: Severity | None) -> Finding:
    match_28, match_34 = difference.match_28, difference.match_34
    same = current == new and len(_names(match_34)) == 1
    return _rules()[_UPSTREAM if same else _WINNER].finding(
        _subject(match_28, match_34),
        severity=severity,
        request=difference.request.summary,
        current=current,
        new=new,
        upstream_28=_upstream(match_28),
        upstream_34=_upstream(match_34),
        count=_count(difference),
        reason=difference.cause.explanation.reason,
        way_out=difference.way_out,
    )


def _rules() -> dict[str, Rule]:
    return {row.id: row for row in catalog.routes()}


def _names(match: Match | None) -> list[str]:
    candidates = () if match is None else match.candidates
    return list(dict.fromkeys(f"route {one.route}" for one in candidates if one.route))


def _said(match: Match | None) -> str:
    """The routes that may come out, and what the gateway says itself."""
    said = " or ".join(_names(match)) or "no route"
    return f"{said} (answers {match.status})" if match is not None and match.status else said


def _subject(match_28: Match | None, match_34: Match | None) -> str:
    return " and ".join(dict.fromkeys([*_names(match_28), *_names(match_34)]))


def _upstream(match: Match | None) -> str:
    found = match and (match.upstream_uri or match.status)
    return f"{found}" if found else "nothing"


def _proxied(match: Match | None) -> bool:
    return match is not None and any(one.upstream_uri for one in match.candidates)


def _count(difference: Difference) -> str:
    shown = f"{difference.requests} of the requests that were compared"
    if difference.traffic is None:
        return shown
    return f"{shown}, {difference.traffic} lines of the access log"


def _shadowed(
    one: Configuration, current: Router, new: Router, requests: Sequence[Request]
) -> Iterator[Finding]:
    """Routes that nothing reaches any more, or ever did."""
    before = routing.shadowed(current, requests)
    for label in routing.shadowed(new, requests):
        yield _rules()[_SHADOWED].finding(
            f"route {label}",
            location=one.place(label),
            evidence=one.evidence,
            route=label,
            before=", nor in 2.8" if label in before else "",
        )


CHECK = Check(name="routes", look=_look, rows=catalog.routes)
