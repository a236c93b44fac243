"""Runs every Python block of the documentation as a test.

Pytest asks a conftest.py only about its own folder. To have README.md run too, load this file as
a plugin, as the session `docs` of noxfile.py does.

Where a block of plain text follows a Python block, it is what that block printed, line for line;
a line `...` stands for any lines, and how wide a column is does not count.

Where a Python block draws a diagram and calls it `drawn`, the next Mermaid block must be that very
diagram; `python docs/redraw.py` writes it anew.
"""

import contextlib
import io
from pathlib import Path

from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser, SkipParser

ELLIPSIS = "..."


def run(example: Example) -> None:
    """Run a Python block, and keep what it prints for the block that follows it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        PythonEvaluator()(example)
    example.namespace["_printed"] = printed.getvalue()


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def as_printed(example: Example) -> str | None:
    """What is wrong with a block of text behind a Python block that printed something."""
    printed = _lines(example.namespace.pop("_printed", ""))
    if not printed:
        return None
    shown, gap = _lines(str(example.parsed)), False
    for line in shown:
        if line == ELLIPSIS:
            gap = True
        elif gap and line in printed:
            printed, gap = printed[printed.index(line) + 1 :], False
        elif not gap and printed[:1] == [line]:
            printed = printed[1:]
        else:
            return f"{line!r} was not printed here; what is left is\n" + "\n".join(printed)
    return None if gap or not printed else f"not shown:\n{chr(10).join(printed)}"


def as_drawn(example: Example) -> str | None:
    """What is wrong with a Mermaid block; None where nothing drew it, or it is what was drawn."""
    drawn = example.namespace.pop("drawn", None)
    if drawn is None or drawn.strip() == str(example.parsed).strip():
        return None
    return f"the diagram is stale, run `python docs/redraw.py`; it should be\n{drawn}"


pytest_collect_file = Sybil(
    path=str(Path(__file__).resolve().parents[1]),  # in full: Sybil does not resolve a ".."
    pattern="*.md",
    parsers=[
        CodeBlockParser("python", run),
        CodeBlockParser("text", as_printed),
        CodeBlockParser("mermaid", as_drawn),
        SkipParser(),
    ],
).pytest()
