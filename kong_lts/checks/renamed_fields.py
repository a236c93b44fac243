"""Fields of plugins that still work after the upgrade, under names that 2.8 does not know yet."""

import functools
import json
from collections.abc import Iterator, Mapping

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import DeclarativeRule, Test, When
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.in_use import LIVE, PluginInUse
from kong_lts.findings import Finding

__all__ = ["fields_of_session_conf", "queue_fields", "session_fields"]

_RETRIES = "retry_count"
_QUEUE = {"queue_size": "queue.max_batch_size", "flush_timeout": "queue.max_coalescing_delay"}


@attrs.frozen
class _Old:
    """A field of 2.8."""

    new: str
    """Its name in 3.4; empty where it has no effect there."""
    default: str
    values: tuple[str, ...] = ()
    """With these alone it is worth a word; none for any."""

    def is_used(self, value: object, *, live: bool) -> bool:
        """Whether somebody set it; a running gateway gives back every default too."""
        if value is None or (self.values and _text(value) not in self.values):
            return False
        return not live or _text(value) not in ("", self.default)


def session_fields(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    """Once for all of a plugin's; each field has its own line among what is worth knowing."""
    known = _of_sessions().get(plugin.name, {})
    if used := _used(plugin, known):
        yield _finding("session-fields", plugin, _said(used, known))


def queue_fields(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    """Likewise; `retry_count` alone has its own finding."""
    known = _of_queues().get(plugin.name, {})
    used = _used(plugin, known)
    if set(used) & _QUEUE.keys():
        yield _finding("queue-fields", plugin, _said(used, known))


def _finding(rule: str, plugin: PluginInUse, fields: str) -> Finding:
    return cross_rule(rule).finding(
        f"plugin {plugin.name}",
        location=plugin.location,
        plugin=plugin.name,
        where=plugin.where,
        fields=fields,
    )


def fields_of_session_conf(text: str) -> str:
    """The fields of a `session_conf` of Kong Manager or the portal that have other names on 3.4."""
    try:
        given = json.loads(text.strip("'"))
    except (ValueError, RecursionError):
        return ""
    known = _of_sessions()["session"]
    names = [name for name in known if isinstance(given, Mapping) and given.get(name) is not None]
    return _said(names, known)


def _used(plugin: PluginInUse, known: Mapping[str, _Old]) -> list[str]:
    live = plugin.origin == LIVE or known is _of_queues().get(plugin.name)
    return [name for name, old in known.items() if old.is_used(plugin.config.get(name), live=live)]


def _said(names: list[str], known: Mapping[str, _Old]) -> str:
    return ", ".join(
        f"{name} (now {known[name].new})" if known[name].new else f"{name} (no effect)"
        for name in names
    )


@functools.cache
def _of_sessions() -> Mapping[str, Mapping[str, _Old]]:
    """Fields that have another name after the upgrade, or no meaning, by plugin."""
    found: dict[str, dict[str, _Old]] = {}
    for row in catalog.plugins():
        change = row.change
        if change is not None and change.when is When.AFTER_UPGRADE and "session" in row.id:
            _put(found, row, change.to.removeprefix("config.") if change.to else "")
    return found


@functools.cache
def _of_queues() -> Mapping[str, Mapping[str, _Old]]:
    """Parameters of the queues that 3.3 made anew, where they are not what 2.8 has anyway."""
    found: dict[str, dict[str, _Old]] = {}
    for row in catalog.plugins():
        field = row.field.removeprefix("config.")
        if row.default and (field in _QUEUE or field == _RETRIES):
            _put(found, row, _QUEUE.get(field, ""))
    return found


def _put(found: dict[str, dict[str, _Old]], row: DeclarativeRule, new: str) -> None:
    for name in row.on:
        field = row.field.removeprefix("config.")
        values = row.values if row.test is Test.EQUAL else ()
        found.setdefault(name, {})[field] = _Old(new, row.default, values)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
