"""Runs every Python block of the documentation as a test.

Pytest asks a conftest.py only about its own folder. To have README.md run too, load this file as
a plugin, as the session `docs` of noxfile.py does.
"""

from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

pytest_collect_file = Sybil(
    path=str(Path(__file__).resolve().parents[1]),  # in full: Sybil does not resolve a ".."
    pattern="*.md",
    parsers=[PythonCodeBlockParser(), SkipParser()],
).pytest()
