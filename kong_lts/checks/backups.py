"""What the guide's backups do not bring back, and what a database says beyond its state."""

import itertools
import re
from collections.abc import Iterator, Mapping

from kong_lts import catalog
from kong_lts.catalog.rows import Rule
from kong_lts.checks.automation import lines_of
from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.in_use import DATABASE, admin_file, answered, listed_in, live_rows
from kong_lts.checks.manifests import text_of
from kong_lts.checks.platforms import SUPPORTED_POSTGRES, version_of
from kong_lts.database import DatabaseFacts
from kong_lts.deployment import Deployment, DeploymentMode
from kong_lts.evidence import StateFile
from kong_lts.findings import Finding, Location, Severity
from kong_lts.versions import Edition

__all__ = ["CHECK"]

_HASHED = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}|\$2[aby]?\$.{50,}")
_BASIC_AUTH = ("basic-auths", "basic-auth", "basicauth_credentials")
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
    "vaults_beta": "vaults (vaults_beta)",
}
_ISSUED_ANEW = "oauth2_tokens"
"""What clients ask for again by themselves."""
_WORKSPACE = re.compile(rb"(?m)^_workspace:[ \t]*[\"']?([^\s\"'#]+)")
_DUMP = re.compile(r"\bdeck\s+(?:gateway\s+)?dump\b")
_OF_WORKSPACES = re.compile(r"--all-workspaces|--workspace\b|\s-w\b")
_SHOWN = 5
_TTL_TABLES = ("oauth2_tokens", "oauth2_authorization_codes", "sessions", "acme_storage")
_POSTGRES_15, _SCRAM = 15, 14
_MEMBERS = (1, 49)
"""The first decK that dumps who belongs to a consumer group."""
_OVERRIDES = "consumer-groups-overrides-deprecated"
_WHOLE = 8
"""From so many subsystems on, schema_meta is known to be given whole."""


def _look(case: Case) -> Iterator[Seen]:
    yield part("basic-auth-not-restorable", _basic_auth, case)
    yield part("rbac-deny-precedence", _negative_rules, case)
    yield part("consumer-groups-overrides-deprecated", _overrides, case)
    yield part(("deck-dump-misses-workspaces", "workspace-without-file"), _workspaces, case)
    yield part("targets-duplicates-deleted", _targets, case)
    yield part("consumer-groups-in-use", _groups, case)
    facts = case.evidence.database
    if facts is not None:
        yield part("database-edition-differs", _edition, case, facts)
        yield part(("deck-backup-gaps", "ttl-triggers"), _gaps, case, facts)
    settings = case.deployment.current.database
    version = (facts.server_version if facts else None) or (
        settings.server_version if settings else None
    )
    yield from _server(
        version,
        said_already=bool(facts and facts.server_version),
        makes_database=_makes_database(case.deployment),
    )
    new = case.deployment.new.database if case.deployment.new else None
    if new is not None and new.server_version != version:
        yield from _new_server(version, new.server_version)


def _overrides(case: Case) -> Iterator[Finding]:
    """Limits of consumer groups that are kept as overrides."""
    facts = case.evidence.database
    in_table = facts is not None and bool(facts.tables.get("consumer_group_plugins"))
    asked = next((path for path in case.evidence.admin if _has_overrides(case, path)), None)
    if in_table or asked or case.evidence.rows.get("consumer_group_plugins"):
        rule = next(r for r in catalog.entities() if r.id == _OVERRIDES)
        where = Location(path=admin_file(asked)) if asked else Location(path=DATABASE)
        where = Location(table="consumer_group_plugins") if in_table else where
        yield rule.finding("consumer groups", location=where, evidence="consumer_groups overrides")


def _has_overrides(case: Case, path: str) -> bool:
    """Whether an answer of the Admin API is an override, or a consumer group that has some."""
    if "/overrides" in path:
        return True
    parts = path.strip("/").split("/")
    _, group = answered(case.evidence.admin[path])
    return parts[-2:-1] == ["consumer_groups"] and bool(group.get("plugins"))


