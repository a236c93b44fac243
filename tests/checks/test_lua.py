"""The Lua lexer: whatever a file holds, its tokens are its own, and comments never count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_lts.checks.lua import LuaSource, tokens

WORDS = st.sampled_from(
    [
        "local x = 1",
        "--[[ a ]]",
        "-- b",
        "'s'",
        '"t"',
        "[[u]]",
        "[==[v]==]",
        "\n",
        "x.y",
        "0x1F",
        "~=",
    ]
)


@given(st.text(max_size=200))
def test_any_text_at_all_has_tokens(text: str) -> None:
    lines = [token.line for token in tokens(text)]

    assert lines == sorted(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)


@given(st.lists(WORDS, max_size=20).map(" ".join), st.text("abc ]=-'\"", max_size=30))
def test_a_comment_at_the_end_changes_nothing(code: str, comment: str) -> None:
    code = f"{code}\n"

    assert list(tokens(f"{code}-- {comment}")) == list(tokens(code))


@given(st.text("abc[]=-", max_size=30))
def test_a_long_comment_changes_nothing(comment: str) -> None:
    text = f"local a = 1 --[====[{comment}]====] return a"

    assert [t.text for t in tokens(text)] == ["local", "a", "=", "1", "return", "a"]


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ('local a = require "x"', ["x"]),
        ("require('x')", ["x"]),
        ("pcall(require, [[x]])", ["x"]),
        ('require("x." .. name)', []),
        ('-- require "x"', []),
        ("local s = 'require \"x\"'", []),
        ("--[[ require 'x' ]] require 'y'", ["y"]),
        ("kong.log(\"require('x')\")", []),
    ],
)
def test_modules_that_are_required(text: str, modules: list[str]) -> None:
    assert [module for module, _ in LuaSource(text).required] == modules


@pytest.mark.parametrize(
    "text",
    [
        "print(ngx.ctx.balancer_address)",
        'print(ngx.ctx["balancer_address"])',
        "local ctx = ngx.ctx\nprint(ctx.balancer_address)",
        "local c = ngx.ctx\nlocal d = c.balancer_address",
    ],
)
def test_a_name_is_found_by_whatever_way(text: str) -> None:
    assert "ngx.ctx.balancer_address" in {name for name, _ in LuaSource(text).named}


def test_lines_are_counted_through_long_strings() -> None:
    source = LuaSource("local a = [[\n\n]]\nrequire 'x'\n")

    assert source.required == (("x", 4),)
