"""Edits on single lines of a kong.conf: comment out, rename, give another value."""

import re

from kong_lts.edits import Edit
from kong_lts.kong_conf.document import KongConf
from kong_lts.kong_conf.statements import BLANKS, Setting
from kong_lts.kong_conf.vaults import is_reference
from kong_lts.versions import Release

__all__ = ["commented_out", "escaped", "new_key", "new_value"]

_FIRST_CHARACTER = re.compile(r"^[ \t\v\f\r]*(?![#; \t\n\v\f\r])", re.MULTILINE)
_COMMENT_2_8 = re.compile(r"[^\\]#", re.DOTALL)


def commented_out(conf: KongConf, setting: Setting, why: str) -> tuple[Edit, ...]:
    """Make a comment of every line of a statement, in place."""
    mark = f"# [not for {Release.V3_4}: {why}] "
    starts = (m.end() for m in _FIRST_CHARACTER.finditer(conf.text, setting.start, setting.end))
    return tuple([Edit(start=at, end=at, replacement=mark) for at in starts])


def new_key(conf: KongConf, setting: Setting, key: str) -> Edit | None:
    """Give a statement another key; None where the old one runs over several lines."""
    at = conf.text.find(setting.written, setting.start, setting.end)
    if not setting.written or at < 0:
        return None
    return Edit(start=at, end=at + len(setting.written), replacement=key)


def new_value(setting: Setting, value: str) -> Edit | None:
    """Give a statement another value, and keep its comment apart from it in both releases.

    Args:
        value: As both releases should read it.

    Returns:
        None where the value runs over several lines.
    """
    if setting.value_at is None:
        return None
    raw = setting.raw.rstrip(BLANKS)
    comment = None if is_reference(raw) else _COMMENT_2_8.search(raw)
    end = comment.end() - 1 if comment else len(raw)
    if not value:
        end = len(raw)  # nothing may stand between = and #: 2.8 takes the comment for the value
    blanks = raw[len(raw[:end].rstrip(BLANKS)) : end]
    apart = "" if end == len(raw) else blanks or " "
    start = setting.value_at
    return Edit(start=start, end=start + end, replacement=escaped(value) + apart)


def escaped(value: str) -> str:
    """A value as a file has to say it."""
    return value.replace("#", "\\#")