def _targets(case: Case) -> Iterator[Finding]:
    """Targets that an upstream has more than once, in rows or answers."""
    found: dict[tuple[str, str], list[object]] = {}
    places: dict[tuple[str, str], Location] = {}
    for location, kind, row in live_rows(case.evidence):
        if kind == "targets" and row.get("target"):
            upstream = row.get("upstream_id") or row.get("upstream")
            name = upstream.get("id") if isinstance(upstream, Mapping) else upstream
            key = (str(name), str(row["target"]))
            found.setdefault(key, []).append(row.get("created_at"))
            places[key] = location
    rule = next(row for row in catalog.database() if row.id == "database-target-repeated")
    for (upstream, target), moments in found.items():
        if len(moments) > 1:
            same = len(set(map(str, moments))) < len(moments) and None not in moments
            yield rule.finding(
                f"target {target}",
                severity=Severity.BLOCKER if same else Severity.WARNING,
                location=places[upstream, target],
                evidence="targets",
                upstream=upstream,
                target=target,
                rows=len(moments),
                moment=", created at one moment, on which `finish` fails"
                if same
                else "; `finish` deletes the older ones",
            )


def _basic_auth(case: Case) -> Iterator[Finding]:
    """Hashes in a file that decK would sync: it hashes them once more."""
    if case.deployment.mode is DeploymentMode.DB_LESS:
        return
    for file in case.evidence.declarative:
        hashed = case.apart.look(f"declarative files: {file.path}", _hashed_in, file)
        for location in itertools.islice(hashed, 1):
            yield cross_rule("basic-auth-not-restorable").finding(
                "basic-auth", location=location, where=file.path
            )
    for where, kind, row in live_rows(case.evidence) if case.backs_up_by_deck else ():
        if kind in _BASIC_AUTH and _HASHED.fullmatch(text_of(row.get("password"))):
            yield cross_rule("basic-auth-not-restorable").finding(
                "basic-auth", location=where, where=where.path
            )
            return


def _hashed_in(file: StateFile) -> Iterator[Location]:
    if b"basicauth_credentials" not in file.data:
        return
    for location, listed in listed_in(file):
        password = text_of(listed.fields.get("password"))
        if listed.kind == "basicauth_credentials" and _HASHED.fullmatch(password):
            yield location


def _negative_rules(case: Case) -> Iterator[Finding]:
    denied = [
        location
        for location, kind, row in live_rows(case.evidence)
        if kind in ("rbac_role_endpoints", "rbac_role_entities", "endpoints", "entities")
        and row.get("negative") is True
    ]
    if denied and case.edition is Edition.ENTERPRISE:
        rule = cross_rule("rbac-deny-precedence")
        where = denied[0]
        yield rule.finding("RBAC", location=where, evidence="RBAC rules", rows=len(denied))


def _workspaces(case: Case) -> Iterator[Finding]:
    """Workspaces of the gateway that a backup by decK, or the files given, leave out."""
    known = {
        name: location
        for location, kind, row in live_rows(case.evidence)
        if kind == "workspaces" and (name := text_of(row.get("name")))
    }
    given = {name for file in case.evidence.declarative for name in _WORKSPACE.findall(file.data)}
    missing = [name for name in known if name.encode() not in given]
    if given and missing:
        yield cross_rule("workspace-without-file").finding(
            f"workspace {missing[0]}",
            location=known[missing[0]],
            evidence="Admin API",
            names=", ".join(missing[:_SHOWN]),
            files=", ".join(file.path for file in case.evidence.declarative[:_SHOWN]),
        )
    names = list(known) or sorted(name.decode("utf-8", "replace") for name in given)
    facts = case.evidence.database
    count = len(names) or (facts.tables.get("workspaces", 0) if facts is not None else 0)
    for file in case.evidence.scripts if count > 1 else ():
        dumps = [
            line
            for line in lines_of(file)
            if _DUMP.search(line.text) and "--rbac-resources-only" not in line.text
        ]
        if dumps and not any(_OF_WORKSPACES.search(line.text) for line in dumps):
            yield cross_rule("deck-dump-misses-workspaces").finding(
                file.path,
                location=Location(path=file.path, line=dumps[0].number),
                evidence=file.path,
                file=file.path,
                found=dumps[0].text.strip()[:80],
                count=count,
                names=", ".join(names[:_SHOWN]) or "by the database",
            )


