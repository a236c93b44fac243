"""Route paths: what a format says about them, and the form that 3.4 has of each."""

import re
from collections.abc import Iterator

import attrs

from kong_lts.declarative.entities import Entity
from kong_lts.declarative.nodes import Scalar, Sequence, is_null, is_text, kind_of
from kong_lts.declarative.pen import Pen
from kong_lts.declarative.plan import Hit
from kong_lts.declarative.rules import row
from kong_lts.declarative.settings import Settings
from kong_lts.declarative.source import PLACEHOLDER
from kong_lts.edits import Edit
from kong_lts.findings import Severity
from kong_lts.routing.dialect import exact_rewrite
from kong_lts.routing.paths import is_regex_28, migrate_path, normalise

__all__ = ["Path", "Regex", "convert_paths", "paths_of"]

_AS_IT_IS = re.compile(r"(?:/[A-Za-z0-9_-]+)+/?|/")
"""Paths that no release reads or writes in another way; most are."""
_REGEX_SIGNS = re.compile(r"[\\^$*+?()\[\]{}|]")

Path = tuple[Scalar, bool, str]
"""The scalar, whether it stands in flow style, and the subject of findings about it."""


@attrs.frozen(eq=False)
class Regex:
    """A path that 3.4 takes for a regex, as the converted file has it."""

    subject: str
    at: int
    path: str
    before: str
    """The same before an exact rewrite; itself where there was none."""


def paths_of(entity: Entity) -> Iterator[Path | Hit]:
    """The paths of a route that deserve a look, or what is wrong with their types."""
    value = entity.node.get("paths")
    if value is None or is_null(value):
        return
    if not isinstance(value, Sequence):
        words = {"field": "paths", "found": kind_of(value), "wanted": "list"}
        yield Hit(row("declarative-wrong-type"), entity.subject, value.start, words)
        return
    for item in value.items:
        if type(item) is Scalar and _AS_IT_IS.fullmatch(item.value):
            continue
        if isinstance(item, Scalar) and (is_text(item) or PLACEHOLDER in item.value):
            yield item, value.flow, entity.subject
        else:
            words = {"field": "paths", "found": kind_of(item), "wanted": "text"}
            yield Hit(row("declarative-wrong-type"), entity.subject, item.start, words)


def convert_paths(
    paths: list[Path], *, migrated: bool, pen: Pen, settings: Settings
) -> Iterator[Hit | Regex]:
    """What becomes of the paths of one document.

    Args:
        paths: All that `paths_of` found.
        migrated: Whether the format is 3.0, so that its paths are those of 3.4.
        pen: Writes into the file.
        settings: What is known of the deployment.
    """
    for scalar, in_flow, subject in paths:
        old = scalar.value
        if PLACEHOLDER in old:
            new, hits = _with_placeholder(scalar, subject, pen, migrated=migrated)
        elif migrated:
            new, hits = _of_3_0(scalar, subject, pen)
        else:
            new, hits = _of_2_x(scalar, subject, pen)
        final = new
        if new.startswith("~") and settings.keep_behaviour and PLACEHOLDER not in new:
            final = exact_rewrite(new, router_flavor=settings.router_flavor) or new
        if final != old:
            edit = _edit(scalar, final, pen, in_flow=in_flow)
            for hit in hits:
                if edit is None:
                    hit.rule, hit.applied, hit.most = row("route-path-not-text"), False, None
                elif hit.applied:
                    hit.edits = (edit,)
        yield from hits
        if final.startswith("~") and PLACEHOLDER not in final:
            yield Regex(subject, scalar.start, final, new)


def _edit(scalar: Scalar, text: str, pen: Pen, *, in_flow: bool) -> Edit | None:
    """The edit that writes a path; None where its bytes are no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return pen.rewrite(scalar, text, in_flow=in_flow)


def _hit(
    rule: str,
    scalar: Scalar,
    subject: str,
    new: str = "",
    *,
    applied: bool = False,
    most: Severity | None = None,
) -> Hit:
    words = {"path": scalar.value, "new": new}
    return Hit(row(rule), subject, scalar.start, words, most, applied=applied)


def _of_2_x(scalar: Scalar, subject: str, pen: Pen) -> tuple[str, list[Hit]]:
    """A path of format 1.1 or 2.1, or of a file that does not say: as the migration has it."""
    old = scalar.value
    if old.startswith("~"):
        return _with_tilde(scalar, subject, "route-path-tilde-in-old-format")
    if not old.startswith("/"):
        return old, [_hit("route-path-prefix-regex-shape", scalar, subject)]
    new = migrate_path(old)
    if new == old:
        return new, []
    if not is_regex_28(old):
        rule = "route-path-prefix-must-be-normalized"
        return new, [_hit(rule, scalar, subject, new, applied=True, most=Severity.INFO)]
    rule = "route-path-regex-needs-tilde"
    hits = [_hit(rule, scalar, subject, new, applied=True, most=Severity.INFO)]
    if new[1:] != old:
        rule = "route-path-percent-decoding-regex"
        hits.append(_hit(rule, scalar, subject, new, applied=True, most=Severity.INFO))
    return new, hits


def _of_3_0(scalar: Scalar, subject: str, pen: Pen) -> tuple[str, list[Hit]]:
    """A path of format 3.0: taken as it is, but for what 3.4 would refuse."""
    old = scalar.value
    if old.startswith("~"):
        return _with_tilde(scalar, subject, None)
    if not old.startswith("/"):
        return old, [_hit("route-path-prefix-regex-shape", scalar, subject)]
    new = normalise(old)
    if _REGEX_SIGNS.search(old):
        hits = [_hit("declarative-format-30-with-28-paths", scalar, subject, migrate_path(old))]
        if new != old:
            hits.append(_hit("route-path-prefix-must-be-normalized", scalar, subject, new))
        return old, hits
    if new == old:
        return old, []
    rule = "route-path-prefix-must-be-normalized"
    return new, [_hit(rule, scalar, subject, new, applied=True, most=Severity.WARNING)]


def _with_tilde(scalar: Scalar, subject: str, rule: str | None) -> tuple[str, list[Hit]]:
    """A path that begins as 3.x writes a regex."""
    old = scalar.value
    if old.startswith("~~"):
        new = "~" + old.lstrip("~")
        most = Severity.WARNING
        rule = "route-path-double-tilde-on-rerun"
        return new, [_hit(rule, scalar, subject, new, applied=True, most=most)]
    if not old.startswith("~/"):
        return old, [_hit("route-path-prefix-regex-shape", scalar, subject)]
    return old, [_hit(rule, scalar, subject)] if rule is not None else []


def _with_placeholder(
    scalar: Scalar, subject: str, pen: Pen, *, migrated: bool
) -> tuple[str, list[Hit]]:
    """A path that decK completes from a variable: what it becomes, only the variable knows."""
    shown = pen.source.text[scalar.start : scalar.end]
    rule = row("route-path-from-variable")
    most = Severity.INFO if migrated else None
    return scalar.value, [Hit(rule, subject, scalar.start, {"path": shown}, most)]
