"""What the guide's backups do not bring back, and what a database says beyond its state."""

import re
from collections.abc import Iterator

from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check
from kong_lts.checks.in_use import live_rows
from kong_lts.checks.manifests import text_of
from kong_lts.checks.platforms import version_of
from kong_lts.database import DatabaseFacts
from kong_lts.declarative import inventory
from kong_lts.deployment import DeploymentMode
from kong_lts.errors import DeclarativeError
from kong_lts.findings import Finding, Location
from kong_lts.versions import Edition

__all__ = ["CHECK"]

_HASHED = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|\$2[aby]?\$.{50,}")
_ENTERPRISE_TABLES = ("rbac_users", "rbac_roles", "licenses", "admins", "vitals_stats_seconds")
_NOT_IN_DECK = {
    "basicauth_credentials": "basic-auth passwords (hashed)",
    "rbac_users": "RBAC users",
    "rbac_role_entities": "permissions on entities",
    "admins": "administrators",
    "developers": "developers",
    "files": "the Dev Portal's files",
    "event_hooks": "event hooks",
    "licenses": "licences",
    "oauth2_tokens": "OAuth tokens",
}
_TTL_TABLES = ("oauth2_tokens", "oauth2_authorization_codes", "sessions", "acme_storage")
_POSTGRES_15, _SCRAM = 15, 14
_WHOLE = 8
"""From so many subsystems on, schema_meta is known to be given whole."""


def _look(case: Case) -> Iterator[Finding]:
    yield from _basic_auth(case)
    yield from _negative_rules(case)
    facts = case.evidence.database
    if facts is not None:
        yield from _edition(case, facts)
        yield from _gaps(facts)
        yield from _server(facts.server_version)
    else:
        settings = case.deployment.current.database
        yield from _server(settings.server_version if settings else None)


def _basic_auth(case: Case) -> Iterator[Finding]:
    """Hashes in a file that decK would sync: it hashes them once more."""
    if case.deployment.mode is DeploymentMode.DB_LESS:
        return
    for file in case.evidence.declarative:
        if b"basicauth_credentials" not in file.data:
            continue
        for location in _hashed_in(file.path, file.data):
            yield cross_rule("basic-auth-not-restorable").finding(
                "basic-auth", location=location, where=file.path
            )
            break


def _hashed_in(path: str, data: bytes) -> Iterator[Location]:
    try:
        for listed in inventory(data):
            if listed.kind == "basicauth_credentials" and _HASHED.fullmatch(
                text_of(listed.fields.get("password"))
            ):
                yield Location(path=path, line=listed.line)
    except DeclarativeError:
        return  # a finding of its own elsewhere


def _negative_rules(case: Case) -> Iterator[Finding]:
    denied = [
        row
        for _, kind, row in live_rows(case.evidence)
        if kind in ("rbac_role_endpoints", "rbac_role_entities", "endpoints", "entities")
        and row.get("negative") is True
    ]
    if denied and case.edition is Edition.ENTERPRISE:
        rule = cross_rule("rbac-deny-precedence")
        yield rule.finding("RBAC", evidence="RBAC rules", rows=len(denied))


def _edition(case: Case, facts: DatabaseFacts) -> Iterator[Finding]:
    """Enterprise's migrations and tables are not those of open source."""
    subsystems = {row.subsystem for row in facts.schema_meta}
    tables = [table for table in _ENTERPRISE_TABLES if table in facts.tables]
    is_enterprise = "enterprise" in subsystems or len(tables) > 1
    if case.edition is Edition.OSS and is_enterprise:
        what = (
            "subsystem enterprise" if "enterprise" in subsystems else f"tables {', '.join(tables)}"
        )
        yield cross_rule("database-edition-differs").finding(
            f"database {facts.name}".rstrip(),
            evidence="database",
            found="Enterprise",
            what=what,
            expected="open source",
        )
    elif case.edition is Edition.ENTERPRISE and len(subsystems) >= _WHOLE and not is_enterprise:
        yield cross_rule("database-edition-differs").finding(
            f"database {facts.name}".rstrip(),
            evidence="database",
            found="open source",
            what="neither the subsystem enterprise nor RBAC tables",
            expected="Enterprise",
        )


def _gaps(facts: DatabaseFacts) -> Iterator[Finding]:
    lost = [words for table, words in _NOT_IN_DECK.items() if facts.tables.get(table)]
    if lost:
        rule = cross_rule("deck-backup-gaps")
        yield rule.finding("backup", evidence="database", what=", ".join(lost))
    if facts.tables.get("consumer_groups"):
        yield cross_rule("consumer-groups-in-use").finding("consumer groups", evidence="database")
    kept = [table for table in _TTL_TABLES if table in facts.tables]
    if kept:
        rule = cross_rule("ttl-triggers")
        yield rule.finding("tables with a ttl", evidence="database", tables=", ".join(kept))


def _server(version: str | None) -> Iterator[Finding]:
    major = (version_of(version) or (0,))[0]
    if major >= _POSTGRES_15:
        yield cross_rule("postgres-15-grant").finding("PostgreSQL", version=version)
    if major >= _SCRAM:
        yield cross_rule("postgres-scram").finding("PostgreSQL", version=version)


_RULES = (
    "basic-auth-not-restorable",
    "rbac-deny-precedence",
    "database-edition-differs",
    "deck-backup-gaps",
    "consumer-groups-in-use",
    "ttl-triggers",
    "postgres-15-grant",
    "postgres-scram",
)


def _rows() -> tuple[Rule, ...]:
    return tuple(map(cross_rule, _RULES))


CHECK = Check(name="backups", look=_look, rows=_rows)
