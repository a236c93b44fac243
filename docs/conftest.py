"""Runs every Python block of the documentation as a test.

Pytest asks a conftest.py only about its own folder. To have README.md run too, load this file as
a plugin, as the session `docs` of noxfile.py does.

Where a Python block draws a diagram and calls it `drawn`, the next Mermaid block must be that very
diagram; `python docs/redraw.py` writes it anew.
"""

from pathlib import Path

from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser


def as_drawn(example: Example) -> str | None:
    """What is wrong with a Mermaid block; None where nothing drew it, or it is what was drawn."""
    drawn = example.namespace.pop("drawn", None)
    if drawn is None or drawn.strip() == str(example.parsed).strip():
        return None
    return f"the diagram is stale, run `python docs/redraw.py`; it should be\n{drawn}"


pytest_collect_file = Sybil(
    path=str(Path(__file__).resolve().parents[1]),  # in full: Sybil does not resolve a ".."
    pattern="*.md",
    parsers=[PythonCodeBlockParser(), CodeBlockParser("mermaid", as_drawn), SkipParser()],
).pytest()
