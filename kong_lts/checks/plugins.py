"""Plugins in use held against what is enabled, the mode, the database, the logs, the target."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping

from kong_lts import catalog
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case, called, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.compose import services_of
from kong_lts.checks.custom_plugins import sources
from kong_lts.checks.in_use import PluginInUse
from kong_lts.checks.manifests import Manifest, line_of, mapping, names_in
from kong_lts.checks.renamed_fields import queue_fields, session_fields
from kong_lts.deployment import DeploymentMode
from kong_lts.findings import Finding, Location, Severity
from kong_lts.kong_conf import KongConf
from kong_lts.unshared import limits_of

__all__ = ["CHECK"]

_BUNDLED = "bundled"
_REMOVED = ("collector", "openwhisk", "kubernetes-sidecar-injector", "upstream-tls")
_IN_DATABASE = "cluster"
_LONG_S = 3600
_RENAMED = ("whitelist", "blacklist")
_RENAMES_THEM = ("acl", "ip-restriction", "bot-detection", "request-transformer-advanced", "canary")
_COMMUNITY_OIDC = ("oidc", "kong-oidc")
_NAME = re.compile(r"[\w-]+")
_MIGRATES = re.compile(r"\bkong\b.*\bmigrations\s+(?:up|finish|bootstrap)\b")
_SHOWN = 5
_TRACING = ("b3", "b3-single", "w3c", "jaeger", "ot", "aws")


def _look(case: Case) -> Iterator[Seen]:
    yield part(("plugin-in-use-not-enabled", "plugin-enabled-without-source"), _not_enabled, case)
    yield part("migration-runner-plugins", _runners, case)
    yield part("plugin-removed-enabled", _removed, case)
    yield part("community-oidc", _community_oidc_enabled, case)
    for plugin in case.plugins:
        if plugin.enabled:
            for rule, look in _ON_PLUGINS.items():
                yield part(rule, look, case, plugin)
    yield part(("jwt-tokens-in-log", "hmac-auth-request-uri-signature"), _requests, case)


@functools.cache
def _known() -> frozenset[str]:
    """Plugins that either release brings, in any edition."""
    return frozenset(
        row.plugin for row in catalog.plugin_order() if row.in_3_4 is not None
    ) | frozenset(_REMOVED)


def _lists(case: Case) -> Iterator[tuple[str, frozenset[str]]]:
    """What each node enables; one that is a template says nothing."""
    written = dict(case.written("plugins"))
    for node, conf in case.confs.items():
        # As it is written: a file that lacks something else says what it enables all the same.
        name = node or "kong.conf"
        if name not in written and node not in case.evidence.configurations:
            continue  # a script or manifest shows a part of the settings only
        for listed in case.apart.look(called(node), _enabled, conf, written.get(name, _BUNDLED)):
            yield name, listed
    enabled = mapping(case.root.get("plugins")).get("enabled_in_cluster")
    if isinstance(enabled, list) and not case.evidence.configurations:
        available = mapping(mapping(case.root.get("plugins")).get("available_on_server"))
        if available:
            yield "the Admin API (available_on_server)", frozenset(available) | {_BUNDLED}


def _enabled(conf: KongConf, written: str) -> Iterator[frozenset[str]]:
    setting, listed = conf.by_key.get("plugins"), written.strip("\"'")
    if not (setting and setting.is_template) and "$" not in listed:
        yield frozenset(part.strip() for part in listed.split(",") if part.strip())


def _not_enabled(case: Case) -> Iterator[Finding]:
    lists = list(_lists(case))
    for name, where in case.plugin_names.items():
        missing = [
            (node, listed)
            for node, listed in lists
            if name not in listed and not (_BUNDLED in listed and name in _known())
        ]
        for node, listed in missing[:3]:
            yield cross_rule("plugin-in-use-not-enabled").finding(
                f"plugin {name}",
                location=case.plugin_places.get(name),
                evidence=where,
                plugin=name,
                where=where,
                node=node,
                enabled=_shown(listed),
            )
    installed = {source.plugin for source in sources(case)}
    for node, listed in lists:
        for name in sorted(listed - _known() - {_BUNDLED, "off"} - installed):
            if case.evidence.custom_plugins:
                rule = cross_rule("plugin-enabled-without-source")
                yield rule.finding(f"plugin {name}", plugin=name, node=node)


def _shown(listed: frozenset[str]) -> str:
    names = sorted(listed)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "off"


def _removed(case: Case) -> Iterator[Finding]:
    for node, listed in _lists(case):
        if node.startswith("the Admin API"):
            continue
        for name in sorted(listed & set(_REMOVED)):
            rule = cross_rule("plugin-removed-enabled")
            yield rule.finding(f"plugin {name}", plugin=name, node=node)


def _without_database(case: Case) -> tuple[str, str] | None:
    """A node that has no database, and how that is known."""
    for node, values in case.settings.items():
        if values.get("database") == "off":
            return node or "kong.conf", "database = off"
        if values.get("role") in ("data_plane", "control_plane"):
            return node or "kong.conf", f"role = {values['role']}"
    for key, wanted in (("database", ("off",)), ("role", ("data_plane", "control_plane"))):
        for node, value in case.written(key):  # of what lacks something else, and so has no values
            if (text := value.strip("\"'")) in wanted:
                return node, f"{key} = {text}"
    return None


def _rla_without_database(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    config = plugin.config
    if plugin.name != "rate-limiting-advanced" or config.get("strategy") != "cluster":
        return
    rate = config.get("sync_rate")
    if case.deployment.mode is not DeploymentMode.TRADITIONAL and plugin.origin != "live":
        return  # the rule on files has said so
    known = _without_database(case)
    if case.deployment.mode is not DeploymentMode.TRADITIONAL:
        known = known or ("the deployment", f"mode {case.deployment.mode}")
    if known is not None and rate != -1:
        yield cross_rule("hybrid-rla-cluster-strategy-by-conf").finding(
            "plugin rate-limiting-advanced",
            location=plugin.location,
            where=plugin.where,
            sync_rate=rate,
            node=known[0],
            why=known[1],
        )


def _doubled(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    """Counters in two databases: how much more passes while two clusters take traffic."""
    two = case.deployment.resources.second_cluster and case.deployment.mode.has_database
    limits = limits_of(plugin.name, plugin.config, plugin.where) if two else ()
    windows = [(one.window_s, one.limit) for one in limits if one.store == _IN_DATABASE]
    if not windows:
        return
    window, limit = max(windows)
    yield cross_rule("rate-limits-double").finding(
        f"plugin {plugin.name}",
        severity=Severity.WARNING if window >= _LONG_S else Severity.INFO,
        location=plugin.location,
        plugin=plugin.name,
        where=plugin.where,
        window=window,
        limit=limit,
        over=2 * limit,
    )


def _redis(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    rate = plugin.config.get("sync_rate")
    in_redis = plugin.name == "rate-limiting" and plugin.config.get("policy") == "redis"
    if in_redis and isinstance(rate, int | float) and rate > 0:
        yield cross_rule("rate-limiting-redis-sync-rate").finding(
            "plugin rate-limiting",
            location=plugin.location,
            where=plugin.where,
            sync_rate=rate,
        )


def _zipkin(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    value = plugin.config.get("header_type")
    if plugin.name == "zipkin" and value in _TRACING:
        yield cross_rule("plugin-zipkin-header-type").finding(
            "plugin zipkin", location=plugin.location, where=plugin.where, value=value
        )


def _oauth2(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    if plugin.name == "oauth2" and case.deployment.mode is not DeploymentMode.TRADITIONAL:
        yield cross_rule("oauth2-without-database").finding(
            "plugin oauth2",
            location=plugin.location,
            where=plugin.where,
            mode=case.deployment.mode,
        )


def _renamed(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    if plugin.name in _RENAMES_THEM:
        return
    by_deck = case.converts_by_deck or case.deployment.tools.deck is not None
    for field in _RENAMED:
        if field in plugin.config:
            yield cross_rule("deck-renames-in-custom-plugin").finding(
                f"plugin {plugin.name}",
                severity=Severity.WARNING if by_deck else Severity.INFO,
                location=plugin.location,
                plugin=plugin.name,
                where=plugin.where,
                field=field,
            )


def _samesite(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    if plugin.name != "openid-connect":
        return
    for field in ("authorization_cookie_samesite", "session_cookie_samesite"):
        if plugin.config.get(field) == "off":
            yield cross_rule("oidc-samesite").finding(
                "plugin openid-connect", location=plugin.location, where=plugin.where, field=field
            )


def _community_oidc(case: Case, plugin: PluginInUse) -> Iterator[Finding]:
    """By its name, unless its code is here, which has rules of its own."""
    if plugin.name not in _COMMUNITY_OIDC:
        return
    if plugin.name not in {source.plugin for source in sources(case)}:
        yield cross_rule("community-oidc").finding(
            f"plugin {plugin.name}",
            location=plugin.location,
            plugin=plugin.name,
            where=plugin.where,
        )


def _community_oidc_enabled(case: Case) -> Iterator[Finding]:
    """On a list `plugins`, where nothing else shows it."""
    shown = {plugin.name for plugin in case.plugins} | {one.plugin for one in sources(case)}
    for node, enabled in _lists(case):
        for name in sorted(enabled.intersection(_COMMUNITY_OIDC) - shown):
            shown.add(name)
            yield cross_rule("community-oidc").finding(
                f"plugin {name}", evidence=node, plugin=name, where=f"`plugins` of {node}"
            )


def _runners(case: Case) -> Iterator[Finding]:
    """Containers that run migrations and say nothing of `plugins`."""
    custom = [name for name in case.plugin_names if name not in _known()]
    custom += [name for name in _enabled_elsewhere(case) if name not in custom]
    if not custom:
        return
    for manifest in case.manifests:
        for inner in manifest.mappings:
            words = " ".join((*names_in(inner.get("command")), *names_in(inner.get("args"))))
            variables = {str(mapping(pair).get("name")) for pair in _items(inner.get("env"))}
            told = "KONG_PLUGINS" in variables or inner.get("envFrom")
            if _MIGRATES.search(words) and variables and not told:
                yield _runner(manifest, f"{manifest.kind} {manifest.name}", custom)
    for service in services_of(case.evidence.scripts):
        told = "KONG_PLUGINS" in service.environ or service.fields.get("env_file")
        if _MIGRATES.search(service.command) and service.environ and not told:
            yield _runner(service.manifest, f"{service.path} ({service.name})", custom)


def _runner(manifest: Manifest, where: str, custom: list[str]) -> Finding:
    return cross_rule("migration-runner-plugins").finding(
        f"plugin {custom[0]}",
        location=Location(path=manifest.path, line=line_of(manifest, "migrations")),
        where=where,
        plugin=", ".join(custom[:_SHOWN]),
    )


def _enabled_elsewhere(case: Case) -> list[str]:
    """Plugins beside the bundled ones that some configuration enables."""
    listed = (part.strip() for _, text in case.written("plugins") for part in text.split(","))
    return sorted({name for name in listed if _NAME.fullmatch(name)} - _known() - {_BUNDLED, "off"})


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


_ON_PLUGINS: Mapping[str, Callable[[Case, PluginInUse], Iterator[Finding]]] = {
    "hybrid-rla-cluster-strategy-by-conf": _rla_without_database,
    "rate-limits-double": _doubled,
    "rate-limiting-redis-sync-rate": _redis,
    "plugin-zipkin-header-type": _zipkin,
    "oauth2-without-database": _oauth2,
    "deck-renames-in-custom-plugin": _renamed,
    "oidc-samesite": _samesite,
    "community-oidc": _community_oidc,
    "session-fields": session_fields,
    "queue-fields": queue_fields,
}
"""What is said of one plugin, by the rule that it is about."""


def _requests(case: Case) -> Iterator[Finding]:
    """What the access log says of requests that a plugin in use treats otherwise on 3.4."""
    log = case.evidence.access_log
    if log is None:
        return
    if log.with_token_in_query and "jwt" in case.plugin_names:
        rule = cross_rule("jwt-tokens-in-log")
        yield rule.finding("plugin jwt", evidence="access log", count=log.with_token_in_query)
    if log.percent_encoded and "hmac-auth" in case.plugin_names:
        rule = cross_rule("hmac-auth-request-uri-signature")
        yield rule.finding("plugin hmac-auth", evidence="access log", count=log.percent_encoded)


_RULES = (
    "plugin-in-use-not-enabled",
    "plugin-enabled-without-source",
    "plugin-removed-enabled",
    "hybrid-rla-cluster-strategy-by-conf",
    "rate-limits-double",
    "rate-limiting-redis-sync-rate",
    "plugin-zipkin-header-type",
    "oauth2-without-database",
    "deck-renames-in-custom-plugin",
    "oidc-samesite",
    "jwt-tokens-in-log",
    "hmac-auth-request-uri-signature",
    "community-oidc",
    "session-fields",
    "queue-fields",
    "migration-runner-plugins",
)


def _rows() -> tuple[Rule, ...]:
    return tuple(map(cross_rule, _RULES))


CHECK = Check(
    name="plugins in use",
    look=_look,
    rows=_rows,
    needs=(
        "declarative",
        "admin",
        "rows",
        "database",
        "kubernetes",
        "kong_conf",
        "environ",
        "scripts",
    ),
    needs_called="a configuration with plugins, or a kong.conf",
)
