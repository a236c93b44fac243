"""Router: a configuration as one release routes by it."""

import functools
from collections.abc import Mapping

import attrs

from kong_lts.errors import RouterError
from kong_lts.routing.router.compatible import CompatibleRouter
from kong_lts.routing.router.configuration import Route, read_routes
from kong_lts.routing.router.engines import Engines
from kong_lts.routing.router.request import Asked, Match, Request, asked
from kong_lts.routing.router.traditional import TraditionalRouter
from kong_lts.versions import Release

__all__ = ["Router", "router"]

_FLAVORS = ("traditional", "traditional_compatible")
_DEFAULT_FLAVOR = "traditional_compatible"


@attrs.frozen(eq=False, slots=False)
class Router:
    """A configuration as one release routes by it."""

    release: Release
    """Whose router it is."""
    router_flavor: str | None
    """None for 2.8, which has but one router."""
    routes: tuple[Route, ...] = attrs.field(repr=False)
    """As that release has them."""
    chooses: TraditionalRouter | CompatibleRouter = attrs.field(repr=False)
    """What decides."""

    def match(self, request: Request) -> Match | None:
        """What the gateway does with a request, as if it were the first one it gets.

        Args:
            request: As the client sends it.

        Returns:
            None where no route takes it, or nginx refuses it before any is asked.
        """
        heard = asked(request, self.release)
        if heard is None:
            return None
        found = tuple(dict.fromkeys(self.chooses.matches(heard)))
        return Match.of(found, uncertain=len(found) > 1 or heard.doubt) if found else None

    def route(self, label: str) -> Route:
        """The route that a `Match` names."""
        return self._by_label[label]

    def has(self, label: str) -> bool:
        """Whether there is a route of this name."""
        return label in self._by_label

    def missing(self, label: str, heard: Asked) -> str | None:
        """The criterion because of which a route does not take a request; None if it does."""
        return self.chooses.missing(label, heard)

    @functools.cached_property
    def _by_label(self) -> Mapping[str, Route]:
        return {route.label: route for route in self.routes}


def router(
    config: Mapping[str, object],
    *,
    release: Release | str,
    router_flavor: str | None = None,
    engines: Engines | None = None,
    ids_of_names: bool = True,
) -> Router:
    """The router that a release makes of a configuration.

    Args:
        config: A declarative document as parsed: kong.yml, a decK state file, or what `gather`
            read from a database. 3.4 migrates the paths of format 1.1 and 2.1 as it loads them.
        release: "2.8" or "3.4".
        router_flavor: Of 3.4: "traditional_compatible", its default, or "traditional".
        engines: What matches regexes; by default what is installed of the extra `routing`.
        ids_of_names: Whether a route without an id gets the one that Kong makes of its name, as
            when it loads the document itself; in a database it has another one, which decides ties
            in 3.4.

    Raises:
        RouterError: The release refuses to load the configuration, or has no such router.

    Source:
        Kong/kong 2.8.5 kong/router.lua; Kong/kong 3.4.2 kong/router/.
    """
    try:
        release = Release(release)
    except ValueError:
        raise RouterError(f"release {release}: this knows 2.8 and 3.4") from None
    if router_flavor not in (None, *_FLAVORS):
        raise RouterError(f"router_flavor {router_flavor}: this knows {' and '.join(_FLAVORS)}")
    if not isinstance(config, Mapping):
        raise RouterError("the configuration is no mapping")
    flavor = None if release is Release.V2_8 else router_flavor or _DEFAULT_FLAVOR
    routes = read_routes(config, release, router_flavor=flavor, ids_of_names=ids_of_names)
    engines = engines or Engines.installed()
    chooses: TraditionalRouter | CompatibleRouter
    if flavor == _DEFAULT_FLAVOR:
        chooses = CompatibleRouter(routes, engines)
    else:
        chooses = TraditionalRouter(routes, release, engines)
    return Router(release, flavor, routes, chooses)
