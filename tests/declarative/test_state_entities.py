"""Counting what a state file holds, and leaving basic-auth credentials out of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_lts.declarative.state_entities import entities_of, without_basic_auth
from kong_lts.errors import DeclarativeError

STATE = b"""\
_format_version: "1.1"
# who may log in
consumers:
- basicauth_credentials:
  - id: 0adcdb77-5ebe-4c07-85f8-155df9a03dc8
    password: "5:six"   # a hash
    username: user0
  - password: 12
    username: user1
    tags: [a, b]
  groups:
  - name: gold
  keyauth_credentials:
  - key: k
  username: user0
- username: user2
  basicauth_credentials:

  # a comment: with a colon
  - username: user2
    password: |
      a
      b
consumer_groups:
- name: gold
  plugins:
  - name: rate-limiting-advanced
services:
- name: a
  routes:
  - id: r1
    plugins:
    - name: cors
plugins:
- name: prometheus
"""


def test_every_entity_is_counted_by_its_kind() -> None:
    kinds = [kind for kind, _ in entities_of(STATE)]

    assert sorted(kinds) == sorted(
        [
            *("consumers", "consumers", "groups", "keyauth_credentials", "services", "routes"),
            *("basicauth_credentials", "basicauth_credentials", "basicauth_credentials"),
            *("plugins", "plugins", "consumer_groups", "consumer_group_plugins"),
        ]
    )


def test_by_its_id_or_its_place() -> None:
    found = dict(entities_of(STATE))

    assert found["routes"] == "r1"
    assert found["services"].startswith("at ")


def test_all_credentials_are_left_out_and_nothing_else() -> None:
    text, gone = without_basic_auth(STATE)

    assert gone == ("user0", "user1", "user2")
    assert (
        text
        == STATE[: STATE.index(b"- basic")]
        + b"""\
- basicauth_credentials: []
  groups:
  - name: gold
  keyauth_credentials:
  - key: k
  username: user0
- username: user2
  basicauth_credentials: []
"""
        + STATE[STATE.index(b"consumer_groups:") :]
    )


def test_or_only_those_that_are_named() -> None:
    text, gone = without_basic_auth(STATE, frozenset({"user0"}))

    assert gone == ("user0",)
    kept = b'basicauth_credentials: [{"password": 12, "username": "user1", "tags": ["a", "b"]}]\n'
    assert kept in text
    assert b"username: user2" in text


def test_a_file_without_any_is_the_same() -> None:
    data = b"_format_version: '1.1'\nconsumers:\n- username: a\n  basicauth_credentials: []\n"

    assert without_basic_auth(data) == (data, ())
    assert without_basic_auth(STATE, frozenset({"nobody"})) == (STATE, ())


def test_no_yaml_is_an_error() -> None:
    with pytest.raises(DeclarativeError):
        without_basic_auth(b"a: [")
    with pytest.raises(DeclarativeError):
        list(entities_of(b"a: ["))


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6)


@given(st.lists(st.tuples(TEXTS, TEXTS, st.booleans()), unique_by=lambda one: one[0]))
def test_json_keeps_everything_else(users: list[tuple[str, str, bool]]) -> None:
    state = {
        "_format_version": "1.1",
        "consumers": [
            {
                "username": "c",
                "basicauth_credentials": [{"username": n, "password": p}],
                "x": [1.50],
            }
            for n, p, _ in users
        ],
    }
    leaving = frozenset(name for name, _, leaves in users if leaves)

    text, gone = without_basic_auth(json.dumps(state).encode(), leaving)

    assert set(gone) == leaving
    left = [c["basicauth_credentials"] for c in json.loads(text)["consumers"]]
    assert left == [[] if leaves else [{"username": n, "password": p}] for n, p, leaves in users]
