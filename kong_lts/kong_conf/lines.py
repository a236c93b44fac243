"""Findings on lines: read differently, set twice, or passed over."""

from collections.abc import Iterator

from kong_lts.findings import Location
from kong_lts.kong_conf.comparison import Comparison, Difference, Origin, rule
from kong_lts.kong_conf.document import KongConf
from kong_lts.kong_conf.loading import variable
from kong_lts.kong_conf.lua import to_text
from kong_lts.kong_conf.statements import BOM, Setting
from kong_lts.kong_conf.values import Raw, from_file, stripped
from kong_lts.kong_conf.vaults import is_reference
from kong_lts.versions import Release

__all__ = ["line_differences", "reading"]

_ESCAPE = "\\#"
_DIGITS = 14
"""So many of a number survive in 3.4."""


def line_differences(comparison: Comparison) -> Iterator[Difference]:
    """What is to be said about lines and variables as such."""
    for key, origin in comparison.set_keys.items():
        if origin == Origin.FILE:
            for setting in _lines_that_count(comparison.conf, key):
                if "#" in setting.raw:
                    yield from _read_differently(comparison, setting)
                elif len(setting.raw) > _DIGITS:
                    yield from _rounded(comparison, key)
        elif _ESCAPE in comparison.conf.environ[variable(key)] and comparison.both_know(key):
            yield comparison.difference(rule("conf-variable-with-escape"), key)
    yield from _set_twice(comparison)
    yield from _passed_over(comparison)


def reading(setting: Setting, release: Release) -> str:
    """The text that a release sees as the value of a line."""
    value: Raw = from_file(setting.raw, release)
    if release is Release.V2_8 and is_reference(value):
        return str(value)  # which it resolves before it looks for comments
    value = stripped(value, release)
    return value if isinstance(value, str) else to_text(value)


def _lines_that_count(conf: KongConf, key: str) -> tuple[Setting, ...]:
    """The last line of a key, or all of them where a template chooses."""
    return conf.all_by_key[key] if key in conf.alternatives else (conf.by_key[key],)


def _read_differently(comparison: Comparison, setting: Setting) -> Iterator[Difference]:
    if setting.is_template or not comparison.both_know(setting.key):
        return
    was, will_be = reading(setting, Release.V2_8), reading(setting, Release.V3_4)
    if is_reference(will_be):
        if not is_reference(from_file(setting.raw, Release.V2_8)):
            row = rule("conf-vault-reference-with-comment")
            yield comparison.difference(row, setting.key, setting=setting)
    elif was != will_be:
        shown = [comparison.shown(setting.key, repr(text)) for text in (was, will_be)]
        if shown[0] == shown[1]:  # a secret: only how much of it is left
            shown = [f"{len(text)} characters" for text in (was, will_be)]
        row = rule("conf-value-read-differently")
        old, new = shown
        yield comparison.difference(row, setting.key, setting=setting, was=old, will_be=new)


def _rounded(comparison: Comparison, key: str) -> Iterator[Difference]:
    """A number of the file that 3.4 has turned into a text in between."""
    if not isinstance(comparison.old.user.get(key), float | int):
        return
    was, will_be = comparison.old.values.get(key), comparison.new.values.get(key)
    if isinstance(was, float | int) and isinstance(will_be, float | int) and was != will_be:
        yield comparison.difference(rule("conf-number-rounded"), key, was=was, will_be=will_be)


def _set_twice(comparison: Comparison) -> Iterator[Difference]:
    row = rule("conf-duplicate-key")
    for key, settings in comparison.conf.all_by_key.items():
        if key in comparison.conf.alternatives:
            continue
        last = settings[-1]
        for setting in settings[:-1]:
            yield comparison.difference(row, setting.key, setting=setting, last=last.line)


def _passed_over(comparison: Comparison) -> Iterator[Difference]:
    conf = comparison.conf
    for section in conf.sections:
        why = "it starts with [, and so every key below it is lost too"
        yield _lost(comparison, section.line, why)
    for line in conf.without_value:
        yield _lost(comparison, line, "it has no =")
    if conf.text.startswith(BOM):
        yield _lost(
            comparison, 1, "the file starts with a byte order mark, which becomes part of it"
        )
    if conf.unfinished is not None:
        yield _lost(
            comparison, conf.unfinished, "the file ends in a backslash, which waits for more"
        )


def _lost(comparison: Comparison, line: int, why: str) -> Difference:
    location = Location(path=comparison.conf.path, line=line)
    return comparison.difference(rule("conf-line-lost"), "", location=location, why=why)
