"""Pins: the defaults of 2.8, written out so that 3.4 keeps them."""

from collections.abc import Sequence

from kong_lts.edits import Edit
from kong_lts.kong_conf.document import KongConf
from kong_lts.kong_conf.line_edits import escaped
from kong_lts.versions import Release

__all__ = ["HEADING", "pin_block"]

_RULE = "#" + "-" * 78
HEADING = f"# Defaults of Kong {Release.V2_8}, kept for {Release.V3_4}"
"""Stands above the pins."""

Pin = tuple[str, str]
"""Key and value."""


def pin_block(conf: KongConf, pins: Sequence[Pin]) -> Edit:
    """Write keys at the end of a file, or above the line that would swallow them."""
    at = conf.open_at
    line_end = "\r\n" if "\r\n" in conf.text else "\n"
    lines = ["", _RULE, HEADING, _RULE] if at else [_RULE, HEADING, _RULE]
    lines += [f"{key} = {escaped(value)}".rstrip() for key, value in pins]
    if at < len(conf.text):
        lines.append("")
    return Edit(start=at, end=at, replacement=line_end.join([*lines, ""]))
