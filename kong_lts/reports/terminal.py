"""A text report in the colours of a terminal, by rich."""

import io
import itertools
import re
from collections.abc import Iterator

from kong_lts.errors import CannotRenderError
from kong_lts.reports import text
from kong_lts.reports.document import Document, Level

__all__ = ["write"]

_STYLES = {
    Level.GOOD: "green",
    Level.PLAIN: "cyan",
    Level.WARNING: "yellow",
    Level.BAD: "red",
}
_TAGS = {"BLOCKER": Level.BAD, "WARNING": Level.WARNING, "INFO": Level.PLAIN}
_TAGGED = re.compile(rf"^({'|'.join(_TAGS)}) ")
_UNDERLINE = re.compile(r"^=+$")


def write(document: Document) -> str:
    """The lines of the text report: the verdict, headings and findings stand out.

    Raises:
        CannotRenderError: rich is not installed.
    """
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        how = "terminal after `pip install kong-lts[reports]`"
        raise CannotRenderError(document.title, "terminal", ("text", how)) from None
    shown = io.StringIO()
    console = Console(
        file=shown, force_terminal=True, color_system="standard", width=text.COLUMNS + 1
    )
    for line, style in _styled(document):
        console.print(Text(line, style=style), soft_wrap=True)
    return shown.getvalue()


def _styled(document: Document) -> Iterator[tuple[str, str]]:
    """Each line with its style."""
    lines = text.write(document).splitlines()
    verdict = lines.index("")
    yield from ((line, f"bold {_STYLES[document.level]}") for line in lines[:verdict])
    for line, below in itertools.zip_longest(lines[verdict:], lines[verdict + 1 :], fillvalue=""):
        if tag := _TAGGED.match(line):
            yield line, f"bold {_STYLES[_TAGS[tag[1]]]}"
        elif _UNDERLINE.match(below) or line.startswith("--- "):
            yield line, "bold"
        else:
            yield line, ""
