"""JSON and YAML are taken strictly: whatever does not fit is refused, with its place."""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import attrs
import pytest
from attrs.validators import ge, in_
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.errors import FormatError
from kong_lts.serialization import FORMAT_VERSION, Form, json_schema, yaml_document
from kong_lts.testing.generators import values_of
from kong_lts.versions import KongVersion
from tests.conftest import counted


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen(kw_only=True)
class Circle:
    radius: float = attrs.field(default=1.0, validator=ge(0))


@attrs.frozen(kw_only=True)
class Square:
    side: int = 1


Shape = Circle | Square


@attrs.frozen(kw_only=True)
class Picture:
    """Every kind of field that a value class has."""

    title: str
    colour: Colour = Colour.RED
    framed: bool = False
    copies: int = 0
    price: float = 0.0
    size: str = attrs.field(default="a4", validator=in_(("a4", "a5")))
    release: KongVersion | None = None
    tags: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()
    notes: Mapping[str, int] = attrs.Factory(dict)
    raw: Mapping[str, object] = attrs.Factory(dict)


FORM = Form(Picture, "picture", unions=(Shape,))
HEAD = {"format_version": FORMAT_VERSION, "title": "a"}
KINDS: tuple[object, ...] = (None, True, 7, 7.5, "text", [], ["text"], {}, {"a": 1})
TAKEN = {
    "title": ("text",),
    "colour": (),
    "framed": (True,),
    "copies": (7,),
    "price": (7, 7.5),
    "size": (),
    "release": (None,),
    "tags": ([], ["text"]),
    "shapes": ([],),
    "notes": ({}, {"a": 1}),
    "raw": ({}, {"a": 1}),
}
"""Which of the kinds each field takes."""


def problems(**fields: object) -> tuple[str, ...]:
    with pytest.raises(FormatError) as refused:
        FORM.from_json(json.dumps({**HEAD, **fields}))
    return refused.value.problems


def refusal(make: Callable[[], object]) -> FormatError | None:
    try:
        make()
    except FormatError as exc:
        return exc
    return None


def pictures() -> st.SearchStrategy[Picture]:
    return st.builds(
        Picture,
        title=st.text(),
        colour=st.sampled_from(Colour),
        framed=st.booleans(),
        copies=st.integers(),
        price=st.floats(allow_nan=False, allow_infinity=False),
        release=st.none() | st.just(KongVersion((2, 8, 5))),
        tags=st.lists(st.text()).map(tuple),
        shapes=st.lists(
            st.builds(Circle, radius=st.floats(0, 1e300)) | values_of(Square), max_size=3
        ).map(tuple),
        notes=st.dictionaries(st.text(), st.integers()),
    )


@settings(max_examples=counted(500))
@given(picture=pictures(), indent=st.none() | st.integers(0, 4))
def test_a_value_comes_back_from_its_json(picture: Picture, indent: int | None) -> None:
    text = FORM.to_json(picture, indent=indent)

    assert FORM.from_json(text) == picture
    assert text.encode("utf-8").decode("utf-8") == text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (name, kind)
        for name, taken in TAKEN.items()
        for kind in KINDS
        if json.dumps(kind) not in [json.dumps(value) for value in taken]
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_at_its_field(name: str, value: object) -> None:
    (problem,) = problems(**{name: value})

    assert f" @ $.{name}" in problem


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, taken in TAKEN.items() for value in taken]
)
def test_a_value_of_the_right_kind_is_taken(name: str, value: object) -> None:
    picture = FORM.from_json(json.dumps({**HEAD, name: value}))

    found = getattr(picture, name)
    assert (list(found) if isinstance(found, tuple) else found) == value


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"title": 5}, "5 is no string; quote it @ $.title"),
        ({"title": None}, "null is no string @ $.title"),
        ({"title": ["a"]}, "a list is no string @ $.title"),
        ({"framed": "yes"}, '"yes" is no boolean @ $.framed'),
        ({"framed": 1}, "1 is no boolean @ $.framed"),
        ({"copies": True}, "true is no integer @ $.copies"),
        ({"copies": 1.0}, "1.0 is no integer @ $.copies"),
        ({"price": "1"}, '"1" is no number @ $.price'),
        ({"tags": "abc"}, '"abc" is no list @ $.tags'),
        ({"tags": {"a": "b"}}, "a mapping is no list @ $.tags"),
        ({"tags": ["a", 2]}, "2 is no string; quote it @ $.tags[1]"),
        ({"notes": ["a"]}, "a list is no mapping @ $.notes"),
        ({"notes": {"a": "1"}}, '"1" is no integer @ $.notes.a'),
        ({"release": 3.4}, "3.4 is no version; quote it and give all its parts @ $.release"),
        (
            {"colour": "green"},
            "'green' is not a valid Colour; give one of red, blue @ $.colour",
        ),
        ({"colour": True}, "true is no string; quote it; give one of red, blue @ $.colour"),
        (
            {"shapes": [{"kind": "Circle", "radius": -1}]},
            "'radius' must be >= 0: -1.0 @ $.shapes[0]",
        ),
        ({"shapes": ["Circle"]}, '"Circle" is no mapping @ $.shapes[0]'),
        ({"shapes": [{"radius": 1}]}, "kind is null; give one of Circle, Square @ $.shapes[0]"),
        (
            {"shapes": [{"kind": "Line"}]},
            'kind is "Line"; give one of Circle, Square @ $.shapes[0]',
        ),
        (
            {"shapes": [{"kind": ["Line"]}]},
            "kind is a list; give one of Circle, Square @ $.shapes[0]",
        ),
        (
            {"shapes": [{"kind": "Square", "radius": 1}]},
            "unknown field radius (known: side) @ $.shapes[0].radius",
        ),
    ],
)
def test_a_problem_says_what_and_where(fields: dict[str, object], problem: str) -> None:
    assert problems(**fields) == (problem,)


