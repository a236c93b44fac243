"""Patches of a kong.conf without its passwords, tokens and keys."""

import re
from collections.abc import Iterator

from kong_lts import catalog
from kong_lts.edits import patch
from kong_lts.kong_conf.document import KongConf, key_of, parse
from kong_lts.kong_conf.loading import is_secret
from kong_lts.versions import Release

__all__ = ["MASK", "masked_patch"]

MASK = "******"

_ASSIGNMENT = re.compile(r"([0-9A-Za-z_.-]+)[ \t]*=[ \t]*(?=[^\s=])")


def masked_patch(before: KongConf, after: str) -> str:
    """What a rewrite changed, as a unified diff; secret values are masked, in comments too."""
    shown = patch(before.text, after, before.path or "kong.conf")
    if not shown:
        return ""
    hidden = {*_further_lines(before), *_further_lines(parse(after))}
    return "".join(_masked(line, hidden) for line in shown.splitlines(keepends=True))


def _further_lines(conf: KongConf) -> Iterator[str]:
    """Lines that go on with a secret from the line before."""
    lines = conf.text.split("\n")
    for setting in conf.settings:
        if setting.last_line > setting.line and _hides(setting.key):
            yield from (line.strip() for line in lines[setting.line : setting.last_line])


def _masked(line: str, hidden: set[str]) -> str:
    content = line[1:].rstrip("\r\n")
    end = line[1 + len(content) :]
    if content.strip() and content.strip() in hidden:
        return line[0] + MASK + end
    for found in _ASSIGNMENT.finditer(content):
        if _hides(key_of(found[1])):
            return line[0] + content[: found.end()] + MASK + end
    return line


def _hides(key: str) -> bool:
    return any(is_secret(key.lower(), catalog.conf_keys(release)) for release in Release)
