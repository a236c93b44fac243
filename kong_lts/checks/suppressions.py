"""Comments in the files themselves that accept a finding, with a reason."""

import re
from collections.abc import Iterable, Iterator, Sequence

import attrs

from kong_lts.checks.case import Case, cross_rule
from kong_lts.checks.places import ENVIRONMENT
from kong_lts.evidence import Evidence
from kong_lts.findings import Finding, Location

__all__ = ["Suppression", "suppress", "suppressions_in"]

_COMMENT = re.compile(r"(?:#|--|//)[^\n]*?kong-lts:\s*ignore\[([^\]\n]*)\][ \t]*([^\n]*)")
_MARK = "kong-lts:"
_ALONE = re.compile(r"^\s*(?:#|--|//)")


@attrs.frozen(kw_only=True)
class Suppression:
    """One `# kong-lts: ignore[rule] reason`.

    At the end of a line it holds for that line; on a line of its own for the next one that is no
    comment, and for findings on the file as a whole.
    """

    path: str
    line: int
    holds_for: int
    """The line it is about."""
    alone: bool
    rules: tuple[str, ...]
    reason: str
    of_conf: bool = False
    """Whether its file is a kong.conf."""

    def covers(self, finding: Finding) -> bool:
        """Whether it accepts a finding."""
        where = finding.location or Location()
        if finding.rule not in self.rules:
            return False
        if where.path != self.path:  # of the environment there is no file with comments
            return self.of_conf and self.alone and finding.evidence == ENVIRONMENT
        return where.line == self.holds_for or (where.line is None and self.alone)


def suppressions_in(case: Case) -> Iterator[Suppression]:
    """Every such comment of every file."""
    for node, conf in case.evidence.kong_conf.items():
        path = conf.path or (f"kong.conf.d/{node}.conf" if node else "kong.conf")
        for one in case.apart.look(f"comments: {path}", _of_text, path, conf.text):
            yield attrs.evolve(one, of_conf=True)
    for path, text in _texts(case.evidence):
        yield from case.apart.look(f"comments: {path}", _of_text, path, text)


def _of_text(path: str, text: str | bytes) -> Iterator[Suppression]:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace") if _MARK.encode() in text else ""
    if _MARK not in text:
        return
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if (found := _COMMENT.search(line)) is not None:
            alone = _ALONE.match(line) is not None
            yield Suppression(
                path=path,
                line=number,
                holds_for=_next_code(lines, number) if alone else number,
                alone=alone,
                rules=tuple(rule.strip() for rule in found[1].split(",") if rule.strip()),
                reason=found[2].strip(),
            )


def _texts(evidence: Evidence) -> Iterator[tuple[str, str | bytes]]:
    for state in evidence.declarative:
        yield state.path, state.data
    for files in (
        evidence.custom_plugins, evidence.kubernetes, evidence.templates, evidence.scripts,
    ):  # fmt: skip
        yield from ((file.path, file.text) for file in files)


def _next_code(lines: Sequence[str], number: int) -> int:
    for at in range(number, len(lines)):
        if lines[at].strip() and not _ALONE.match(lines[at]):
            return at + 1
    return number


def suppress(
    case: Case, findings: Iterable[Finding], not_looked_at: Iterable[str] = ()
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """The findings that stay, those about comments included, and those that are accepted.

    Args:
        case: Its evidence has the comments.
        findings: All of them.
        not_looked_at: Rules that could not be checked; a comment on one of them may have its use.
    """
    comments = list(suppressions_in(case))
    if not comments:
        return tuple(findings), ()
    by_rule: dict[str, list[Suppression]] = {}
    for one in comments:
        for rule in one.rules if one.reason else ():
            by_rule.setdefault(rule, []).append(one)
    kept: list[Finding] = []
    accepted: list[Finding] = []
    used: set[tuple[str, int]] = set()
    for finding in findings:
        known = by_rule.get(finding.rule, ())
        comment = next((one for one in known if one.covers(finding)), None)
        if comment is None:
            kept.append(finding)
        else:
            used.add((comment.path, comment.line))
            accepted.append(attrs.evolve(finding, accepted=comment.reason))
    blind = frozenset(not_looked_at)
    kept += [_about(one) for one in comments if _is_idle(one, used, blind)]
    return tuple(kept), tuple(accepted)


def _is_idle(comment: Suppression, used: set[tuple[str, int]], blind: frozenset[str]) -> bool:
    if not comment.reason:
        return True
    return (comment.path, comment.line) not in used and not blind & set(comment.rules)


def _about(comment: Suppression) -> Finding:
    rule = "suppression-unused" if comment.reason else "suppression-without-reason"
    return cross_rule(rule).finding(
        comment.path,
        location=Location(path=comment.path, line=comment.line),
        evidence=comment.path,
        rules=", ".join(comment.rules) or "nothing",
    )