def test_a_validator_that_names_its_field_is_placed_there() -> None:
    (problem,) = problems(size="a3")

    assert problem.endswith(" @ $.size")
    assert "a3" in problem


def test_a_value_that_is_no_mapping_has_its_problem_at_the_top() -> None:
    with pytest.raises(FormatError, match=r"not a version: '2\.8' is no Kong version: .* @ \$"):
        Form(KongVersion, "version").from_document("2.8")


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(FormatError) as refused:
        FORM.from_json('{"format_version": 1, "colour": "green", "frame": 1, "tags": [1, 2]}')

    assert [problem.rpartition(" @ ")[2] for problem in refused.value.problems] == [
        *("$.title", "$.colour", "$.tags[0]", "$.tags[1]", "$.frame"),
    ]
    assert "it is missing @ $.title" in str(refused.value)


def test_a_long_value_is_cut() -> None:
    (problem,) = problems(copies="x" * 1000)

    assert len(problem) < 100
    assert "..." in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no JSON: Expecting value"),
        ("{", "no JSON: Expecting property name"),
        ("[]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ('{"title": "a"}', "its format_version is null, not 1"),
        ('{"format_version": 2, "title": "a"}', "its format_version is 2, not 1"),
        ('{"format_version": "1", "title": "a"}', 'its format_version is "1", not 1'),
        ("[" * 100_000, "no JSON: "),
        ('{"copies": ' + "1" * 5000 + "}", "no JSON: "),
    ],
    ids=lambda text: str(text)[:40],
)
def test_a_text_that_is_no_document_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FormatError) as refused:
        FORM.from_json(text, path="a file")

    assert refused.value.problems[0].startswith(problem)
    assert str(refused.value).startswith("a file")
    assert "not a picture" in str(refused.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 400])
def test_a_number_is_finite(number: str) -> None:
    with pytest.raises(FormatError, match=r"@ \$\.price"):
        FORM.from_json('{"format_version": 1, "title": "a", "price": ' + number + "}")


def test_json_says_the_line_of_a_slip() -> None:
    with pytest.raises(FormatError, match="line 3: not a picture: no JSON"):
        FORM.from_json('{\n"title": "a",\n}')


def test_bytes_that_are_no_utf_8_survive() -> None:
    picture = Picture(title=b"caf\xe9".decode("utf-8", "surrogateescape"))

    text = FORM.to_json(picture)

    assert FORM.from_json(text.encode("utf-8").decode("utf-8")) == picture


def test_a_default_is_left_out_and_the_order_is_that_of_the_class() -> None:
    text = FORM.to_json(Picture(title="é", copies=2, shapes=(Square(),)), indent=None)

    assert text == (
        '{"format_version": 1, "title": "é", "copies": 2, "shapes": [{"kind": "Square"}]}'
    )


def test_documents_as_parsed_pass_unchanged() -> None:
    raw = {"a": [1, {"b": None}], "c": 1.5}

    picture = FORM.from_json(json.dumps({**HEAD, "raw": raw}))

    assert picture.raw == raw


def documents(text: st.SearchStrategy[str], *, finite: bool) -> st.SearchStrategy[object]:
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=not finite, allow_infinity=not finite)
        | text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=8,
    )


@settings(max_examples=counted(1000))
@given(
    fields=st.dictionaries(
        st.sampled_from([*TAKEN, "kind", ""]), documents(st.text(), finite=False)
    )
)
def test_any_document_is_a_value_or_an_error(fields: dict[str, object]) -> None:
    error = refusal(lambda: FORM.from_document(fields))

    assert error is None or all(" @ $" in problem for problem in error.problems)


# --- YAML ---------------------------------------------------------------------------------------


PRINTABLE = st.characters(categories=["L", "N", "P", "S", "Zs"])


def yaml_problem(text: str) -> str:
    with pytest.raises(FormatError) as refused:
        yaml_document(text, what="deployment", path="a.yaml")
    return str(refused.value)


