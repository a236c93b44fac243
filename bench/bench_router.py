"""How much CPU time both routers take to decide 100,000 requests to 10,000 routes.

The configurations differ in what tells their routes apart: hosts, prefixes behind one host,
regexes, or a header.
"""

import time
from collections.abc import Callable, Mapping

from kong_lts import routing

ROUTES = 10_000
REQUESTS = 100_000
ROUTERS = (("2.8", None), ("3.4", "traditional"), ("3.4", "traditional_compatible"))


def by_host(n: int) -> Mapping[str, object]:
    """Ten routes a host, among them a wildcard, a regex and one for two methods."""
    host, path = f"team{n // 10}.example.com", f"/v1/part{n % 10}"
    match n % 10:
        case 9:
            return {"hosts": [f"*.{host}"], "paths": [path]}
        case 5:
            return {"hosts": [host], "paths": [rf"{path}/\d+/(items|orders)/[^/]+$", path]}
        case 3:
            return {"hosts": [host], "paths": [path], "methods": ["GET", "HEAD"]}
    return {"hosts": [host], "paths": [path]}


def to_a_host(n: int) -> routing.Request:
    """A path of a dozen on one of the hosts or on none, with a label more now and then."""
    host = f"{'a.' if n % 7 == 0 else ''}team{n % 1100}.example.com"
    return routing.Request(path=f"/v1/part{n % 12}/{n % 97}/orders/{n % 1013}", host=host)


def by_prefix(n: int) -> Mapping[str, object]:
    """All behind one host."""
    return {"hosts": ["api.test"], "paths": [f"/api/service{n}/v{n % 3}", f"/service{n}"]}


def to_a_prefix(n: int) -> routing.Request:
    """A path that is longer than the prefix."""
    return routing.Request(path=f"/api/service{n % 10_500}/v{n % 3}/items/{n}", host="api.test")


def by_regex(n: int) -> Mapping[str, object]:
    """Half of them regexes, of which each second one begins with anything."""
    if n % 2:
        return {"paths": [f"/service{n}"]}
    start = "" if n % 4 else "/[a-z]+"
    return {"paths": [rf"{start}/service{n}/(?<id>\d+)/.*"], "regex_priority": n % 4}


def to_a_regex(n: int) -> routing.Request:
    """A path that most regexes cannot match."""
    start = "" if n % 4 else "/any"
    return routing.Request(path=f"{start}/service{n % 10_500}/{n}/x", host="api.test")


def by_header(n: int) -> Mapping[str, object]:
    """The same path for all."""
    return {"paths": ["/api"], "headers": {"x-tenant": [f"tenant{n}"]}}


def to_a_header(n: int) -> routing.Request:
    """A tenant, or one that there is not."""
    return routing.Request(path="/api/items", headers={"x-tenant": f"tenant{n % 10_500}"})


CONFIGURATIONS: tuple[
    tuple[Callable[[int], Mapping[str, object]], Callable[[int], routing.Request]], ...
] = (
    (by_host, to_a_host),
    (by_prefix, to_a_prefix),
    (by_regex, to_a_regex),
    (by_header, to_a_header),
)


def measure(
    route: Callable[[int], Mapping[str, object]], request: Callable[[int], routing.Request]
) -> None:
    """Print the seconds of CPU for one kind of configuration."""
    service = {"name": "s", "host": "upstream.test", "path": "/base"}
    routes = [{"name": f"r{n}", **route(n)} for n in range(ROUTES)]
    config = {"_format_version": "2.1", "services": [{**service, "routes": routes}]}
    requests = [request(n) for n in range(REQUESTS)]
    for release, flavor in ROUTERS:
        began = time.process_time()
        router = routing.router(config, release=release, router_flavor=flavor)
        built = time.process_time()
        found = sum(router.match(one) is not None for one in requests)
        ended = time.process_time()
        print(
            f"{route.__name__}, {release} {flavor or ''}: {built - began:.1f} s to build, "
            f"{ended - built:.1f} s for {REQUESTS} requests, {found} of them matched"
        )


def main() -> None:
    """Measure each kind of configuration on each router."""
    for route, request in CONFIGURATIONS:
        measure(route, request)


if __name__ == "__main__":
    main()