def _groups(case: Case) -> Iterator[Finding]:
    """Consumer groups, whose members an old decK does not dump."""
    facts = case.evidence.database
    in_table = facts is not None and bool(facts.tables.get("consumer_groups"))
    groups = (where for where, kind, _ in live_rows(case.evidence) if kind == "consumer_groups")
    where = Location(table="consumer_groups") if in_table else next(groups, None)
    if where is None:
        where = next(itertools.chain.from_iterable(map(_groups_in, case.state_files)), None)
    if where is not None:
        old = (version_of(case.deployment.tools.deck) or _MEMBERS) < _MEMBERS
        yield cross_rule("consumer-groups-in-use").finding(
            "consumer groups",
            severity=Severity.WARNING if old else Severity.INFO,
            location=where,
            evidence=where.path or "database",
        )


def _groups_in(file: StateFile) -> Iterator[Location]:
    if b"consumer_groups" not in file.data:
        return
    yield from (location for location, one in listed_in(file) if one.kind == "consumer_groups")


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


def _gaps(case: Case, facts: DatabaseFacts) -> Iterator[Finding]:
    lost = [words for table, words in _NOT_IN_DECK.items() if facts.tables.get(table)]
    if lost:
        rule = cross_rule("deck-backup-gaps")
        warns = case.backs_up_by_deck and lost != [_NOT_IN_DECK[_ISSUED_ANEW]]
        severity = Severity.WARNING if warns else Severity.INFO
        what = ", ".join(lost)
        yield rule.finding("backup", severity=severity, evidence="database", what=what)
    kept = [table for table in _TTL_TABLES if table in facts.tables]
    if kept:
        rule = cross_rule("ttl-triggers")
        yield rule.finding("tables with a ttl", evidence="database", tables=", ".join(kept))


def _makes_database(deployment: Deployment) -> bool:
    """Whether a second cluster is to come whose database nobody has named yet."""
    new = deployment.new
    return deployment.resources.second_cluster is True and bool(new and new.database is None)


def _server(version: str | None, *, said_already: bool, makes_database: bool) -> Iterator[Finding]:
    major = (version_of(version) or (0,))[0]
    if major and major not in SUPPORTED_POSTGRES and not said_already:
        rule = next(row for row in catalog.database() if row.id == "postgres-server-unsupported")
        yield rule.finding("PostgreSQL", version=version, evidence="deployment")
    if major >= _POSTGRES_15:
        yield cross_rule("postgres-15-grant").finding(
            "PostgreSQL",
            severity=Severity.WARNING if makes_database else Severity.INFO,
            version=version,
        )
    if major >= _SCRAM:
        yield cross_rule("postgres-scram").finding(
            "PostgreSQL", severity=Severity.INFO, version=version
        )


def _new_server(current: str | None, new: str | None) -> Iterator[Finding]:
    """Another PostgreSQL for the new cluster, whose defaults nobody has met yet."""
    before, major = ((version_of(text) or (0,))[0] for text in (current, new))
    if major and major not in SUPPORTED_POSTGRES:
        rule = next(row for row in catalog.database() if row.id == "postgres-server-unsupported")
        yield rule.finding("new.database", version=new, evidence="deployment")
    for rule_id, since in (("postgres-15-grant", _POSTGRES_15), ("postgres-scram", _SCRAM)):
        if before and before < since <= major:
            yield cross_rule(rule_id).finding(
                "new.database", severity=Severity.WARNING, version=new, evidence="deployment"
            )


_RULES = (
    "basic-auth-not-restorable",
    "rbac-deny-precedence",
    "database-edition-differs",
    "deck-backup-gaps",
    "consumer-groups-in-use",
    "deck-dump-misses-workspaces",
    "workspace-without-file",
    "ttl-triggers",
    "postgres-15-grant",
    "postgres-scram",
)


def _rows() -> tuple[Rule, ...]:
    return tuple(map(cross_rule, _RULES))


CHECK = Check(name="backups", look=_look, rows=_rows)
