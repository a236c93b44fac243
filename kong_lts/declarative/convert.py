"""Converts a declarative file of 2.8 into what 3.4 makes of it, and says what it cannot."""

import functools
from collections.abc import Iterator

import attrs

from kong_lts.declarative import document, json_text, quick, report
from kong_lts.declarative.analysis import Analysis
from kong_lts.declarative.document import Piece, Root
from kong_lts.declarative.intent import Intents
from kong_lts.declarative.pen import Pen
from kong_lts.declarative.proof import prove
from kong_lts.declarative.rules import Rules
from kong_lts.declarative.settings import ALONE, Settings, Surroundings
from kong_lts.declarative.source import Source, decode
from kong_lts.deployment import DeploymentMode
from kong_lts.edits import patch_of, splice
from kong_lts.errors import DeclarativeError
from kong_lts.findings import Finding
from kong_lts.versions import Edition

__all__ = ["Conversion", "convert"]

VERIFIED_BYTES = 50 * 1000 * 1000
"""Files smaller than this are parsed a second time unless the caller says otherwise."""


@attrs.frozen(kw_only=True, eq=False)
class Conversion:
    """A file as 3.4 has it, and all there is to say about it."""

    data: bytes = attrs.field(repr=False)
    """The file: the very object that was given where nothing had to change."""
    _source: Source = attrs.field(repr=False)
    _spans: list[tuple[int, int, str]] = attrs.field(repr=False)
    _analyses: list[Analysis] = attrs.field(repr=False)
    _router_flavor: str = attrs.field(repr=False)
    _path: str | None = None

    @functools.cached_property
    def _said(self) -> tuple[report.Said, ...]:
        """Made on first use: most of the work on a large file, and not everybody asks."""
        found: list[report.Said] = []
        for analysis in self._analyses:
            plan, migrated = analysis.plan, bool(analysis.migrated)
            found += report.findings_of(plan.hits, self._source, self._path)
            found += report.findings_on_paths(
                plan.moved.values(),
                self._source,
                self._router_flavor,
                migrated=migrated,
                path=self._path,
            )
        return tuple(sorted(found, key=_place))

    @property
    def version(self) -> str | None:
        """The format that the file gave; None where it gave none, or documents of several."""
        given = {analysis.given_version for analysis in self._analyses}
        return given.pop() if len(given) == 1 else None

    @property
    def missing_configs(self) -> dict[str, frozenset[str]]:
        """What plugins refer to by `_config` and this file does not have, with their names."""
        found: dict[str, set[str]] = {}
        for analysis in self._analyses:
            for reference, plugin in analysis.unresolved:
                found.setdefault(reference, set()).add(plugin.name or "")
        return {reference: frozenset(names) for reference, names in found.items()}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the rules say about the file as it was, in the order of its lines.

        What was converted is one degree milder than its rule: the file as it is now has it right.
        """
        return tuple(finding for finding, _ in self._said)

    @property
    def applied(self) -> tuple[Finding, ...]:
        """Those of the findings whose change has been made."""
        return tuple(finding for finding, applied in self._said if applied)

    def patch(self, path: str | None = None) -> str:
        """The changes as a unified diff; empty where there are none.

        Args:
            path: The file, for the head of the diff.
        """
        return patch_of(self._source.text, self._spans, path or self._path or "kong.yml")


def _place(said: report.Said) -> tuple[int, int, str]:
    finding = said[0]
    where = finding.location
    line, column = (where.line, where.column) if where is not None else (0, 0)
    return line or 0, column or 0, finding.rule


def convert(
    data: bytes,
    *,
    mode: DeploymentMode | str | None = None,
    edition: Edition | str | None = None,
    router_flavor: str = "traditional_compatible",
    after_upgrade: bool = False,
    keep_behaviour: bool = False,
    verify: bool | None = None,
    around: Surroundings = ALONE,
) -> Conversion:
    """Convert a kong.yml or a decK state file, and change nothing else in it.

    Paths become exactly what 3.4's own database migration makes of them, fields that 3.4 does not
    have get their new names, and every other byte stays. Converting twice is converting once.

    Args:
        data: YAML or JSON of any format version, one document or several.
        mode: The mode of the deployment that loads it; None where that is not known.
        edition: Its edition, likewise.
        router_flavor: What 3.4 will be set to.
        after_upgrade: No 2.8 node is left: rename what 3.4 still reads by its old name, too.
        keep_behaviour: Also write out the defaults of 2.8 that 3.4 has changed, where mode and
            edition leave no doubt, and rewrite regexes that have an exact form for the new router.
        verify: Parse the result again and compare, part by part; None does so below 50 MB.
        around: What other files of the same configuration say; `convert_all` knows.

    Raises:
        DeclarativeError: It is no text, no YAML or no mapping.
        ValueError: An argument is none of its values.

    Source:
        Kong/kong 3.4.2 kong/db/declarative/migrations/route_path.lua; each finding names its own.
    """
    settings = Settings(mode, edition, router_flavor, after_upgrade, keep_behaviour)
    try:
        return _converted(data, settings, around, verify)
    except DeclarativeError as exc:
        exc.path = around.path
        raise


def _converted(
    data: bytes, settings: Settings, around: Surroundings, verify: bool | None
) -> Conversion:
    source = decode(data)
    pen = Pen(source, json_text.is_json(source))
    analyses = _analysed(pen, Rules(settings), around)
    spans = [span for analysis in analyses for span in analysis.plan.spans(pen)]
    changed = data
    if spans:
        text = splice(source.text, spans)
        if verify if verify is not None else len(data) < VERIFIED_BYTES:
            prove(source, text, _intents(analyses), as_json=pen.as_json)
        changed = source.encode(text)
    return Conversion(
        data=changed,
        source=source,
        spans=spans,
        analyses=analyses,
        router_flavor=settings.router_flavor,
        path=around.path,
    )


def _analysed(pen: Pen, rules: Rules, around: Surroundings) -> list[Analysis]:
    """Each document of the file, with all that is to be done in it."""
    source = pen.source

    def taken(parts: Iterator[Piece | Root]) -> list[Analysis]:
        analyses = [Analysis(pen, rules, around, "&" in source.text)]
        for part in parts:
            if isinstance(part, Piece):
                analyses[-1].take(part)
            else:
                analyses[-1].finish(part)
                analyses.append(Analysis(pen, rules, around, "&" in source.text))
        return analyses[:-1]

    if pen.as_json:
        return taken(json_text.read(source))
    try:
        return taken(quick.read(source.parsed, rules.telling_keys()))
    except quick.DeclinedError:
        return taken(document.read(source))


def _intents(analyses: list[Analysis]) -> Intents:
    """What the conversion of all documents means to change."""
    found = Intents()
    for analysis in analyses:
        found.add(analysis.plan.intents())
    return found
