"""The smaller parts of the routers: hosts, ties, the priority of 3.4."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.routing.router.causes import Cause
from kong_lts.routing.router.hosts import HostPort, WildcardHosts, split_port
from kong_lts.routing.router.priority import Priority, deciding
from kong_lts.routing.router.ties import lua_sorted
from tests.conftest import counted


@pytest.mark.parametrize(
    ("host", "name", "with_port", "has_port"),
    [
        ("a.test", "a.test", "a.test:80", False),
        ("a.test:81", "a.test", "a.test:81", True),
        ("a.test:", "a.test", "a.test:80", False),
        ("a.test:x", "a.test:x", "[a.test:x]:80", False),
        ("a:1:2", "a:1:2", "[a:1:2]:80", False),
        ("[::1]", "::1", "[::1]:80", False),
        ("[::1]:81", "::1", "[::1]:81", True),
        ("[::1]:", "::1", "[::1]:80", False),
        ("[::1]:x", "[::1]:x", "[::1]:x:80", False),
        ("", "", ":80", False),
    ],
)
def test_a_host_is_taken_apart(host: str, name: str, with_port: str, has_port: bool) -> None:
    assert split_port(host, "80") == HostPort(name, with_port, has_port)


@pytest.mark.parametrize("host", ["a.test", "a.test:", "[::1]", "a:x"])
def test_without_a_default_no_port_is_added(host: str) -> None:
    assert not split_port(host, "").has_port


LABELS = st.sampled_from(["a", "b", "test", "", "1"])
HOSTS = st.tuples(st.lists(LABELS, min_size=1, max_size=4), st.sampled_from(["", ":80", ":81"]))
WILDCARDS = ("*.test", "*.a.test", "a.*", "a.b.*", "*.test:81", "*.1:80", "b.*")


@settings(max_examples=counted(1000))
@given(labels_and_port=HOSTS)
def test_a_wildcard_takes_what_the_expression_of_kong_does(
    labels_and_port: tuple[list[str], str],
) -> None:
    labels, port = labels_and_port
    host = split_port(".".join(labels) + port, "80")

    wanted = [
        wildcard
        for wildcard in WILDCARDS
        if re.fullmatch(
            wildcard.replace(".", r"\.").replace("*", ".+")
            + ("" if ":" in wildcard else r"(?::\d+)?"),
            host.with_port,
        )
    ]
    assert WildcardHosts(WILDCARDS).taking(host) == wanted


@settings(max_examples=counted(1000))
@given(keys=st.lists(st.integers(0, 5), max_size=40), data=st.data())
def test_the_sort_of_lua_sorts(keys: list[int], data: st.DataObject) -> None:
    numbers = data.draw(st.permutations(range(len(keys))))

    order = lua_sorted(numbers, [(key,) for key in keys])

    assert sorted(order) == list(range(len(keys)))
    assert [keys[number] for number in order] == sorted(keys)


def test_the_sort_of_lua_keeps_no_order_among_equals() -> None:
    """As recorded: of six routes in three pairs, loaded with the sixth in front."""
    keys = [(-2.0,), (-2.0,), (0.0,), (0.0,), (0.0,), (0.0,)]

    assert lua_sorted([5, 0, 1, 2, 3, 4], keys)[:2] == [1, 0]


def priority(**fields: int) -> Priority:
    """One with these parts."""
    usual = {"criteria": 1, "headers": 0, "regex_priority": 0, "length": 0}
    flags = {"plain_hosts": False, "is_regex": False}
    return Priority(**{**usual, **flags, **fields})  # type: ignore[arg-type] # flags are ints too


@pytest.mark.parametrize(
    ("winner", "loser", "cause"),
    [
        ({}, {}, Cause.GREATEST_ID),
        ({"length": 2}, {"length": 1}, Cause.LONGER_PREFIX),
        ({"headers": 2}, {"headers": 1}, Cause.HEADER_COUNT),
        ({"is_regex": 1}, {"criteria": 3}, Cause.REGEX_OVER_PREFIX),
        ({"plain_hosts": 1}, {"is_regex": 1, "criteria": 3}, Cause.EXACT_HOSTS),
        ({"criteria": 4}, {"plain_hosts": 1, "criteria": 3}, Cause.NEGATIVE_PRIORITY),
        (
            {"is_regex": 1, "regex_priority": -1},
            {"is_regex": 1, "regex_priority": 9},
            Cause.NEGATIVE_PRIORITY,
        ),
        (
            {"is_regex": 1, "regex_priority": 4096},
            {"is_regex": 1, "plain_hosts": 1},
            Cause.NEGATIVE_PRIORITY,
        ),
        (
            {"is_regex": 1, "regex_priority": 2048},
            {"is_regex": 1, "criteria": 2},
            Cause.PRIORITY_IN_CRITERIA,
        ),
        ({"is_regex": 1, "regex_priority": 1}, {"is_regex": 1}, Cause.REGEX_PRIORITY),
    ],
)
def test_the_priority_of_3_4_says_what_decides(
    winner: dict[str, int], loser: dict[str, int], cause: Cause
) -> None:
    first, second = priority(**winner), priority(**loser)

    assert deciding(first, second) == cause
    assert first.number >= second.number
    assert (first.number == second.number) == (cause == Cause.GREATEST_ID)


@pytest.mark.parametrize(
    ("regex_priority", "overflows"),
    [(4095, False), (4096, True), (8191, True), (8192, False), (-1, True)],
)
def test_the_bits_of_a_regex_priority_run_over(regex_priority: int, overflows: bool) -> None:
    assert priority(is_regex=1, regex_priority=regex_priority).overflows == overflows
