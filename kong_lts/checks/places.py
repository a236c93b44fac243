"""placed(): a finding whose source is a file names the line, too, where its text tells one."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import ConfTrigger
from kong_lts.checks.case import Case, called
from kong_lts.checks.in_use import DATABASE
from kong_lts.findings import Finding, Location
from kong_lts.kong_conf import KongConf
from kong_lts.versions import Release

__all__ = ["ENVIRON", "ENVIRONMENT", "placed"]

ENVIRON, ENVIRONMENT = "environ", "environment"
"""The file of a bundle that has the variables, and what findings call where they come from."""
_IN_DATABASE: Mapping[str, str] = {
    "database-locked": "locks",
    "database-edition-differs": "schema_meta",
    "deck-backup-gaps": "tables",
    "consumer-groups-in-use": "consumer_groups",
    "ttl-triggers": "tables",
    "keyring-in-database": "keyring_ids",
    "keyring-ids-missing": "keyring_ids",
    "keyring-ids-not-exported": "keyring_ids",
    "postgres-server-unsupported": "server_version",
}
"""What of the database these are about that name no table."""
_KIND = re.compile(r"^(?:plugin|route|service|certificate|Ingress|Deployment|Job) ")


def placed(case: Case, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, with the line at which the text of their file has what they are about.

    What is about something that is not there keeps the file alone, and entities of a running
    gateway or database, of which nobody has a file, keep what they have.
    """
    texts = _Texts(case)

    def place(finding: Finding) -> Iterator[Finding]:
        yield _placed(case, finding, texts)

    return tuple(
        next(case.apart.look(f"the line of {finding.rule}", place, finding), finding)
        for finding in findings
    )


@attrs.define(eq=False)
class _Texts:
    """The files of a case, and where words stand in them; each word of a file is looked up once."""

    case: Case
    known: dict[tuple[str, str], int | None] = attrs.field(factory=dict)
    manifests: dict[tuple[str, str], tuple[Sequence[str], Sequence[int]]] = attrs.field(
        factory=dict
    )
    numbers: dict[str, Mapping[str, int]] = attrs.field(factory=dict)

    @functools.cached_property
    def by_path(self) -> Mapping[str, str]:
        return dict(_texts(self.case))

    @functools.cached_property
    def held(self) -> Mapping[str | None, Sequence[str]]:
        """Lines of the declarative files that a manifest holds, by what they are called."""
        given = {file.path for file in self.case.evidence.declarative}
        return {
            file.path: file.data.decode("utf-8", "replace").splitlines()
            for file in self.case.state_files
            if file.path not in given and file.path.partition(": ")[0] in self.by_path
        }

    def manifest(self, path: str, key: str) -> tuple[Sequence[str], Sequence[int]]:
        """The lines of a manifest, and those at which a key of it stands."""
        if (path, key) not in self.manifests:
            text = self.by_path[path]
            self.manifests[path, key] = text.splitlines(), tuple(_lines(text, key))
        return self.manifests[path, key]

    def rows(self, table: str) -> Mapping[str, int]:
        """The place of each row among those of its table, by its id, or by its name."""
        if table not in self.numbers:
            facts, rows = self.case.evidence.database, self.case.evidence.rows
            listed = getattr(facts, table, ()) if table in ("routes", "services") else ()
            ids: list[tuple[str, ...]] = [(row.id,) for row in listed] or [
                (str(row.get("name")), str(row.get("id"))) for row in rows.get(table, ())
            ]
            self.numbers[table] = {one: n for n, names in enumerate(ids) for one in names}
        return self.numbers[table]

    def line(self, path: str, wanted: str) -> int | None:
        """None where there is no such file; its first line where it does not have the word."""
        if path not in self.by_path:
            return None
        if (path, wanted) not in self.known:
            look = self.case.apart.look(f"lines of {path}", _lines, self.by_path[path], wanted)
            self.known[path, wanted] = next(look, 1)
        return self.known[path, wanted]


