"""Every error says what failed, survives a pickle, and stands in the tree."""

import pickle
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_lts import errors
from kong_lts.errors import KongLtsError, ProcessFailedError, last_words, place

EXAMPLES: tuple[KongLtsError, ...] = (
    errors.KongLtsError("a reason"),
    errors.VersionError("2.x", "a reason"),
    errors.UnreadableFileError("/a/file", "a reason"),
    errors.FormatError("plan", ("a reason", "another"), "/a/file", 12),
    errors.EditError("a reason"),
    errors.CatalogError("rules.yaml", ("a reason", "another")),
    errors.ConfError("a reason", "a_key", "/a/file", 12),
    errors.ConfValueError("a reason", "a_key", "/a/file", 12),
    errors.DeclarativeError("a reason", "/a/file", 12, 3),
    errors.RouterError("a reason", "a-route"),
    errors.DeploymentError("a reason", "a.field", "/a/file", 12),
    errors.DeniedCommandError("-f", "a reason"),
    errors.PlanError("a reason"),
    errors.NotPlannableError(("a finding", "another")),
    errors.PlanStaleError("2.8", "3.4", "a reason"),
    errors.RunError("a reason"),
    errors.StepFailedError("a-step", "a reason.", "Do this."),
    errors.StagingRefusedError("a-step", "a reason.", "Do this."),
    errors.StepTimedOutError("a-step", 60.5),
    errors.RunCancelledError("a-step", "somebody"),
    errors.RunRefusedError("a-run", "there is no such plan"),
    errors.LockHeldError("somebody", "database kong"),
    errors.NotResumableError("a reason"),
    errors.BackupError("/a/folder", "a reason"),
    errors.CannotRenderError("Plan", "sarif", ("text", "html")),
    errors.AdapterError("doing it", "a reason"),
    errors.SecretError("doing it", "a reason"),
    errors.DatabaseError("doing it", "a reason"),
    errors.ArchiveError("doing it", "a reason"),
    errors.WriteGuardError("doing it", "a reason"),
    errors.CredentialsError("doing it", "a reason"),
    errors.NodeFilesError("doing it", "a reason"),
    errors.DeckError("doing it", "a reason"),
    errors.ProcessError("doing it", "a reason"),
    errors.ProcessNotRunError("doing it", "a reason"),
    errors.ProcessFailedError("doing it", "a reason", 3, "printed"),
    errors.LoadBalancerError("doing it", "a reason"),
    errors.AdminApiError("doing it", "a reason"),
    errors.KeyringError("doing it", "a reason"),
    errors.ProxyError("doing it", "a reason"),
    errors.MetricsError("doing it", "a reason"),
    errors.ManifestsError("doing it", "a reason"),
    errors.JournalError("doing it", "a reason"),
    errors.LockError("doing it", "a reason"),
    errors.ApproverError("doing it", "a reason"),
    errors.PostgresServerError("doing it", "a reason"),
)
"""One of each, with every field given."""

LEFT_OUT_OF_THE_TEXT = {(ProcessFailedError, "printed")}
"""What a program printed may be long, and its last words are among the facts already."""


def each(error: KongLtsError) -> str:
    return type(error).__name__


def below(kind: type[KongLtsError], depth: int = 0) -> Iterator[tuple[int, str]]:
    """A class and all that come from it, each with its depth, in the order of the file."""
    yield depth, kind.__name__
    for child in kind.__subclasses__():
        # A test may have one of its own, and attrs leaves what it made a class of until the
        # garbage is collected.
        if vars(errors).get(child.__name__) is child:
            yield from below(child, depth + 1)


def drawn(text: str) -> Iterator[tuple[int, str]]:
    """The same, as a docstring draws it."""
    for line in text.splitlines():
        if found := re.match(r"    ((?:[│ ] {3})*(?:[├└]── )?)(\w+Error)\b", line):
            yield len(found[1]) // 4, found[2]


def facts(error: KongLtsError) -> Iterator[str]:
    """Everything that went into an error, as text."""
    for value in error.args:
        yield from map(str, value if isinstance(value, tuple) else (value,))


def test_the_docstring_draws_the_tree_that_there_is() -> None:
    assert list(drawn(errors.__doc__ or "")) == list(below(KongLtsError))


def test_there_is_an_example_of_every_error() -> None:
    assert {type(error).__name__ for error in EXAMPLES} == {n for _, n in below(KongLtsError)}


def test_every_error_is_public() -> None:
    assert {name for _, name in below(KongLtsError)} <= set(errors.__all__)


@pytest.mark.parametrize("error", EXAMPLES, ids=each)
def test_the_text_has_every_fact(error: KongLtsError) -> None:
    missing = [fact for fact in facts(error) if fact not in str(error)]

    assert [fact for fact in missing if (type(error), fact) not in LEFT_OUT_OF_THE_TEXT] == []


@pytest.mark.parametrize("error", EXAMPLES, ids=each)
def test_an_error_survives_a_pickle(error: KongLtsError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (copy.args, str(copy), repr(copy)) == (error.args, str(error), repr(error))


@pytest.mark.parametrize("error", EXAMPLES, ids=each)
def test_an_error_has_one_line_unless_it_lists_findings(error: KongLtsError) -> None:
    assert "\n" not in str(error) or isinstance(error, errors.NotPlannableError)


@pytest.mark.parametrize(
    ("path", "line", "column", "text"),
    [
        (None, None, None, ""),
        ("kong.conf", None, None, "kong.conf"),
        ("kong.conf", 12, None, "kong.conf:12"),
        ("kong.conf", 12, 3, "kong.conf:12:3"),
        (None, 12, None, "line 12"),
        (None, 12, 3, "line 12:3"),
    ],
)
def test_a_place_is_written_as_far_as_it_is_known(
    path: str | None, line: int | None, column: int | None, text: str
) -> None:
    assert place(path, line, column) == text


@pytest.mark.parametrize(
    "error",
    [
        errors.FormatError("plan", ("a reason",)),
        errors.ConfError("a reason"),
        errors.DeclarativeError("a reason"),
        errors.DeploymentError("a reason"),
        errors.RouterError("a reason"),
    ],
    ids=each,
)
def test_an_unknown_place_leaves_no_trace(error: KongLtsError) -> None:
    assert str(error) in ("a reason", "not a plan: a reason")


@given(text=st.text(max_size=2000))
def test_a_program_has_few_last_words(text: str) -> None:
    words = last_words(text)

    assert len(words) <= 500
    assert text.strip().endswith(words)


def test_last_words_may_come_line_by_line() -> None:
    assert last_words(["one", "two"]) == "one\ntwo"
