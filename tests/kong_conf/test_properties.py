"""Whatever the file: every byte survives, a second rewrite is a no-op, and behaviour is kept."""

import random
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts import catalog, kong_conf
from kong_lts.errors import ConfError, KongLtsError
from kong_lts.findings import Finding, Severity
from kong_lts.kong_conf import KongConf
from kong_lts.versions import Edition, Release
from tests.conftest import counted

GOLDEN = Path(__file__).parents[1] / "golden" / "kong_conf"
RULES = {row.id: row for row in catalog.kong_conf()}
SAYS_NOTHING_OF_VALUES = (
    *("conf-unknown-key", "conf-duplicate-key", "conf-line-lost", "conf-pinned-old-default"),
    "conf-worker-consistency-deprecated",
)
KEYS = catalog.conf_keys(Release.V3_4)
NAMES = sorted(
    {key for release in Release for key in catalog.conf_keys(release).keys}
    | {key for row in RULES.values() for key in row.keys if not key.endswith("*")}
    | {"nginx_http_gzip", "foo", "Log_Level", "log-level", "pg.host"}
)
OF_RULES = sorted({key for row in RULES.values() for key in row.keys if not key.endswith("*")})
VALUES = (
    *("on", "off", "8m", "60", "NONE", "", "a#b", "# x", "#x", " \\# y", "a\\#b#c", "2m", "30s"),
    *("abc", "{vault://env/x}", "{vault://env/x} # c", "${X}", "{{ y }}", "0", "1,2", "bundled, x"),
    *("cassandra", "tlsv1", "eventual", "strict", "0.0.0.0:8000 ssl", "/p", "http://x/y", "x:1"),
    *("a \\", "0123", "1e3", "4194304", "old", "custom", "control_plane", "data_plane", "system"),
    *(
        "08",
        "0x10",
        "-0",
        ".5",
        "60 kB",
        "12345678901234567",
        "off, x",
        "[::1]:80",
        "80:8000",
        "=",
        ",",
    ),
    *(
        '"on"',
        "TRUE",
        "true",
        "é#x",
        "x\\ #y",
        "##",
        "\\#",
        "nobody nobody",
        "NONE # c",
        "h://u:p@x/y#z",
    ),
)
OTHER_LINES = ("# c", "", "; c", "[s]", "  [x]", "no equals", "{% if a %}", "x \\", "<% y %>")

names = st.one_of(st.sampled_from(NAMES), st.sampled_from(OF_RULES))
assignments = st.builds(
    lambda indent, key, sign, value, end: f"{indent}{key}{sign}{value}{end}",
    st.sampled_from(("", " ")),
    names,
    st.sampled_from((" = ", "=", "= ")),
    st.sampled_from(VALUES),
    st.sampled_from(("", "", "  ", " # c", "#c")),
)
texts = st.builds(
    lambda start, lines, end, last: start + end.join(lines) + last,
    st.sampled_from(("", "", "\ufeff")),
    st.lists(st.one_of(assignments, assignments, st.sampled_from(OTHER_LINES)), max_size=8),
    st.sampled_from(("\n", "\r\n")),
    st.sampled_from(("\n", "")),
)
environs = st.dictionaries(
    names.map(lambda key: f"KONG_{key.upper()}"), st.sampled_from(VALUES), max_size=2
)
confs = st.builds(lambda text, environ: kong_conf.parse(text, environ=environ), texts, environs)
editions = st.sampled_from(list(Edition))


@settings(max_examples=counted(3000))
@given(conf=confs, edition=editions, keeps=st.booleans())
def test_rewriting_twice_equals_rewriting_once(
    conf: KongConf, edition: Edition, keeps: bool
) -> None:
    once = kong_conf.rewrite(conf, edition=edition, keep_behaviour=keeps)
    twice = kong_conf.rewrite(once.after, edition=edition, keep_behaviour=keeps)
    assert (twice.text, dict(twice.environ)) == (once.text, dict(once.environ))


@settings(max_examples=counted(3000))
@given(conf=confs, edition=editions)
def test_what_3_4_makes_of_the_rewrite_is_what_2_8_makes_of_the_source(
    conf: KongConf, edition: Edition
) -> None:
    check_behaviour(conf, edition)


@settings(max_examples=counted(2000))
@given(conf=confs, edition=editions)
def test_a_comparison_names_every_key_whose_value_changes(conf: KongConf, edition: Edition) -> None:
    findings = kong_conf.diff(conf, edition=edition)
    old, _ = loaded(conf, Release.V2_8, edition)
    new, refused_for = loaded(conf, Release.V3_4, edition)
    if old and refused_for:
        blocked = {f.subject for f in findings if f.severity is Severity.BLOCKER}
        is_filled_in_later = "{" in "".join([str(conf), *conf.environ.values()])
        assert is_filled_in_later or conf.alternatives or refused_for in blocked
    named = excused(conf, tuple(f for f in findings if f.rule not in SAYS_NOTHING_OF_VALUES))
    named |= {key for f in findings if RULES[f.rule].once for key in RULES[f.rule].keys}
    assert {key for key in old if key in new and old[key] != new[key]} - named == set()


