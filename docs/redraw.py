"""Writes anew each Mermaid block of docs/ that a Python block before it has drawn."""

import re
from pathlib import Path

PAGES = Path(__file__).parent

_BLOCK = re.compile(r"^```(python|mermaid)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def redrawn(text: str) -> str:
    """A page with its diagrams of today; its Python blocks are run for that."""
    namespace: dict[str, object] = {}

    def block(found: re.Match[str]) -> str:
        if found[1] == "python":
            exec(found[2], namespace)
            return found[0]
        drawn = namespace.pop("drawn", None)
        return found[0] if drawn is None else f"```mermaid\n{drawn}```"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    for page in sorted(PAGES.rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        if re.search(r"^drawn = ", before, re.MULTILINE):
            page.write_text(redrawn(before), encoding="utf-8")
