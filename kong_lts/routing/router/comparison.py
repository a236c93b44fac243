"""Where 3.4 sends requests elsewhere than 2.8: differences by cause, the weightiest first."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from kong_lts.routing.router.causes import Cause
from kong_lts.routing.router.chooser import Router, router
from kong_lts.routing.router.compatible import CompatibleRouter
from kong_lts.routing.router.generated import requests_for
from kong_lts.routing.router.request import Asked, Match, Request, asked

__all__ = ["Difference", "compare", "shadowed"]

_LOGGED = re.compile(r'"([A-Z]+) (\S+) HTTP/[\d.]+"')
_Logged: TypeAlias = tuple[str | None, str]
"""Method, None for that of the request it is held against, and path."""
_MOST_LOGGED = 500
"""So many different requests of an access log are looked at, the most frequent ones."""
_MOST_WEIGHED = 200
"""So many differences are weighed by it, those that most requests show."""


@attrs.frozen(kw_only=True)
class Difference:
    """Requests that one route had and another one gets, for one cause."""

    cause: Cause
    """Why they differ."""
    request: Request
    """The smallest one that shows it."""
    match_28: Match | None
    """What 2.8 does; None for no route."""
    match_34: Match | None
    """What 3.4 does; None for no route."""
    requests: int = 1
    """How many of those compared show it."""
    traffic: int | None = None
    """How many lines of the access log do; None where it was not looked at."""

    @property
    def way_out(self) -> str:
        """What to do about it."""
        return self.cause.explanation.way_out

    def __str__(self) -> str:
        current, new = _name(self.match_28), _name(self.match_34)
        request = f"{self.request.method} {self.request.host}{self.request.path}"
        return f"{self.cause}: {request}: {current} in 2.8, {new} in 3.4"


def compare(
    config_28: Mapping[str, object] | Router,
    config_34: Mapping[str, object] | Router,
    requests: Iterable[Request] | None = None,
    *,
    router_flavor: str | None = None,
    access_log: Iterable[str] | Mapping[str, int] = (),
) -> tuple[Difference, ...]:
    """Where requests go elsewhere on 3.4, or reach the upstream with another path or host.

    Args:
        config_28: What 2.8 has loaded, as parsed; or a router.
        config_34: What 3.4 will load, as parsed; or a router.
        requests: To compare with; by default those of `requests_for(config_28)`.
        router_flavor: Of 3.4: "traditional_compatible", its default, or "traditional".
        access_log: Lines in nginx's combined format, or the number of requests by path. It has no
            hosts, so a line counts where its path shows the difference on the host of the request
            that does.

    Returns:
        One for each cause and pair of routes; first those with most traffic, or most requests.

    Raises:
        RouterError: One of the releases refuses its configuration.
    """
    current = config_28 if isinstance(config_28, Router) else router(config_28, release="2.8")
    new = config_34
    if not isinstance(new, Router):
        new = router(new, release="3.4", router_flavor=router_flavor)
    if requests is None:
        requests = () if isinstance(config_28, Router) else requests_for(config_28)
    groups: dict[tuple[str, ...], list[Difference]] = {}
    for request in requests:
        if (found := _difference(request, current, new)) is not None:
            key = (found.cause, _name(found.match_28), _name(found.match_34))
            groups.setdefault(key, []).append(found)
    merged = sorted(map(_merged, groups.values()), key=_order)
    if logged := _logged(access_log):
        merged[:_MOST_WEIGHED] = [
            attrs.evolve(one, traffic=_traffic(one, current, new, logged))
            for one in merged[:_MOST_WEIGHED]
        ]
    return tuple(sorted(merged, key=_order))


def shadowed(
    config: Mapping[str, object] | Router,
    requests: Iterable[Request] | None = None,
    *,
    release: str = "2.8",
    router_flavor: str | None = None,
) -> tuple[str, ...]:
    """Routes that none of the generated requests reaches: others have all that they could take.

    Args:
        config: A declarative document as parsed; or a router.
        requests: Those that are tried; by default those of `requests_for(config)`.
        release: "2.8" or "3.4".
        router_flavor: Of 3.4.

    Raises:
        RouterError: The release refuses the configuration.
    """
    made = config
    if not isinstance(made, Router):
        made = router(made, release=release, router_flavor=router_flavor)
    if requests is None:
        requests = () if isinstance(config, Router) else requests_for(config)
    left = dict.fromkeys(route.label for route in made.routes)
    for request in requests:
        found = made.match(request)
        for one in () if found is None else found.candidates:
            if one.route is not None:
                left.pop(one.route, None)
    return tuple(left)


def _order(difference: Difference) -> tuple[object, ...]:
    names = (_name(difference.match_28), _name(difference.match_34))
    return -(difference.traffic or 0), -difference.requests, difference.cause, names


def _name(match: Match | None) -> str:
    return "no route" if match is None or match.route is None else match.route


def _difference(request: Request, current: Router, new: Router) -> Difference | None:
    match_28, match_34 = current.match(request), new.match(request)
    if _alike(match_28, match_34) and not _both_tied(current, new, match_28, match_34):
        return None
    cause = _cause(request, current, new, match_28, match_34)
    return Difference(cause=cause, request=request, match_28=match_28, match_34=match_34)


def _alike(one: Match | None, other: Match | None) -> bool:
    """Whether the same comes out, however sure a regex is of its answer."""
    return {*(one.candidates if one else ())} == {*(other.candidates if other else ())}


def _both_tied(
    current: Router, new: Router, match_28: Match | None, match_34: Match | None
) -> bool:
    """Whether each has a winner that is not known here, chosen by another rule."""
    by_age_then_by_id = isinstance(new.chooses, CompatibleRouter) and not isinstance(
        current.chooses, CompatibleRouter
    )
    return by_age_then_by_id and all(map(_is_tied, (match_28, match_34)))


def _is_tied(match: Match | None) -> bool:
    return match is not None and len({one.route for one in match.candidates}) > 1


def _cause(
    request: Request, current: Router, new: Router, match_28: Match | None, match_34: Match | None
) -> Cause:
    before, after = asked(request, current.release), asked(request, new.release)
    if before is None or after is None:
        return Cause.REQUEST_LINE
    if match_28 is not None and len(match_28.candidates) > 1:
        return Cause.EQUAL_CREATED_AT
    if match_34 is not None and len(match_34.candidates) > 1:
        return Cause.GREATEST_ID
    if any(match is not None and match.uncertain for match in (match_28, match_34)):
        return Cause.NOT_DECIDED
    winner = None if match_34 is None else match_34.route
    loser = None if match_28 is None else match_28.route
    if any(name and not (current.has(name) and new.has(name)) for name in (winner, loser)):
        return Cause.CONFIGURATION
    if winner == loser and winner is not None:
        handling = new.route(winner).path_handling
        return Cause.PATH_HANDLING if handling == "v1" else Cause.REGEX
    if request.scheme == "http" and any(
        name and router_.route(name).snis for name, router_ in ((winner, new), (loser, current))
    ):
        return Cause.SNI_WITHOUT_TLS
    return _of_reading(current, new, winner, loser, before, after) or _of_order(
        new, winner, loser, after
    )


def _of_reading(
    current: Router, new: Router, winner: str | None, loser: str | None, before: Asked, after: Asked
) -> Cause | None:
    """The cause where one of the routes takes the request in one release only."""
    missing = current.missing(winner, before) if winner is not None else None
    if missing is None and loser is not None:
        missing = new.missing(loser, after)
    return None if missing is None else _READ.get(missing, Cause.OTHER)


_READ = {"hosts": Cause.HOST, "headers": Cause.HEADER, "paths": Cause.REGEX}


def _of_order(new: Router, winner: str | None, loser: str | None, asked_: Asked) -> Cause:
    """The cause where both routes take the request in both releases."""
    if winner is None or loser is None:
        return Cause.OTHER
    chooses = new.chooses
    if isinstance(chooses, CompatibleRouter):
        return chooses.deciding(winner, loser, asked_)
    return Cause.WRITTEN_LENGTH


def _merged(group: Sequence[Difference]) -> Difference:
    """One difference for all of one cause and one pair of routes."""
    smallest = min(group, key=lambda one: _size(one.request))
    return attrs.evolve(smallest, requests=len(group))


def _traffic(
    difference: Difference, current: Router, new: Router, logged: Mapping[_Logged, int]
) -> int:
    """How many lines of the log go the two ways of a difference, with the host of its request."""
    pair = (_name(difference.match_28), _name(difference.match_34))
    found = 0
    for (method, path), lines in logged.items():
        request = attrs.evolve(difference.request, path=path)
        if method is not None:
            request = attrs.evolve(request, method=method)
        matches = current.match(request), new.match(request)
        ways = (_name(matches[0]), _name(matches[1]))
        alike = _alike(*matches) and not _both_tied(current, new, *matches)
        found += lines * (ways == pair and not alike)
    return found


def _size(request: Request) -> tuple[object, ...]:
    headers, path, host = request.headers, request.path, request.host.swapcase()
    return len(headers), request.scheme, len(path), len(host), path, host, headers


def _logged(lines: Iterable[str] | Mapping[str, int]) -> Mapping[_Logged, int]:
    """How often each method and path stands in an access log."""
    found: Counter[_Logged] = Counter()
    if isinstance(lines, Mapping):
        found.update({(None, path): count for path, count in lines.items()})
        lines = ()
    for line in lines:
        if request := _LOGGED.search(line):
            found[request[1], request[2].partition("?")[0]] += 1
    return dict(found.most_common(_MOST_LOGGED))
