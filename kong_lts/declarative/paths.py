"""Route paths: what a format says about them, and the form that 3.4 has of each."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from kong_lts.declarative.entities import Entity
from kong_lts.declarative.nodes import Scalar, Sequence, is_null, is_text, kind_of
from kong_lts.declarative.pen import Pen
from kong_lts.declarative.plan import Hit, Moved
from kong_lts.declarative.rules import row
from kong_lts.declarative.settings import Settings
from kong_lts.declarative.source import PLACEHOLDER
from kong_lts.findings import Severity
from kong_lts.routing.dialect import exact_rewrite
from kong_lts.routing.paths import migrate_path, normalise, normalise_regex

__all__ = ["AS_IT_IS", "Path", "convert_paths", "hits_of_moved", "path_of", "paths_of"]

AS_IT_IS = r"(?>(?:/[A-Za-z0-9_-]++)+)/?+"
"""Paths that no release reads or writes in another way; most are.

An atomic group, not a possessive one: before Python 3.11.5 those keep what a failed turn has read.
"""

_AS_IT_IS = re.compile(f"{AS_IT_IS}|/")
_REGEX_SIGNS = re.compile(r"[\\^$*+?()\[\]{}|]")


class Path(NamedTuple):
    """A path that deserves a look.

    There may be a million: tuples of texts and numbers cost the garbage collector nothing.
    """

    value: str
    start: int
    end: int
    style: str | None
    in_flow: bool
    subject: str


def path_of(scalar: Scalar, *, in_flow: bool, subject: str) -> Path:
    """A path as it stands in the text."""
    return Path(scalar.value, scalar.start, scalar.end, scalar.style, in_flow, subject)


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
            yield path_of(item, in_flow=value.flow, subject=entity.subject)
        else:
            words = {"field": "paths", "found": kind_of(item), "wanted": "text"}
            yield Hit(row("declarative-wrong-type"), entity.subject, item.start, words)


def convert_paths(
    paths: list[Path], *, migrated: bool, pen: Pen, settings: Settings
) -> Iterator[Hit | Moved]:
    """What becomes of the paths of one document.

    Args:
        paths: All that `paths_of` found.
        migrated: Whether the format is 3.0, so that its paths are those of 3.4.
        pen: Writes into the file.
        settings: What is known of the deployment.
    """
    for path in paths:
        if PLACEHOLDER in path.value:
            yield _with_placeholder(path, pen, migrated=migrated)
            continue
        if path.value.startswith("/") and not migrated:
            new = migrate_path(path.value)
        else:
            new, hits = _of_3_x(path, migrated=migrated)
            yield from hits
        final = new
        if settings.keep_behaviour and new.startswith("~"):
            final = exact_rewrite(new, router_flavor=settings.router_flavor) or new
        if final != path.value:
            yield _moved(path, new, final, pen)
        elif new.startswith("~/"):
            yield Moved(path.subject, path.start, new, new, new, path.start, path.start, "")


def _moved(path: Path, new: str, final: str, pen: Pen) -> Moved | Hit:
    """The edit that writes a path; what to say instead where its bytes are no text."""
    if final == f"~{path.value}" and path.style is None and path.value[0] == "/":
        start = path.start
        if pen.source.text[start] == "/":  # and not an anchor or a tag
            return Moved(path.subject, start, path.value, new, final, start, start, "~")
    try:
        final.encode()
    except UnicodeEncodeError:
        return _hit("route-path-not-text", path)
    scalar = Scalar(path.value, path.start, path.end, path.style, path.style is None)
    edit = pen.rewrite(scalar, final, in_flow=path.in_flow)
    span = (edit.start, edit.end, edit.replacement)
    return Moved(path.subject, path.start, path.value, new, final, *span)


def hits_of_moved(moved: Moved, *, migrated: bool) -> Iterator[Hit]:
    """What the rules say about a path that was written in another form."""
    words = {"path": moved.old, "new": moved.new}
    if moved.old.startswith("~"):
        if moved.new != moved.old:
            rules = [("route-path-double-tilde-on-rerun", Severity.WARNING)]
        else:
            rules = []
    elif not moved.new.startswith("~"):
        most = Severity.WARNING if migrated else Severity.INFO
        rules = [("route-path-prefix-must-be-normalized", most)]
    else:
        rules = [("route-path-regex-needs-tilde", Severity.INFO)]
        if moved.new[1:] != moved.old:
            rules.append(("route-path-percent-decoding-regex", Severity.INFO))
    for rule, most in rules:
        yield Hit(row(rule), moved.subject, moved.at, words, most, applied=True)


def _hit(rule: str, path: Path, new: str = "") -> Hit:
    return Hit(row(rule), path.subject, path.start, {"path": path.value, "new": new})


def _of_3_x(path: Path, *, migrated: bool) -> tuple[str, list[Hit]]:
    """A path of format 3.0, taken as it is but for what 3.4 would refuse; or an odd one of 2.x."""
    old = path.value
    if old.startswith("~~"):
        return "~" + old.lstrip("~"), []
    if old.startswith("~/"):
        return old, list(_of_a_regex(path, migrated=migrated))
    if not old.startswith("/"):
        return old, [_hit("route-path-prefix-regex-shape", path)]
    new = normalise(old)
    if not _REGEX_SIGNS.search(old):
        return new, []
    hits = [_hit("declarative-format-30-with-28-paths", path, migrate_path(old))]
    if new != old:
        hits.append(_hit("route-path-prefix-must-be-normalized", path, new))
    return old, hits


def _of_a_regex(path: Path, *, migrated: bool) -> Iterator[Hit]:
    """A regex as 3.x writes it, which 3.4 compares as it stands with decoded paths."""
    if not migrated:
        yield _hit("route-path-tilde-in-old-format", path)
        return
    decoded = "~" + normalise_regex(path.value.removeprefix("~"))
    if decoded != path.value:
        yield _hit("route-path-percent-in-regex", path, decoded)


def _with_placeholder(path: Path, pen: Pen, *, migrated: bool) -> Hit:
    """A path that decK completes from a variable: what it becomes, only the variable knows."""
    shown = pen.source.text[path.start : path.end]
    most = Severity.INFO if migrated else None
    return Hit(row("route-path-from-variable"), path.subject, path.start, {"path": shown}, most)
