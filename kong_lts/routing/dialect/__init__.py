"""Regex paths: would the router of 3.4 take them, and would they mean what they meant to 2.8."""

import functools
from collections.abc import Iterator, Mapping

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import DeclarativeRule
from kong_lts.edits import Edit
from kong_lts.findings import Finding, Location, Severity
from kong_lts.routing.dialect.pcre_text import Trouble
from kong_lts.routing.dialect.verdict import Flavor, Verdict, verdict

__all__ = ["FLAVORS", "check_header_regex", "check_regex", "exact_rewrite"]

FLAVORS: Mapping[str, Flavor | None] = {
    "traditional": None,
    "traditional_compatible": Flavor(anchored=True, named_in_python_style=True),
    "expressions": Flavor(anchored=False, named_in_python_style=False),
}
"""How each router flavor matches: by PCRE as 2.8 did (None), or by Rust."""

_HEADER = Flavor(anchored=False, named_in_python_style=False)
_REFUSED = "regex-refused"
_INVALID = "regex-invalid"
_READS_DIFFERENTLY = "regex-reads-differently"
_UNICODE = "regex-unicode-classes"
_SHOWN = 60


def check_regex(path: str, *, router_flavor: str) -> tuple[Finding, ...]:
    """Would the router of 3.4 take this regex path, and does it mean what it meant to 2.8.

    Args:
        path: The form of 3.4, `~/...`; a path without `~` is no regex there and has no findings.
        router_flavor: `traditional_compatible` (3.4's default), `traditional` or `expressions`.

    Returns:
        A BLOCKER for each construct that makes Rust's regex refuse it, a WARNING for each that is
        read in another way, INFO where only requests with characters beyond ASCII are concerned.
        The column is that of the path. The edit, where there is one, rewrites the whole path into
        what both engines read as PCRE read it.

    Source:
        Kong/atc-router 1.2.0 (regex 1.9.1); Kong/kong 3.4.2 kong/router/compat.lua.
    """
    flavor = FLAVORS.get(router_flavor, FLAVORS["traditional_compatible"])
    if flavor is None or not path.startswith("~"):
        return ()
    return tuple(_findings(path, 1, verdict(path[1:], flavor)))


def check_header_regex(value: str, *, router_flavor: str) -> tuple[Finding, ...]:
    """The same for a value of a route's `headers` that begins with `~*`.

    3.4 lower-cases the pattern before Rust sees it; that is another rule's business.
    """
    if FLAVORS.get(router_flavor, _HEADER) is None or not value.startswith("~*"):
        return ()
    return tuple(_findings(value, 2, verdict(value[2:].lower(), _HEADER)))


def exact_rewrite(path: str, *, router_flavor: str) -> str | None:
    """The path in a form that the router takes and reads as 2.8 did; None if it needs or has none.

    Args:
        path: The form of 3.4, `~/...`.
        router_flavor: As for `check_regex`.
    """
    flavor = FLAVORS.get(router_flavor, FLAVORS["traditional_compatible"])
    if flavor is None or not path.startswith("~"):
        return None
    rewritten = verdict(path[1:], flavor).rewritten
    return None if rewritten is None else f"~{rewritten}"


@functools.cache
def _rules() -> Mapping[str, DeclarativeRule]:
    return {rule.id: rule for rule in catalog.entities() if rule.id.startswith("regex-")}


def _findings(text: str, prefix: int, found: Verdict) -> Iterator[Finding]:
    """What a verdict comes to, one finding for each rule."""
    words = {"path": text, "reason": found.refusal or found.not_pcre or ""}
    if found.not_pcre is not None:
        yield _finding(_INVALID, text, prefix + found.refused_at, words)
        return
    change = None
    if found.rewritten is not None:
        words["rewrite"] = text[:prefix] + found.rewritten
        change = Edit(start=0, end=len(text), replacement=words["rewrite"])
    most = None if found.refusal else Severity.WARNING
    troubles = _one_of_each(found.troubles)
    for trouble in troubles:
        words["text"] = trouble.text[:_SHOWN]
        yield _finding(trouble.rule, text, prefix + trouble.at, words, most=most, edit=change)
    if found.refusal and not any(_is_refused(trouble) for trouble in troubles):
        yield _finding(_REFUSED, text, prefix + found.refused_at, words, edit=change)
    elif found.differs and not troubles:
        yield _finding(_READS_DIFFERENTLY, text, prefix, words, edit=change)
    if found.unicode_at is not None:
        yield _on_unicode(text, prefix, found)


def _is_refused(trouble: Trouble) -> bool:
    return _rules()[trouble.rule].severity is Severity.BLOCKER


def _one_of_each(troubles: tuple[Trouble, ...]) -> list[Trouble]:
    """The first of each rule."""
    first: dict[str, Trouble] = {}
    for trouble in sorted(troubles, key=lambda t: t.at):
        first.setdefault(trouble.rule, trouble)
    return list(first.values())


def _on_unicode(text: str, prefix: int, found: Verdict) -> Finding:
    change, words = None, {"path": text}
    if found.ascii_only is not None:
        words["rewrite"] = text[:prefix] + found.ascii_only
        change = Edit(start=0, end=len(text), replacement=words["rewrite"])
    at = prefix + (found.unicode_at or 0)
    return _finding(_UNICODE, text, at, words, most=Severity.INFO, edit=change)


def _finding(
    rule: str,
    text: str,
    at: int,
    words: Mapping[str, str],
    *,
    most: Severity | None = None,
    edit: Edit | None = None,
) -> Finding:
    """One finding; where an exact rewrite exists, that is what to do."""
    row = _rules()[rule]
    said = {"text": text[:_SHOWN], "rewrite": "", **words, "at": str(at + 1)}
    location = Location(line=1, column=at + 1)
    finding = row.finding(f"path {text}", severity=most, location=location, **said)
    if edit is None:
        return finding
    action = f"Write `{said['rewrite']}`, which both engines read as 2.8 read the path."
    return attrs.evolve(finding, action=action, edit=edit)
