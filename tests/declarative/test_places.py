"""Routes and plugins are converted wherever they stand, in whatever style they are written."""

import json

import pytest
from ruamel.yaml import YAML

from kong_lts.declarative import convert
from kong_lts.findings import Severity

HEAD = '_format_version: "2.1"\n'

PLACES = {
    "top level": "plugins:\n- PLUGIN\n",
    "service": "services:\n- name: s\n  plugins:\n  - PLUGIN\n",
    "route of a service": (
        "services:\n- name: s\n  routes:\n  - name: r\n    plugins:\n    - PLUGIN\n"
    ),
    "route": "routes:\n- name: r\n  plugins:\n  - PLUGIN\n",
    "consumer": "consumers:\n- username: c\n  plugins:\n  - PLUGIN\n",
    "consumer group": "consumer_groups:\n- name: g\n  plugins:\n  - PLUGIN\n",
    "consumer of a group": (
        "consumer_groups:\n- name: g\n  plugins:\n  - PLUGIN\n  consumers:\n  - username: c\n"
    ),
}
PLUGIN = "{name: acl, config: {whitelist: [a]}}"


@pytest.mark.parametrize("place", PLACES)
def test_a_plugin_is_converted_wherever_it_stands(place: str) -> None:
    text = HEAD + PLACES[place].replace("PLUGIN", PLUGIN)

    converted = convert(text.encode()).data.decode()

    wanted = text.replace("2.1", "3.0").replace("whitelist", "allow")
    assert converted == wanted


@pytest.mark.parametrize(
    "text",
    [
        "plugins:\n- name: my-guard\n  config:\n    plugins:\n    - {name: acl, whitelist: [a]}\n",
        "plugins:\n- name: my-guard\n  config: {routes: [{paths: ['/a\\d']}]}\n",
        "services:\n- name: s\n  tags: [routes, plugins, whitelist]\n",
        "_comment: {plugins: [{name: acl, config: {whitelist: [a]}}]}\n",
    ],
)
def test_what_only_looks_like_an_entity_is_left_alone(text: str) -> None:
    converted = convert((HEAD + text).encode()).data.decode()

    assert converted == HEAD.replace("2.1", "3.0") + text


@pytest.mark.parametrize("place", ["routes:\n", "services:\n- name: s\n  routes:\n"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (r"/a\d", r"~/a\d"),
        (r"'/a\d'", r"'~/a\d'"),
        (r'"/a\\d"', r'"~/a\\d"'),
        ('"/a\\u005Cd"', '"~/a\\u005Cd"'),
        ("/a%20", "'/a '"),
        ("/%27a", "/%27a"),
        ("'/%22a'", "'/\"a'"),
        ("/it''s'", "~/it''s'"),
        ("'/it''s%20'", "'~/it''s '"),
        ("/a%0A", '"/a\\n"'),
        ("/a%7F", '"/a\\x7F"'),
        ("/a%C3%A9", "/aé"),
        ("/a%7Bb%7D", "/a{b}"),
        ("|-\n        /a\\d", "'~/a\\d'"),
        (">-\n        /a\\d", "'~/a\\d'"),
        ("!!str /a\\d", "!!str ~/a\\d"),
        ("&p /a\\d", "&p ~/a\\d"),
    ],
)
def test_a_path_keeps_its_style_if_that_can_hold_it(place: str, before: str, after: str) -> None:
    indent = "  " if "services" in place else ""
    text = HEAD + place + f"{indent}- paths:\n{indent}  - {before}   \n{indent}  - /b # c\n"
    if before.startswith(("|", ">")):
        text = text.replace("   \n", "\n", 1)

    converted = convert(text.encode()).data.decode()

    lines = [line.strip() for line in converted.splitlines()]
    assert f"- {after}" in lines
    assert f"{indent}  - /b # c" in converted.splitlines()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[/a\\d, /b]", "[~/a\\d, /b]"),
        ("[ '/a,\\d' ]", "[ '~/a,\\d' ]"),
        ("[/a%2Cb%7D]", "['/a%2Cb}']"),
        ("[/a%20b]", "[/a b]"),
    ],
)
def test_a_path_in_a_flow_list_stays_one_item(before: str, after: str) -> None:
    converted = convert((HEAD + f"routes:\n- paths: {before}   # c\n").encode()).data.decode()

    assert f"- paths: {after}   # c\n" in converted


def test_json_stays_json() -> None:
    text = """{
  "_format_version": "2.1",
  "services": [{"name": "\\ud83d\\ude00", "routes": [{"paths": ["\\/a\\\\d", "/caf%C3%A9"]}]}],
  "plugins": [
    {"name": "aws-lambda", "config": {"proxy_scheme": "https", "aws_region": "x"}},
    {"name": "acl", "config": {"whitelist": ["a"], "hide_groups_header": true}}
  ]
}
"""

    document = json.loads(convert(text.encode()).data)

    assert document["services"][0]["routes"][0]["paths"] == ["~/a\\d", "/café"]
    assert document["plugins"][0]["config"] == {"aws_region": "x"}
    assert document["plugins"][1]["config"] == {"allow": ["a"], "hide_groups_header": True}
    assert document["_format_version"] == "3.0"


def test_every_document_of_a_file_is_converted_by_its_own_format() -> None:
    text = (
        '_format_version: "2.1"\nroutes:\n- paths: [/a b]\n---\n'
        '_format_version: "3.0"\nroutes:\n- paths: [/a b]\n...\n'
    )

    converted = convert(text.encode()).data.decode()

    assert converted == text.replace("2.1", "3.0").replace("[/a b]", "[~/a b]", 1)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_stay(ending: str, mark: str) -> None:
    text = f"{mark}{HEAD}routes:\n- paths:\n  - /a\\d\n  plugins:\n  - {PLUGIN}\n".replace(
        "\n", ending
    )

    converted = convert(text.encode(), keep_behaviour=True).data.decode()

    wanted = text.replace("2.1", "3.0").replace("whitelist", "allow").replace("/a\\d", "~/a\\d")
    assert converted == wanted