@settings(max_examples=counted(500))
@given(document=documents(st.text(PRINTABLE), finite=True))
def test_json_is_yaml(document: object) -> None:
    text = json.dumps(document, ensure_ascii=False)

    found, _ = yaml_document(text, what="deployment")

    assert json.dumps(found, ensure_ascii=False) == text


YAML_WORDS = st.sampled_from(
    [
        *("a", "b: ", "- ", "\n", "\n  ", ": ", "? ", "[", "]", "{", "}", ",", "&a ", "*a ", "'"),
        *('"', "|\n", ">\n", "# ", "!!int ", "!!bool ", "!!float ", "!!null ", "!!binary "),
        *("!!map ", "!!seq ", "!!set ", "!!omap ", "!!timestamp ", "!!str ", "!x ", "<<: "),
        *("!!python/none ", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! a\n", "2026-13-45", "0x"),
        *("1e5", ".inf", "~", "yes", "1:30", "\t", "\x00", "\x07", "\ud800", "\ufeff", "\x85"),
        *("é", "=", "0b2"),
    ]
)


@settings(max_examples=counted(5000))
@given(text=st.lists(YAML_WORDS, max_size=12).map("".join))
def test_any_text_is_a_document_or_an_error_with_its_path(text: str) -> None:
    error = refusal(lambda: yaml_document(text, what="deployment", path="a.yaml"))

    assert error is None or str(error).startswith("a.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3: a is given twice"),
        ("x:\n- a: 1\n  a: 2\n", "a.yaml:3: x[0].a is given twice"),
        ('1: a\n"1": b\n', "a.yaml:2: 1 is given twice"),
        (
            "a: &x [1]\nb:\n  c: *x\n",
            "a.yaml:3: b.c is an alias, *x: write it out",
        ),
        ("a: &x\n  b: *x\n", "a.yaml:2: a.b is an alias, *x: write it out"),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            "a.yaml:3: c.<< is an alias, *x: write it out",
        ),
        (
            "? [a]\n: b\n",
            "a.yaml:1: the document has a list or a mapping as the name",
        ),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: no YAML: but found another document"),
        ("a: b: c\n", "a.yaml:1: no YAML: mapping values are not allowed here"),
        ("a: 1\nb: 2026-13-45\n", "a.yaml:2: b is no timestamp; quote it"),
        ("a: !x b\n", "a.yaml:1: no YAML: could not determine a constructor"),
        ("a: \x07\n", "a.yaml: no YAML: a control character is in it"),
        ("[" * 600, "a.yaml: it is nested too deeply"),
    ],
    ids=lambda text: str(text)[:30],
)
def test_what_yaml_allows_and_people_mistake_is_refused(text: str, problem: str) -> None:
    assert yaml_problem(text).replace("not a deployment: ", "").startswith(problem)


def test_a_bomb_of_aliases_is_not_set_off() -> None:
    layers = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]

    text = "\n".join(["a0: &a0 [x]", *layers])

    assert "a1[0] is an alias, *a0" in yaml_problem(text)


def test_an_anchor_that_nobody_uses_does_no_harm() -> None:
    found, _ = yaml_document("a: &x 1\nb: &x 2\n", what="deployment")

    assert found == {"a": 1, "b": 2}


def test_every_field_has_the_line_that_names_it() -> None:
    text = "a: 1\nb:\n  - c: 2\n\n    d:\n      e: 3\n  - 4\nf:\n  {g: 5,\n   h: 6}\n"

    _, lines = yaml_document(text, what="deployment")

    assert lines == {
        "$": 1,
        "$.a": 1,
        "$.b": 2,
        "$.b[0]": 3,
        "$.b[0].c": 3,
        "$.b[0].d": 5,
        "$.b[0].d.e": 6,
        "$.b[1]": 7,
        "$.f": 8,
        "$.f.g": 9,
        "$.f.h": 10,
    }


def test_an_empty_text_is_no_value() -> None:
    assert yaml_document("# nothing\n", what="deployment") == (None, {})


# --- JSON Schema --------------------------------------------------------------------------------


def test_a_schema_lists_fields_and_forbids_others() -> None:
    schema: Any = json_schema(Picture, title="a picture")

    assert schema["title"] == "a picture"
    assert list(schema["properties"])[:3] == ["format_version", "title", "colour"]
    assert schema["required"] == ["format_version", "title"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["colour"] == {"enum": ["red", "blue"]}
    assert schema["properties"]["raw"] == {"type": "object", "additionalProperties": {}}


def test_a_schema_tells_the_classes_of_a_union_apart() -> None:
    schema: Any = json_schema(Picture, title="a picture")

    assert schema["properties"]["shapes"]["items"] == {
        "anyOf": [{"$ref": "#/$defs/Circle"}, {"$ref": "#/$defs/Square"}]
    }
    assert schema["$defs"]["Circle"]["properties"]["kind"] == {"const": "Circle"}
    assert schema["$defs"]["Circle"]["required"] == ["kind"]