def _placed(case: Case, finding: Finding, texts: _Texts) -> Finding:
    where = finding.location or Location()
    if where.path in texts.held:
        return _in_manifest(finding, where, texts)
    if where.line is not None:
        return finding
    if where.table or (not str(where) and finding.rule in _IN_DATABASE):
        return _in_database(case, finding, where, texts)
    if where.pointer is not None:
        lines = case.evidence.lines.get(where.path or "")
        line = lines.line(where.pointer) if lines is not None else None
        return attrs.evolve(finding, location=attrs.evolve(where, line=line))
    if where.path is None:
        place = _of_key(case, finding.subject)
        return attrs.evolve(finding, location=place) if place is not None else finding
    if finding.rule in _on_defaults():
        return finding
    line = texts.line(where.path, _KIND.sub("", finding.subject))
    return attrs.evolve(finding, location=attrs.evolve(where, line=line)) if line else finding


def _in_manifest(finding: Finding, where: Location, texts: _Texts) -> Finding:
    """Where the manifest has the line of a declarative file that it holds.

    The edit goes: it is one of the text within.
    """
    path, _, key = (where.path or "").partition(": ")
    own, line = texts.held[where.path], where.line or 1
    wanted = own[line - 1].strip() if line <= len(own) else ""
    lines, starts = texts.manifest(path, key)
    fitting = (
        at + line
        for at in starts
        if at + line <= len(lines) and lines[at + line - 1].strip() == wanted
    )
    found = next(fitting, next(iter(starts), None))
    return attrs.evolve(finding, location=Location(path=path, line=found), edit=None)


def _in_database(case: Case, finding: Finding, where: Location, texts: _Texts) -> Finding:
    """Where a database.json has the row, its table, or what else a finding is about."""
    lines = case.evidence.lines.get(DATABASE)
    if lines is None:
        return finding
    table, row = where.table or "", where.row
    number = texts.rows(table).get(row) if row is not None else None
    pointers = (f"/{table}/{number}", f"/tables/{table}", f"/{table}")[number is None :]
    for pointer in pointers if table else (f"/{_IN_DATABASE[finding.rule]}",):
        if (line := lines.line(pointer)) is not None:
            found = attrs.evolve(where, path=DATABASE, line=line, pointer=pointer)
            return attrs.evolve(finding, location=found)
    return finding


def _texts(case: Case) -> Iterator[tuple[str, str]]:
    """Every file of the evidence of which there is the text."""
    evidence = case.evidence
    for files in (
        evidence.kubernetes,
        evidence.scripts,
        evidence.templates,
        evidence.custom_plugins,
        evidence.certificates,
    ):
        yield from ((file.path, file.text) for file in files)
    for conf in evidence.kong_conf.values():
        if conf.path is not None and conf.text:
            yield conf.path, conf.text


def _lines(text: str, wanted: str) -> Iterator[int]:
    """Where a word stands first, as a key or a `KONG_` variable too, but not in a comment."""
    word = re.compile(rf"(?i)(?<![\w-])(?:KONG_)?{re.escape(wanted)}(?![\w-])")
    for number, line in enumerate(text.splitlines(), 1):
        if word.search(line) and not line.lstrip().startswith("#"):
            yield number


def _of_key(case: Case, subject: str) -> Location | None:
    """The line of a kong.conf that sets the key which a finding is about."""
    if subject not in _keys():
        return None
    for node, conf in case.evidence.kong_conf.items():
        for place in case.apart.look(called(node), _in_conf, conf, subject):
            return place
    return None


def _in_conf(conf: KongConf, key: str) -> Iterator[Location]:
    setting = conf.by_key.get(key)
    if setting is not None and conf.path is not None:
        yield Location(path=conf.path, line=setting.line)


@functools.cache
def _keys() -> frozenset[str]:
    return frozenset(key for release in Release for key in catalog.conf_keys(release).keys)


@functools.cache
def _on_defaults() -> frozenset[str]:
    return frozenset(row.id for row in catalog.kong_conf() if row.trigger is ConfTrigger.ABSENT)
