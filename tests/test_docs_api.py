"""docs/reference/api is what the code says, and the code says what a caller has to know."""

import ast
import re
import textwrap
from collections.abc import Iterator

import attrs
import griffe

from docs import generate_api as api
from kong_lts import errors

OWN = {name for name in errors.__all__ if name.endswith("Error")}
UNIT = re.compile(r"\b(int|float)\b")


def documented() -> Iterator[griffe.Object]:
    for path in api.homes():
        yield api.object_at(path)


def functions() -> Iterator[griffe.Function]:
    """Every public function, and every public method of a public class."""
    for one in documented():
        members = one.members.values() if isinstance(one, griffe.Class) else (one,)
        for member in members:
            found = member.final_target if isinstance(member, griffe.Alias) else member
            if isinstance(found, griffe.Function) and not found.name.startswith("_"):
                yield found


def raised(function: griffe.Function) -> set[str]:
    """Errors of the library that stand behind a `raise` in the very function."""
    tree = ast.parse(textwrap.dedent("\n".join(function.lines)))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            names.add(made.id if isinstance(made, ast.Name) else "")
    return names & OWN


def named(function: griffe.Function) -> set[str]:
    """Errors that its docstring names, and those below them."""
    names = {
        str(part.annotation)
        for section in api.sections(function)
        if isinstance(section, griffe.DocstringSectionRaises)
        for part in section.value
    }
    roots = tuple(getattr(errors, name) for name in names & OWN)
    return {name for name in OWN if issubclass(getattr(errors, name), roots)}


def promised() -> dict[str, set[str]]:
    """The errors of each method of a protocol: whoever implements it inherits its text."""
    promises: dict[str, set[str]] = {}
    for one in documented():
        if isinstance(one, griffe.Class) and any("Protocol" in str(base) for base in one.bases):
            for method in one.members.values():
                if isinstance(method, griffe.Function):
                    promises.setdefault(method.name, set()).update(named(method))
    return promises


def test_the_pages_of_public_names_are_up_to_date() -> None:
    """If this fails, run `python docs/generate_api.py`."""
    written = {path.name: path.read_text(encoding="utf-8") for path in api.FOLDER.glob("*.md")}
    assert written == api.pages()


def test_every_field_that_is_a_number_says_its_unit_or_what_it_counts() -> None:
    silent = [
        f"{one.path}.{name}"
        for one in documented()
        if isinstance(one, griffe.Class) and attrs.has(real := api.real_class(one))
        for name, type_, _, meaning in api.fields(one, real)
        if UNIT.search(type_) and ", " not in type_.rpartition("`")[2] and not meaning
    ]
    assert silent == []


def test_every_public_function_names_the_errors_that_it_raises() -> None:
    promises = promised()
    silent = {
        function.path: missing
        for function in functions()
        if (missing := raised(function) - named(function) - promises.get(function.name, set()))
    }
    assert silent == {}


def test_every_public_name_says_what_it_is_for() -> None:
    silent = [one.path for one in documented() if not one.docstring and not one.is_attribute]
    assert silent == []
