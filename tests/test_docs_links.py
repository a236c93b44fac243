"""Every relative link of README.md and docs/ leads somewhere: to a file, and to its heading."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1`*\s*?$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_ANCHOR = re.compile(r"""<a (?:id|name)=["']([^"']+)["']""")


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", text)


def links(text: str) -> Iterator[str]:
    """Targets of the links of a page that lead to no other site."""
    for target in _LINK.findall(re.sub(r"`[^`\n]*`", "code", prose(text))):
        if not re.match(r"[a-z][a-z0-9+.-]*:", target):
            yield target


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a page, and those it has itself."""
    seen: Counter[str] = Counter()
    found = set(_ANCHOR.findall(text))
    for heading in _HEADING.findall(prose(text)):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def dead(page: Path, root: Path = ROOT) -> Iterator[str]:
    """Links of a page that lead nowhere, or out of the repository."""
    for target in links(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        where = (page.parent / path).resolve() if path else page
        there = where.exists() and where.is_relative_to(root)
        if not there or (anchor and anchor not in anchors(where.read_text(encoding="utf-8"))):
            yield target


def reached(start: Path) -> set[Path]:
    """The pages that a reader gets to by links, from one page on."""
    found, left = {start}, [start]
    while left:
        page = left.pop()
        for target in links(page.read_text(encoding="utf-8")):
            where = (page.parent / target.partition("#")[0]).resolve()
            if where.suffix == ".md" and where.exists() and where not in found:
                found.add(where)
                left.append(where)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(dead(page)) == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    assert set(PAGES) - reached(ROOT / "README.md") == set()


def test_a_link_to_no_file_or_no_heading_is_dead(tmp_path: Path) -> None:
    text = (
        "[a](b.md) [b](#here) [c](#there) [d](none.md) [e](b.md#none) [f](https://x.org)\n# Here\n"
    )
    (tmp_path / "a.md").write_text(text)
    (tmp_path / "b.md").write_text("# B\n")

    assert list(dead(tmp_path / "a.md", tmp_path)) == ["#there", "none.md", "b.md#none"]


def test_a_link_out_of_the_repository_is_dead(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("[a](../b.md)\n")
    (tmp_path / "b.md").write_text("# B\n")

    assert list(dead(tmp_path / "docs" / "a.md", tmp_path / "docs")) == ["../b.md"]


def test_links_in_code_are_none() -> None:
    assert list(links("```text\n[a](none.md)\n```\n`[b](none.md)` [`c`](real.md)\n")) == ["real.md"]


def test_anchors_are_those_of_github() -> None:
    text = "# The `pg_restore --clean` way\n## Twice\n## Twice\n## Read, [then](x.md) go\n"

    assert anchors(text) == {"the-pg_restore---clean-way", "twice", "twice-1", "read-then-go"}
