"""Whatever comes in: an error of the library with its place, or a finding; never half a file."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.declarative import convert, convert_all, read_all
from kong_lts.declarative import source as source_module
from kong_lts.errors import DeclarativeError, KongLtsError, UnreadableFileError
from kong_lts.findings import Severity
from tests.conftest import counted
from tests.declarative.generated import files

HEAD = '_format_version: "2.1"\n'


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: b: c\n", 1, 5),
        (HEAD + "services:\n- name: a\n  b\n", 5, 1),
        (HEAD + "services: [a, b\n", 3, 1),
        (HEAD + "services: *none\n", 2, 11),
        (HEAD + "services: &a [*a]\n", 2, 15),
        (HEAD + "a: 'b\n", 3, 1),
        (HEAD + "a: \x01\n", 2, 4),
        (HEAD + "é: é \x7f\n", 2, 6),
        ("a:\n\t- b\n", 2, 1),
    ],
)
def test_broken_yaml_is_an_error_with_its_place(
    text: str, line: int | None, column: int | None
) -> None:
    with pytest.raises(DeclarativeError) as caught:
        convert(text.encode())

    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("text", ["- a\n", "a\n", "[1, 2]\n", '"x"\n'])
def test_a_file_that_is_no_mapping_is_an_error(text: str) -> None:
    with pytest.raises(DeclarativeError, match="is a mapping"):
        convert(text.encode())


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"# c\n", b"---\n", b"---\n...\n", b"{}", b"\xef\xbb\xbf"]
)
def test_nothing_at_all_stays_the_same_object(data: bytes) -> None:
    conversion = convert(data)

    assert conversion.data is data
    assert conversion.findings == ()
    assert conversion.patch() == ""


def test_bytes_that_are_no_text_are_an_error_with_their_line() -> None:
    with pytest.raises(DeclarativeError, match="not UTF-8") as caught:
        convert(b"a: b\nc: \xff\n")

    assert caught.value.line == 2


def test_a_file_beyond_the_limit_is_refused_at_once() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 1 << 30

    with pytest.raises(DeclarativeError, match="more than"):
        convert(Huge())
    assert source_module.MAX_BYTES < 1 << 30


def laughs(levels: int) -> str:
    lines = ["_comment:", "  a0: &a0 [x, x]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return HEAD + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "tail",
    [
        "services: *a29\n",
        "plugins:\n- name: acl\n  config:\n    whitelist: *a29\n    allow: *a28\n",
        "plugins:\n- name: pre-function\n  config:\n    access: *a29\n",
        "routes:\n- paths: *a29\n",
    ],
)
def test_a_billion_laughs_are_not_laughed(tail: str) -> None:
    began = time.process_time()

    convert((laughs(30) + tail).encode())

    assert time.process_time() - began < 5


def test_services_that_alias_each_other_again_and_again_are_bounded() -> None:
    """Ten services that each hold ten times the routes of the one before."""
    lines = ["services:", "- {name: s0, routes: &r0 [{name: a, paths: ['/a\\d']}]}"]
    for n in range(1, 12):
        route = f"{{name: x, services: [{{routes: *r{n - 1}}}]}}"
        lines.append(f"- {{name: s{n}, routes: &r{n} [{', '.join([route] * 10)}]}}")
    began = time.process_time()

    convert((HEAD + "\n".join(lines) + "\n").encode())

    assert time.process_time() - began < 20


def test_thousands_of_anchors_with_changes_take_no_longer_than_their_lines() -> None:
    lines = ["services:"]
    for n in range(3000):
        lines += [f"- name: s{n}", "  host: h", "  plugins:", "  - name: acl"]
        lines += [f"    config: &c{n} {{whitelist: [b]}}", f"  tags: &t{n} [x]", "  routes:"]
        lines += [f"  - {{name: r{n}, tags: *t{n}, plugins: [{{name: acl, config: *c{n}}}]}}"]
    began = time.process_time()

    conversion = convert((HEAD + "\n".join(lines) + "\n").encode())

    assert conversion.patch().count("+    config: &c") == 3000
    assert time.process_time() - began < 15


@pytest.mark.parametrize("opened", ["[", "{a: ", "- "])
def test_deep_nesting_is_an_error(opened: str) -> None:
    with pytest.raises(DeclarativeError):
        convert((HEAD + "a:\n " + opened * 5000).encode())


def test_half_a_surrogate_pair_in_json_is_an_error_with_its_place() -> None:
    data = b'{"_format_version": "2.1",\n "routes": [{"name": "r", "paths": ["/\\ud800x"]}]}'

    with pytest.raises(DeclarativeError) as caught:
        convert(data)

    assert caught.value.line == 2


def test_a_whole_surrogate_pair_in_json_is_a_character() -> None:
    data = b'{"_format_version": "2.1", "routes": [{"name": "\\ud83d\\ude00", "paths": ["/a b"]}]}'

    assert b'"~/a b"' in convert(data).data


def test_deep_nesting_in_json_is_an_error() -> None:
    with pytest.raises(DeclarativeError):
        convert(('{"a":' + "[" * 5000 + "]" * 5000 + "}").encode())


WRONG = ("5", "text", "null", "[]", "{}", "[5]", "[null]", "[[]]", "[{}]", "{a: b}", "true", "~")
KEYS = ("services", "routes", "plugins", "consumers", "upstreams", "_info", "_workspace")


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("key", [*KEYS, "_plugin_configs", "_format_version", "_comment"])
def test_a_wrong_type_at_the_top_is_no_crash(key: str, wrong: str) -> None:
    convert(f"{key}: {wrong}\n".encode(), keep_behaviour=True, after_upgrade=True)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    "text",
    [
        "routes: [{name: WRONG}]",
        "routes: [{paths: WRONG}]",
        "routes: [{paths: [/a, WRONG]}]",
        "routes: [{headers: WRONG}]",
        "routes: [{headers: {a: WRONG}}]",
        "routes: [{regex_priority: WRONG, path_handling: WRONG, tags: WRONG}]",
        "plugins: [{name: WRONG, config: {whitelist: [a]}}]",
        "plugins: [{name: acl, config: WRONG}]",
        "plugins: [{name: acl, config: {whitelist: WRONG, allow: WRONG}}]",
        "plugins: [{name: acl, enabled: WRONG, _config: WRONG}]",
        "plugins: [{name: http-log, config: {headers: WRONG, queue_size: WRONG}}]",
        "plugins: [{name: http-log, config: {headers: {a: WRONG}, queue: WRONG, queue_size: 3}}]",
        "plugins: [{name: session, config: {logout_methods: WRONG, cookie_samesite: WRONG}}]",
        "plugins: [{name: pre-function, config: {functions: WRONG, access: WRONG}}]",
        "plugins: [{name: syslog, config: {facility: WRONG}}]",
        "plugins: [{name: acme, config: {storage: vault, storage_config: {vault: WRONG}}}]",
        "plugins: [{name: jwt, config: {cookie_names: WRONG, anonymous: WRONG}}]",
        "upstreams: [{name: u, targets: WRONG}]",
        "upstreams: [{name: u, targets: [{target: WRONG}, {target: WRONG}]}]",
        "consumers: [{username: WRONG, keyauth_credentials: [{key: WRONG}]}]",
        "_info: {defaults: WRONG}",
        "_info: {defaults: {route: WRONG}}",
        "_plugin_configs: {a: WRONG}\nplugins: [{name: acl, _config: a}]",
    ],
)
def test_a_wrong_type_further_down_is_no_crash(text: str, wrong: str) -> None:
    data = (HEAD + text.replace("WRONG", wrong) + "\n").encode()

    for arguments in ({}, {"keep_behaviour": True, "after_upgrade": True, "mode": "traditional"}):
        conversion = convert(data, **arguments)  # type: ignore[arg-type] # a mapping of both types
        assert conversion.findings


@pytest.mark.parametrize(
    ("version", "rule"),
    [
        ("2.1", "declarative-format-type"),
        ('"2.0"', "declarative-format-unknown"),
        ('"3.1"', "declarative-format-unknown"),
        ("[a]", "declarative-format-type"),
        ("true", "declarative-format-type"),
    ],
)
def test_a_format_that_nobody_knows_converts_nothing(version: str, rule: str) -> None:
    data = (
        f"_format_version: {version}\nroutes: [{{paths: ['/a\\d']}}]\n"
        "plugins: [{name: acl, config: {whitelist: [a]}}]\n"
    ).encode()

    conversion = convert(data)

    assert conversion.data is data
    assert conversion.applied == ()
    assert rule in [f.rule for f in conversion.findings if f.severity is Severity.BLOCKER]


def test_a_key_given_twice_is_converted_as_it_is_read_the_last_one_counts() -> None:
    text = HEAD + "plugins:\n- name: acl\n  config:\n    whitelist: [a]\n    whitelist: [b]\n"

    converted = convert(text.encode()).data.decode()

    assert converted.endswith("  config:\n    allow: [b]\n")


@settings(max_examples=counted(2000))
@given(file=files(), seed=st.integers(0, 2**32))
def test_a_damaged_file_is_an_error_of_the_library_or_is_converted(
    file: tuple[str, object], seed: int
) -> None:
    chance = random.Random(seed)
    data = bytearray(file[0].encode())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        piece = chance.choice(
            [
                b"",
                b"\n",
                b" ",
                b": ",
                b"- ",
                b"'",
                b'"',
                b"[",
                b"}",
                b"&a ",
                b"*a",
                b"<<: ",
                b"\xff",
                b"|\n",
                b"#",
                b"~",
                b"\x00",
                b"%",
            ]
        )
        data[at : at + chance.randint(0, 5)] = piece
    try:
        once = convert(bytes(data), keep_behaviour=True, mode="traditional", edition="oss")
    except KongLtsError:
        return
    assert all(finding.location is not None for finding in once.findings)
    again = convert(once.data, keep_behaviour=True, mode="traditional", edition="oss")
    assert again.data is once.data


@pytest.mark.parametrize(
    "argument", [{"mode": "cloud"}, {"edition": "gold"}, {"router_flavor": "vanilla"}]
)
def test_an_argument_that_is_none_of_its_values_is_refused(argument: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(argument.values()))):
        convert(b"", **argument)  # type: ignore[arg-type] # that is the point


def test_a_folder_is_converted_together(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + "plugins:\n- {name: acl, _config: shared}\n")
    (tmp_path / "b.yml").write_text("_plugin_configs:\n  shared: {whitelist: [a]}\n")
    (tmp_path / "c.json").write_text('{"routes": [{"paths": ["/a b"]}]}')
    (tmp_path / "README.md").write_text("no state\n")

    converted = convert_all(read_all(tmp_path))

    texts = {Path(path).name: found.data.decode() for path, found in converted.items()}
    assert texts == {
        "a.yaml": '_format_version: "3.0"\nplugins:\n- {name: acl, _config: shared}\n',
        "b.yml": "_plugin_configs:\n  shared: {allow: [a]}\n",
        "c.json": '{"routes": [{"paths": ["~/a b"]}]}',
    }
    found = converted[str(tmp_path / "b.yml")].findings[0]
    assert str(found.location) == f"{tmp_path / 'b.yml'}:2:12"


def test_a_folder_of_format_3_0_has_the_paths_of_3_4_in_all_its_files() -> None:
    files = {"a": b'_format_version: "3.0"\n', "b": b"routes: [{paths: [/a b]}]\n"}

    assert convert_all(files)["b"].data is files["b"]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError):
        read_all(tmp_path / "none.yml")


def test_an_error_names_the_file_of_a_folder() -> None:
    with pytest.raises(DeclarativeError, match=r"b\.yml:1"):
        convert_all({"a.yml": b"", "b.yml": b"a: b: c\n"})


@pytest.mark.parametrize("number", ["0x" + "f" * 400, "9" * 5_000, "1e999", "-" + "9" * 400])
def test_no_number_is_too_large(number: str) -> None:
    text = f"""\
_format_version: "1.1"
services:
- name: s
  host: h
  port: {number}
  plugins:
  - name: http-log
    config: {{retry_count: {number}, queue_size: {number}, flush_timeout: {number}}}
"""

    assert b"http-log" in convert(text.encode()).data
