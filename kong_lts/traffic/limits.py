"""rate_limits: what the plugins of a declarative document count."""

from collections.abc import Iterator, Mapping, Sequence

from kong_lts.unshared import RateLimit, limits_of

__all__ = ["rate_limits"]

_OWNERS = ("services", "routes", "consumers")


def rate_limits(config: Mapping[str, object]) -> tuple[RateLimit, ...]:
    """Every limit that the enabled plugins of a declarative document keep.

    Args:
        config: A document as parsed, kong.yml or a state file of decK.
    """
    return tuple(_limits_in(config, "everything"))


def _limits_in(owner: Mapping[str, object], where: str) -> Iterator[RateLimit]:
    for plugin in _mappings(owner.get("plugins")):
        yield from _of_plugin(plugin, _scope(plugin) or where)
    for kind in _OWNERS:
        for entity in _mappings(owner.get(kind)):
            yield from _limits_in(entity, f"{kind[:-1]} {_label(entity)}")


def _of_plugin(plugin: Mapping[str, object], where: str) -> Iterator[RateLimit]:
    name, config = plugin.get("name"), plugin.get("config")
    if isinstance(name, str) and plugin.get("enabled") is not False and isinstance(config, Mapping):
        yield from limits_of(name, config, where)


def _scope(plugin: Mapping[str, object]) -> str:
    """The service, route or consumer that a plugin at the top level names."""
    for kind in ("route", "service", "consumer"):
        target = plugin.get(kind)
        if isinstance(target, Mapping):
            target = target.get("name") or target.get("id")
        if isinstance(target, str):
            return f"{kind} {target}"
    return ""


def _label(entity: Mapping[str, object]) -> str:
    found = entity.get("name") or entity.get("username") or entity.get("id")
    return found if isinstance(found, str) else "without a name"


def _mappings(value: object) -> Sequence[Mapping[str, object]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else ()
