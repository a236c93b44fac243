"""placed(): a finding whose source is a file names the line, too, where its text tells one."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import ConfTrigger
from kong_lts.checks.case import Case, called
from kong_lts.findings import Finding, Location
from kong_lts.kong_conf import KongConf
from kong_lts.versions import Release

__all__ = ["placed"]

_KIND = re.compile(r"^(?:plugin|route|service|certificate|Ingress|Deployment|Job) ")


def placed(case: Case, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, with the line at which the text of their file has what they are about.

    What is about something that is not there keeps the file alone, and entities of a running
    gateway or database, of which nobody has a text, keep what they have.
    """
    texts = _Texts(case)
    return tuple(_placed(case, finding, texts) for finding in findings)


@attrs.define(eq=False)
class _Texts:
    """The files of a case, and where words stand in them; each word of a file is looked up once."""

    case: Case
    known: dict[tuple[str, str], int | None] = attrs.field(factory=dict)

    @functools.cached_property
    def by_path(self) -> Mapping[str, str]:
        return dict(_texts(self.case))

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
    if where.line is not None or where.table is not None:
        return finding
    if where.path is None:
        place = _of_key(case, finding.subject)
        return attrs.evolve(finding, location=place) if place is not None else finding
    if finding.rule in _on_defaults():
        return finding
    line = texts.line(where.path, _KIND.sub("", finding.subject))
    return attrs.evolve(finding, location=attrs.evolve(where, line=line)) if line else finding


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
