"""Whatever the file: the meaning changes as it should, and nothing else changes at all."""

import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from ruamel.yaml import YAML

from kong_lts.declarative import convert, document, quick
from kong_lts.declarative.document import Piece, Root
from kong_lts.declarative.nodes import Mapping, Node, Scalar, Sequence
from kong_lts.declarative.source import decode
from tests.conftest import counted
from tests.declarative.generated import converted_document, files

File = tuple[str, dict[str, Any]]

AS_LIBYAML = "_comment: &anchor 1\n"
"""An anchor, with which the quick reader has nothing to do."""


@settings(max_examples=counted(1500))
@given(file=files())
def test_the_meaning_is_the_converted_meaning(file: File) -> None:
    text, meaning = file

    converted = convert(text.encode(), verify=False).data

    assert YAML(typ="safe").load(converted) == converted_document(meaning)


@settings(max_examples=counted(600))
@given(file=files())
def test_the_proof_agrees(file: File) -> None:
    text, _ = file

    proved = convert(text.encode(), verify=True)

    assert proved.data == convert(text.encode(), verify=False).data


@settings(max_examples=counted(600))
@given(file=files())
def test_converting_twice_returns_the_same_object(file: File) -> None:
    text, _ = file
    once = convert(text.encode(), keep_behaviour=True, mode="traditional", edition="oss").data

    twice = convert(once, keep_behaviour=True, mode="traditional", edition="oss").data

    assert twice is once


@settings(max_examples=counted(600))
@given(file=files())
def test_comments_on_lines_that_stay_stay(file: File) -> None:
    text, _ = file

    conversion = convert(text.encode())

    gone = [line[1:] for line in conversion.patch().splitlines() if line.startswith("-")]
    kept = {
        c
        for line in text.splitlines()
        if line not in gone
        for c in re.findall(r"# comment \d+", line)
    }
    assert kept <= set(re.findall(r"# comment \d+", conversion.data.decode()))


@settings(max_examples=counted(600))
@given(file=files())
def test_every_line_that_the_patch_does_not_name_is_the_same(file: File) -> None:
    text, _ = file

    conversion = convert(text.encode())

    assert patched(text, conversion.patch()) == conversion.data.decode()


@settings(max_examples=counted(1500))
@given(file=files())
def test_both_readers_read_alike(file: File) -> None:
    text, _ = file
    try:
        found = list(map(shown, quick.read(text, {})))
    except quick.DeclinedError:
        return

    assert found == list(map(shown, document.read(decode(text.encode()))))


@settings(max_examples=counted(600))
@given(file=files())
def test_both_readers_lead_to_the_same_conversion(file: File) -> None:
    """The quick reader leaves out what tells nothing; the other one reads all."""
    text, _ = file
    if text.startswith("{"):
        return

    one, other = convert(text.encode()), convert((text + AS_LIBYAML).encode())

    assert other.data.decode() == one.data.decode() + AS_LIBYAML
    assert [str(f) for f in other.findings] == [str(f) for f in one.findings]


def test_the_quick_reader_reads_most_of_what_people_write() -> None:
    text = '_format_version: "2.1"\nservices:\n- name: a\n  routes:\n  - paths: [/a]\n'

    assert len(list(quick.read(text, {}))) == 3


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\n",
        "a: *x\n",
        "a: !t 1\n",
        "<<: 1\n",
        "a:\tb\n",
        "a: b\r\n",
        "a: b\n---\nc: d\n",
        "a: b\n...\n",
        "%YAML 1.2\n---\na: b\n",
        "a: b: c\n",
        "a: b\n  c: d\n",
        "a:\n  b\n",
        "a: b\n   c\n",
        "- a\n",
        "a:\n- b\n c: d\n",
        "a:\n  - b\n   - c\n",
        "a: [b\n  ]\n",
        "a: 'b\n  c'\n",
        "? a\n: b\n",
        '"a": b\n',
        "a: |2\n   b\n",
        "a: - b\n",
        "a: @b\n",
        "a: {b: &x c}\n",
        "a: b # c\n\ufeffd: e\n",
        "a\n",
        "a: \u2028b\n",
    ],
)
def test_the_quick_reader_declines_what_is_beyond_it(text: str) -> None:
    with pytest.raises(quick.DeclinedError):
        list(quick.read(text, {}))


@pytest.mark.parametrize(
    "text",
    [
        "a:\nb: \nc:   # x\n",
        "---\n# c\na: b # d\n\n# e\n",
        "a:\n- b\n-\n- c: d\n  e:\n  - f\n-   g: h\n    i: j\n",
        "a:\n  - {b: [c, 'd'], e: \"f\"} # g\n  - [a, b c, 'd']\n",
        "a: |\n  code # x\n\n  more\n\n# c\nb: >-\n   folded\n   text\n",
        "a:\n- |\n  x\n- y\n",
        "a: \"q\\u00e9\\n\\/\"\nb: 'it''s'\nc: http://x:80/#y\nd: uuid#counter\n",
        "a: -1\nb: ~\nc: 1e3\nd: a b  c   # e\n",
        "a: b",
        "a: b   ",
    ],
)
def test_the_quick_reader_reads_these_as_libyaml_does(text: str) -> None:
    found = list(map(shown, quick.read(text, {})))

    assert found == list(map(shown, document.read(decode(text.encode()))))


def shown(part: Piece | Root) -> object:
    """A part of a file as values that can be compared, places included."""
    if isinstance(part, Piece):
        return part.key.value, part.key.start, part.number, plain(part.node)
    assert isinstance(part.node, Mapping)
    return [plain(key) for key, *_ in part.node.pairs]


def plain(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.value, node.start, node.end, node.style, node.plain
    if isinstance(node, Sequence):
        return node.start, node.end, node.flow, [plain(item) for item in node.items]
    assert isinstance(node, Mapping)
    pairs = [(plain(key), plain(value), end) for key, value, end in node.pairs]
    return node.start, node.end, node.flow, pairs


def patched(before: str, diff: str) -> str:
    """What the `patch` program makes of a text."""
    old = re.findall(r"[^\n]*\n|[^\n]+", before)
    new: list[str] = []
    at = 0
    lines = re.findall(r"[^\n]*\n", diff)[2:]
    for line, following in itertools.pairwise([*lines, ""]):
        text = line[1:-1] if following.startswith("\\") else line[1:]
        if found := re.match(r"@@ -(\d+)(?:,(\d+))? ", line):
            start = int(found[1]) - (found[2] != "0")
            new += old[at:start]
            at = start
        elif line[0] in " -":
            assert old[at] == text
            new += [text] if line[0] == " " else []
            at += 1
        elif line[0] == "+":
            new.append(text)
    return "".join(new + old[at:])