def test_utf_16_stays_utf_16() -> None:
    text = "\ufeff" + HEAD + "routes:\n- paths: [/é]\n"

    converted = convert(text.encode("utf-16-be")).data.decode("utf-16-be")

    assert converted == text.replace("2.1", "3.0").replace("/é", "~/é")


def test_a_variable_of_deck_is_never_expanded() -> None:
    text = (
        HEAD + "services:\n- name: ${{ env \"PATH\" }}\n  port: ${{ env 'DECK_PORT' | toInt }}\n"
        '  host: "${{ env "DECK_HOST" }}"\n  routes:\n  - paths:\n    - ${{ env "DECK_PATH" }}\n'
        "    - /a\\d\nplugins:\n- name: http-log\n  config:\n    headers:\n"
        '      X-A: [a, "${{ env "DECK_A" }}"]\n'
    )

    conversion = convert(text.encode())

    wanted = text.replace("2.1", "3.0").replace("- /a", "- ~/a")
    wanted = wanted.replace('[a, "${{ env "DECK_A" }}"]', "'a, ${{ env \"DECK_A\" }}'")
    assert conversion.data.decode() == wanted
    assert any(f.rule == "route-path-from-variable" for f in conversion.findings)


def test_a_shared_config_is_converted_for_the_plugins_that_refer_to_it() -> None:
    text = (
        HEAD + "plugins:\n- {name: acl, _config: one}\n- {name: my-guard, _config: two}\n"
        "_plugin_configs:\n  one: {whitelist: [a]}\n  two: {whitelist: [a]}\n"
    )

    converted = convert(text.encode()).data.decode()

    assert "one: {allow: [a]}" in converted
    assert "two: {whitelist: [a]}" in converted


def test_a_shared_config_that_others_need_as_it_is_is_left_and_blocks() -> None:
    text = (
        HEAD + "_plugin_configs:\n  one: {whitelist: [a]}\nplugins:\n- {name: acl, _config: one}\n"
        "- {name: my-guard, _config: one}\n"
    )

    conversion = convert(text.encode())

    assert "one: {whitelist: [a]}" in conversion.data.decode()
    blockers = [f.rule for f in conversion.findings if f.severity is Severity.BLOCKER]
    assert blockers == ["declarative-shared-conflict", "plugin-acl-whitelist"]


def test_the_defaults_of_deck_are_routes_too() -> None:
    text = HEAD + "_info:\n  defaults:\n    route: {path_handling: v1, paths: ['/a\\d']}\n"

    conversion = convert(text.encode())

    assert "paths: ['~/a\\d']" in conversion.data.decode()
    found = next(f for f in conversion.findings if f.rule == "route-path-handling-v1")
    assert found.subject == "the defaults of routes"


def test_merge_keys_and_aliases_are_followed_and_edited_once() -> None:
    text = HEAD + (
        "services:\n- &base\n  name: a\n  plugins: &plugins\n  - name: acl\n    config: &config\n"
        "      whitelist: [a]\n- <<: *base\n  name: b\n- name: c\n  plugins: *plugins\n"
        "- name: d\n  plugins:\n  - name: acl\n    config:\n      <<: *config\n"
        "      whitelist: [b]\n"
    )

    conversion = convert(text.encode())

    assert conversion.data.decode() == text.replace("2.1", "3.0").replace("whitelist", "allow")
    assert {f.subject for f in conversion.findings if f.rule.endswith("through-alias")} == {
        "anchor base",
        "anchor plugins",
        "anchor config",
    }


def test_what_is_loaded_is_what_was_loaded_but_for_the_change() -> None:
    """The converted file, parsed, is the parsed file with the change made."""
    text = HEAD + "services:\n- name: 0o17\n  tags: [yes, 1e3, ~, 0x1F, 12345678901234567]\n"
    yaml = YAML(typ="safe")

    converted = yaml.load(convert(text.encode()).data)

    assert converted == {**yaml.load(text), "_format_version": "3.0"}


@pytest.mark.parametrize("value", ["{name: s, url: http://h:80/x}", "{name: s, url: http://h}"])
def test_an_address_in_flow_style_is_read_as_kong_reads_it(value: str) -> None:
    text = f"{HEAD}services:\n- {value}\nplugins: [{PLUGIN}]\n"

    converted = convert(text.encode()).data.decode()

    assert converted == text.replace("2.1", "3.0").replace("whitelist", "allow")


def test_json_stays_a_text_that_a_yaml_parser_takes() -> None:
    text = json.dumps({"_format_version": "2.1", "routes": [{"paths": ["/%7F\\d"]}]})

    converted = convert(text.encode()).data.decode()

    assert "\x7f" not in converted
    assert json.loads(converted)["routes"][0]["paths"] == ["~/\x7f\\d"]


def test_what_is_switched_off_is_not_warned_of_and_still_converted() -> None:
    text = f"{HEAD}plugins:\n- {{name: prometheus, enabled: false}}\n- {PLUGIN}\n"

    conversion = convert(text.replace("name: acl", "name: acl, enabled: false").encode())

    assert b"allow: [a]" in conversion.data
    rules = {f.rule for f in conversion.findings if f.severity is not Severity.INFO}
    assert rules == {"plugin-acl-whitelist"}