def loaded(
    conf: KongConf, release: Release, edition: Edition
) -> tuple[Mapping[str, object], str | None]:
    """The values, or the key that the release refuses."""
    try:
        return kong_conf.resolve(conf, release=release, edition=edition), None
    except ConfError as exc:
        return {}, exc.key


def check_behaviour(conf: KongConf, edition: Edition) -> None:
    """Every key that both know has the same value, but for those that a finding names."""
    old, _ = loaded(conf, Release.V2_8, edition)
    if not old:
        return
    named = excused(conf, kong_conf.diff(conf, edition=edition))
    after = kong_conf.rewrite(conf, edition=edition).after
    new, refused_for = loaded(after, Release.V3_4, edition)
    assert refused_for is None or refused_for in named
    assert {key for key in old if key in new and old[key] != new[key]} - named == set()


def excused(conf: KongConf, findings: tuple[Finding, ...]) -> set[str]:
    """Keys that a finding names, or whose value is a template or a reference that stays one.

    Of those that several branches of a template set nobody knows the value.
    """
    named = (
        {*conf.alternatives} | {f.subject for f in findings} | {RULES[f.rule].to for f in findings}
    )
    values: Mapping[str, str] = {s.key: s.raw for s in conf.settings} | {
        name.removeprefix("KONG_").lower(): value for name, value in conf.environ.items()
    }
    unknown = conf.alternatives | {key for key, value in values.items() if "{" in value}
    named |= unknown
    named |= {KEYS.aliases[key] for key in named if key in KEYS.aliases}
    named |= {"nginx_user"} if "nginx_main_user" in named else set()  # both go, or none
    named |= {to for key in named for to in KEYS.fan_out.get(key, ())}
    named |= set(KEYS.prefix_paths) if "prefix" in named else set()
    if any(key.endswith("_cert") for key in unknown):
        named |= {f"{key}_key" for key in values}
    return named


@settings(max_examples=counted(3000))
@given(text=st.text(alphabet=st.characters(exclude_characters="\0"), max_size=200))
def test_every_character_of_any_text_survives(text: str) -> None:
    conf = kong_conf.parse(text)
    assert str(conf) == text
    kong_conf.diff(conf, edition="oss")


@settings(max_examples=counted(2000))
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_an_error_of_the_library(data: bytes) -> None:
    try:
        conf = kong_conf.parse(data)
        assert str(conf).encode("utf-8", "surrogateescape") == data
        kong_conf.rewrite(conf, edition="enterprise").patch()
        kong_conf.resolve(conf, release="3.4", edition="oss")
    except KongLtsError:
        pass


def real_files(reference: Path) -> list[str]:
    folder = reference / "reference/kong-conf/real"
    paths = (path for path in sorted(folder.iterdir()) if path.suffix not in (".json", ".md"))
    return [path.read_bytes().decode("utf-8", "surrogateescape") for path in paths]


def test_real_files_keep_their_behaviour(reference: Path) -> None:
    for text in real_files(reference):
        for edition in Edition:
            conf = kong_conf.parse(text)
            check_behaviour(conf, edition)
            once = kong_conf.rewrite(conf, edition=edition)
            assert kong_conf.rewrite(once.after, edition=edition).text == once.text


def test_damaged_real_files_raise_nothing_foreign(reference: Path) -> None:
    check_damaged([text for text in real_files(reference) if len(text) < 5000])


def test_damaged_golden_files_raise_nothing_foreign() -> None:
    check_damaged(
        [path.read_bytes().decode("utf-8") for path in sorted(GOLDEN.glob("*.conf"))],
    )


def check_damaged(texts: list[str]) -> None:
    """Whatever happens to a file, every byte survives and no exception but the library's comes."""
    luck = random.Random(28)
    for _ in range(counted(6_000)):
        text = damaged(luck.choice(texts), luck)
        try:
            conf = kong_conf.parse(text)
            assert str(conf) == text
            kong_conf.rewrite(conf, edition=luck.choice(list(Edition)))
            kong_conf.resolve(conf, release=luck.choice(list(Release)), edition="oss")
        except KongLtsError:
            pass


def damaged(text: str, luck: random.Random) -> str:
    """The text with a few pieces taken out, doubled, or put in."""
    for _ in range(luck.randint(1, 5)):
        start = luck.randrange(len(text) + 1)
        end = min(len(text), start + luck.randrange(40))
        piece = luck.choice(("", text[start:end] * 2, luck.choice(VALUES), "\\\n", "[", "#", "\r"))
        text = text[:start] + piece + text[end:]
    return text
