"""What Enterprise keeps outside of the configuration: sessions, keyring, licence, Vitals."""

import re
from collections.abc import Iterator

from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.in_use import admin_file, answered
from kong_lts.checks.manifests import mapping
from kong_lts.checks.renamed_fields import fields_of_session_conf
from kong_lts.findings import Finding, Location
from kong_lts.versions import Edition

__all__ = ["CHECK"]

_ENCRYPTED = re.compile(r"\$ke\$1\$-")
_OF_CHART = {
    "rbac": ("admin_gui_session_conf", "kong-manager-sessions-invalidated"),
    "portal": ("portal_session_conf", "dev-portal-sessions-invalidated"),
}
"""Keys of kong.conf, and what is said of them, by the part of Helm values that names a Secret."""
_VITALS = ("influxdb", "prometheus")


def _look(case: Case) -> Iterator[Seen]:
    if case.edition is not Edition.ENTERPRISE:
        return
    yield part(
        (
            "kong-manager-sessions-invalidated",
            "dev-portal-sessions-invalidated",
            "kong-manager-idp-login",
        ),
        _manager,
        case,
    )
    yield part("keyring", _keyring, case)
    yield part("keyring-not-recovered", _not_recovered, case)
    yield part("fips-and-key-auth-enc", _fips, case)
    yield part("license-reapply", _licence, case)
    yield part(("statsd-influx-vitals", "vitals-in-two-databases"), _vitals, case)


def _manager(case: Case) -> Iterator[Finding]:
    for key, rule in _OF_CHART.values():
        for node, value in case.written(key):
            if value:
                named = fields_of_session_conf(value)
                fields = f"; leave the old names of its fields until then: {named}" if named else ""
                yield cross_rule(rule).finding(
                    key, evidence=node, key=key, node=node, fields=fields
                )
                break
    yield from _manager_of_values(case)
    for node, value in case.written("admin_gui_auth"):
        if value.strip("\"'") == "openid-connect":
            yield cross_rule("kong-manager-idp-login").finding(
                "admin_gui_auth", evidence=node, node=node
            )
            break


def _manager_of_values(case: Case) -> Iterator[Finding]:
    """Helm values of Enterprise whose sessions a Secret configures."""
    for manifest in case.manifests:
        for inner in manifest.mappings if manifest.is_values else ():
            for part_of, (key, rule) in _OF_CHART.items():
                if mapping(inner.get(part_of)).get("session_conf_secret"):
                    yield cross_rule(rule).finding(
                        key,
                        location=Location(path=manifest.path, line=manifest.line),
                        evidence=manifest.path,
                        key=key,
                        node=f"{manifest.path} ({part_of}.session_conf_secret)",
                        fields="",
                    )


def _keyring(case: Case) -> Iterator[Finding]:
    declared = case.deployment.current.keyring
    for node, value in case.written("keyring_enabled"):
        if value.lower() in ("on", "true"):
            strategy = next((text for _, text in case.written("keyring_strategy")), "cluster")
            if not declared:
                rule = cross_rule("kong-conf-keyring")
                yield rule.finding("keyring_enabled", evidence=node, strategy=strategy)
            yield cross_rule("keyring-recovery-new").finding("keyring", evidence=node)
            declared = True
            break
    yield from _missing_keys(case)
    facts = case.evidence.database
    what = []
    if facts is not None and facts.keyring_ids:
        what.append(f"keys {', '.join(facts.keyring_ids[:5])}")
    if facts is not None and facts.encrypted_values:
        what.append(f"{facts.encrypted_values} of them")
    if any(_ENCRYPTED.search(str(row)) for rows in case.evidence.rows.values() for row in rows):
        what.append("in the rows given")
    exported = case.exports_keyring
    if what and declared and not exported and facts is not None and facts.keyring_ids:
        yield cross_rule("keyring-ids-not-exported").finding(
            "keyring", evidence="database", keys=", ".join(facts.keyring_ids[:5])
        )
    if what and not declared:
        rule = cross_rule("keyring-in-database")
        yield rule.finding("keyring", evidence="database", what=", ".join(what))


def _missing_keys(case: Case) -> Iterator[Finding]:
    """Keys that values of the database were encrypted with, and that the keyring does not hold."""
    facts, answer = case.evidence.database, case.evidence.admin.get("/keyring")
    held = answered(answer)[1].get("ids")
    if facts is None or not isinstance(held, list):
        return
    if missing := [key for key in facts.keyring_ids if key not in held]:
        rule = cross_rule("keyring-ids-missing")
        yield rule.finding("keyring", evidence="database", keys=", ".join(missing[:5]))


def _fips(case: Case) -> Iterator[Finding]:
    """Keys whose digest is another one in FIPS mode."""
    facts = case.evidence.database
    where = case.plugin_names.get("key-auth-enc")
    if where is None and facts is not None and facts.tables.get("keyauth_enc_credentials"):
        where = "database"
    for node, value in case.written("fips"):
        if where is not None and value.strip("\"'").lower() in ("on", "true"):
            yield cross_rule("fips-and-key-auth-enc").finding(
                "key-auth-enc", evidence=node, node=node, where=where
            )
            break


def _not_recovered(case: Case) -> Iterator[Finding]:
    """A recovery that calls itself a success, and names keys that it did not recover."""
    for path, answer in case.evidence.admin.items():
        pointer, body = answered(answer)
        lost = body.get("not_recovered") if "keyring" in path else None
        if isinstance(lost, list) and lost:
            yield cross_rule("keyring-not-recovered").finding(
                "keyring",
                location=Location(path=admin_file(path), pointer=f"{pointer}/not_recovered"),
                evidence="Admin API",
                file=admin_file(path),
                count=len(lost),
                keys=", ".join(map(str, lost[:5])),
            )


def _licence(case: Case) -> Iterator[Finding]:
    for key in ("license_path", "license_data"):
        for node, value in case.written(key):
            if value:
                yield cross_rule("license-reapply").finding(key, evidence=node, what=f"`{key}`")
                return
    facts = case.evidence.database
    if facts is not None and facts.tables.get("licenses"):
        yield cross_rule("license-reapply").finding(
            "table licenses", evidence="database", what="the table `licenses`"
        )


def _vitals(case: Case) -> Iterator[Finding]:
    for node, value in case.written("vitals_strategy"):
        if value.strip("\"'") in _VITALS:
            yield cross_rule("statsd-influx-vitals").finding(
                "vitals_strategy", evidence=node, node=node, value=value
            )
            break
    for node, value in case.written("vitals"):
        if value.lower() in ("on", "true") and case.deployment.resources.second_cluster:
            # Who switches it on by hand reads it.
            yield cross_rule("vitals-in-two-databases").finding("vitals", evidence=node)
            break


_RULES = (
    "kong-manager-sessions-invalidated",
    "dev-portal-sessions-invalidated",
    "kong-manager-idp-login",
    "kong-conf-keyring",
    "keyring-recovery-new",
    "keyring-in-database",
    "keyring-ids-not-exported",
    "keyring-ids-missing",
    "keyring-not-recovered",
    "fips-and-key-auth-enc",
    "license-reapply",
    "statsd-influx-vitals",
    "vitals-in-two-databases",
)


def _rows() -> tuple[Rule, ...]:
    return tuple(map(cross_rule, _RULES))


CHECK = Check(
    name="sessions, keyring and licence",
    look=_look,
    rows=_rows,
    needs=("kong_conf", "environ", "kubernetes", "database", "rows", "admin"),
    needs_called="a kong.conf or an environment, or a look at the database",
)
