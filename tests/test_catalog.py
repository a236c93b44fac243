"""Every row of the catalog fits its class, has an id of its own, and says who says so."""

import re
import string
from pathlib import Path

import attrs
import pytest
from ruamel.yaml import YAML

from kong_lts import catalog
from kong_lts.catalog import _rows
from kong_lts.catalog.plain_yaml import plain_document
from kong_lts.catalog.rows import Migrations, Quantity, Rule
from kong_lts.errors import CatalogError, FormatError
from kong_lts.findings import Location, Severity
from kong_lts.serialization import Form
from kong_lts.versions import Release

NO_RULES = (
    "changes",
    "conf_keys",
    "counters",
    "durations",
    "ingress_controllers",
    "metric_queries",
    "migrations",
    "pains",
    "patches",
    "plugin_order",
    "state_files",
)
FILES = {name: getattr(catalog, name) for name in catalog.__all__ if name not in NO_RULES}
RULES: list[Rule] = [rule for read in FILES.values() for rule in read()]
ROW = Rule(
    id="a-rule",
    severity=Severity.WARNING,
    message="{subject} has another {thing}.",
    action="Change {thing}.",
    source="a release note",
)
FORM = Form(tuple[Rule, ...], "rules.yaml")
GOOD = {
    "id": "a-rule",
    "severity": "warning",
    "message": "It is so.",
    "action": "Change it.",
    "source": "a release note",
}


def test_the_files_have_rules() -> None:
    assert {"prerequisites", "database", "inputs"} <= set(FILES)
    assert len(RULES) > 20


def test_no_id_stands_in_two_files() -> None:
    ids = [rule.id for rule in RULES]

    assert sorted({i for i in ids if ids.count(i) > 1}) == []


@pytest.mark.parametrize("field", ["message", "action", "source"])
def test_texts_are_sentences_with_words_to_fill_in(field: str) -> None:
    for rule in RULES:
        text = getattr(rule, field)
        assert text == text.strip()
        if field != "source":
            names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
            assert all(name.isidentifier() for name in names), rule.id


def test_every_rule_says_how_it_was_verified() -> None:
    assert {rule.verified for rule in RULES} <= {"measured", "documents"}


def test_a_file_is_read_once() -> None:
    for read in FILES.values():
        assert read() is read()


def test_the_lists_of_migrations_do_not_overlap() -> None:
    known = catalog.migrations()

    assert len(known.core_2_8) == 14
    assert len(known.core_3_4) == 5
    assert not {*known.core_2_8} & {*known.core_3_4, *known.left_over}
    assert not {*known.runtime_tables} & {*known.known_tables}


def test_each_release_has_one_query_for_each_quantity() -> None:
    rows = catalog.metric_queries()

    assert sorted((row.release, row.quantity) for row in rows) == sorted(
        (release, quantity) for release in Release for quantity in Quantity
    )
    assert len({row.family for row in rows}) == len(rows)


def test_what_3_4_has_switched_off_is_switched_on_by_a_rule() -> None:
    rules = {rule.id: rule for rule in catalog.plugins()}
    off = [row for row in catalog.metric_queries() if row.off_by_default]

    assert [row.release for row in off] == [Release.V3_4] * 2
    for row in off:
        rule = rules[row.turned_on_by]
        assert rule.change is not None
        assert (rule.on, rule.field, rule.change.value) == (
            ("prometheus",),
            f"config.{row.off_by_default}",
            "true",
        )


# --- the class is the schema --------------------------------------------------------------------


def test_a_row_that_fits_is_taken() -> None:
    (rule,) = FORM.from_document([GOOD])

    assert rule == Rule(
        id="a-rule",
        severity=Severity.WARNING,
        message="It is so.",
        action="Change it.",
        source="a release note",
        verified="measured",
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": "A-Rule"}, r"'id' must match regex .* @ \$\[0\]\.id"),
        ({"id": "a_rule"}, "'id' must match regex"),
        ({"id": ""}, "'id' must match regex"),
        ({"message": ""}, "Length of 'message' must be >= 1"),
        ({"action": ""}, "Length of 'action' must be >= 1"),
        ({"source": ""}, "Length of 'source' must be >= 1"),
        ({"message": 60000}, r"60000 is no string; quote it @ \$\[0\]\.message"),
        ({"message": True}, "true is no string; quote it"),
        ({"severity": "fatal"}, "is not a valid Severity; give one of info, warning, blocker"),
        ({"Message": "x"}, r"unknown field Message .* @ \$\[0\]\.Message"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(change: dict[str, object], problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        FORM.from_document([{**GOOD, **change}])


@pytest.mark.parametrize("field", GOOD)
def test_no_row_lacks_a_field(field: str) -> None:
    row = {name: text for name, text in GOOD.items() if name != field}

    with pytest.raises(FormatError, match=rf"it is missing @ \$\[0\]\.{field}"):
        FORM.from_document([row])


def test_a_file_of_another_class_is_refused_with_its_name() -> None:
    with pytest.raises(CatalogError, match=r"^catalog/database\.yaml: .* @ \$\[0\]"):
        _rows("database.yaml", Migrations)


# --- what a rule says ---------------------------------------------------------------------------


def test_a_finding_has_the_words_filled_in() -> None:
    where = Location(path="kong.conf", line=3)

    finding = ROW.finding("a key", location=where, evidence="kong_conf", thing="default {x}")

    assert finding.message == "a key has another default {x}."
    assert finding.action == "Change default {x}."
    assert (finding.rule, finding.subject, finding.source) == ("a-rule", "a key", ROW.source)
    assert (finding.location, finding.evidence) == (where, "kong_conf")


@pytest.mark.parametrize("row", list(Severity))
@pytest.mark.parametrize("asked", [None, *Severity])
def test_code_may_only_lower_a_severity(row: Severity, asked: Severity | None) -> None:
    finding = attrs.evolve(ROW, severity=row).finding("a key", severity=asked, thing="x")

    assert finding.severity.rank == min(row.rank, (asked or row).rank)


@pytest.mark.parametrize("path", sorted(Path(catalog.__file__).parent.glob("*.yaml")), ids=str)
def test_a_file_of_rows_is_read_as_any_parser_reads_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert plain_document(text) == YAML(typ="safe", pure=False).load(text)


def test_a_scalar_without_quotes_has_the_type_of_yaml() -> None:
    text = "[a, 1, -2, 3.4, 1e3, true, null, ~, '1', \"true\", 3.4.2, 1_0, {b: [], c: }]"
    expected = ["a", 1, -2, 3.4, 1000.0, True, None, None, "1", "true", "3.4.2", "1_0"]
    assert plain_document(text) == [*expected, {"b": [], "c": None}]


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "a: &x 1\nb: *x\n", "1: a\n"])
def test_a_file_of_rows_has_no_alias_and_no_name_twice(text: str) -> None:
    with pytest.raises(FormatError):
        plain_document(text)


def test_a_source_is_one_that_a_reader_can_look_up() -> None:
    folder = Path(catalog.__file__).parent
    sources = [
        (path.name, source)
        for path in folder.glob("*.yaml")
        for source in re.findall(r'source: "([^"]*)"', path.read_text(encoding="utf-8"))
    ]
    nobodys = re.compile(
        r"\b[AB]\d\d\b|(?<![\w/])changes[/:]|\bdecisions [A-Z]\d|\bthis file\b|\bpains?\b"
    )
    assert [pair for pair in sources if nobodys.search(pair[1])] == []
