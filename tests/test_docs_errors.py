"""docs/reference/errors.md has every error class with every field, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from kong_lts import errors

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "errors.md"


def classes() -> Iterator[type[errors.KongLtsError]]:
    for name in errors.__all__:
        if name.endswith("Error"):
            yield getattr(errors, name)


def rows() -> Iterator[list[str]]:
    """The cells of each row that begins with an error class."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def own_fields(kind: type) -> list[str]:
    return [field.name for field in attrs.fields(kind)] if attrs.has(kind) else []


def test_every_error_has_one_row() -> None:
    assert sorted(row[0].strip("`") for row in rows()) == sorted(k.__name__ for k in classes())


def test_every_row_lists_the_fields_of_its_class() -> None:
    said = {row[0].strip("`"): re.findall(r"`(\w+)`", row[2]) for row in rows()}

    assert said == {kind.__name__: own_fields(kind) for kind in classes()}


def test_every_row_says_when_and_what_to_do() -> None:
    parents = {base for kind in classes() for base in kind.__bases__}

    assert [row[0] for row in rows() if len(row) < 4 or not row[1]] == []
    assert [
        row[0] for row in rows() if not row[3] and getattr(errors, row[0].strip("`")) not in parents
    ] == []
