"""What two clusters do not share, as the plugins in use show it; the plan says what it costs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import attrs

from kong_lts import catalog
from kong_lts.checks.case import Case
from kong_lts.checks.check import Check
from kong_lts.checks.in_use import PluginInUse, RouteInUse
from kong_lts.checks.manifests import names_in
from kong_lts.unshared import RateLimit, Sessions, limits_of

__all__ = ["CHECK", "unshared"]

_INVALIDATED = "plugin-session-invalidated"
"""The row that names the plugins with sessions."""


def unshared(case: Case) -> Iterator[RateLimit | Sessions]:
    """Every rate limit, and the hosts of every plugin that keeps sessions."""
    found: dict[RateLimit | Sessions, None] = {}
    keep_sessions = _with_sessions()
    routes = _Routes.of(case.routes if keep_sessions & case.plugin_names.keys() else ())
    for plugin in case.plugins:
        if not plugin.enabled:
            continue
        for limit in limits_of(plugin.name, plugin.config, _scope(plugin)):
            found[limit] = None
        if plugin.name in keep_sessions:
            found[Sessions(plugin=plugin.name, hosts=routes.hosts(plugin))] = None
    shown = {plugin.name for plugin in case.plugins}
    for name in sorted(keep_sessions & case.plugin_names.keys() - shown):
        found[Sessions(plugin=name)] = None  # the database counts it, and does not say where
    yield from found


def _with_sessions() -> frozenset[str]:
    rows = (row for row in catalog.plugins() if row.id == _INVALIDATED)
    return frozenset(name for row in rows for name in row.on)


def _scope(plugin: PluginInUse) -> str:
    """What a plugin is for, in words."""
    for kind in ("route", "service", "consumer"):
        if (name := getattr(plugin, kind)) is not None:
            return f"{kind} {name}"
    return "everything"


@attrs.frozen
class _Routes:
    """The hosts of the routes, by what a plugin may be on."""

    of_route: Mapping[str, list[tuple[str, ...]]]
    of_service: Mapping[str, list[tuple[str, ...]]]

    @classmethod
    def of(cls, routes: Iterable[RouteInUse]) -> "_Routes":
        by_route: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        by_service: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for route in routes:
            hosts = _of_route(route)
            for name in {route.name, str(route.fields.get("id") or route.name)}:
                by_route[name].append(hosts)
            if route.service is not None:
                by_service[route.service].append(hosts)
        return cls(by_route, by_service)

    def hosts(self, plugin: PluginInUse) -> tuple[str, ...]:
        """Of the routes that run it; nothing where one of them takes any host."""
        if plugin.route is not None:
            found = self.of_route.get(plugin.route, [])
        else:
            found = self.of_service.get(plugin.service or "", [])
        return tuple(dict.fromkeys(chain.from_iterable(found))) if all(found) else ()


def _of_route(route: RouteInUse) -> tuple[str, ...]:
    """Without ports, and in lower case, as clients name them."""
    return tuple(host.partition(":")[0].lower() for host in names_in(route.fields.get("hosts")))


CHECK = Check(
    name="what two clusters do not share",
    look=unshared,
    rows=tuple,
    needs=("plugin_names",),
    needs_called="a declarative file, or the plugins of the database",
)
