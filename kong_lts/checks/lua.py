"""A small lexer for Lua, and what a source requires, names, sets and says.

Comments never count, whatever stands in them, and a string is a string: `"require 'x'"` requires
nothing.
"""

import functools
import re
from collections.abc import Iterator

import attrs

__all__ = ["LuaSource", "Token", "tokens"]

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+|\A\#![^\n]*)
  | (?P<comment>--\[(?P<ceq>=*)\[.*?(?:\](?P=ceq)\]|\Z)|--[^\n]*)
  | (?P<long>\[(?P<eq>=*)\[.*?(?:\](?P=eq)\]|\Z))
  | (?P<string>"(?:[^"\\\n]|\\.)*(?:"|(?=\n)|\Z)|'(?:[^'\\\n]|\\.)*(?:'|(?=\n)|\Z))
  | (?P<number>0[xX][0-9a-fA-F.]+(?:[pP][+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>\.\.\.|\.\.|==|~=|<=|>=|::|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(z\s*|x[0-9a-fA-F]{2}|\d{1,3}|\r?\n|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@attrs.frozen
class Token:
    """One token that counts."""

    kind: str
    """`string`, `number`, `name` or `sign`."""
    text: str
    """Of a string, what it says."""
    line: int


def tokens(source: str) -> Iterator[Token]:
    """The tokens of a source without blanks and comments; anything at all can be read."""
    line = 1
    for found in _TOKEN.finditer(source):
        kind, text = found.lastgroup or "sign", found[0]
        if kind in ("ceq", "comment", "space"):
            pass
        elif kind in ("long", "eq"):
            yield Token("string", _long(text), line)
        elif kind == "string":
            yield Token("string", _said(text), line)
        else:
            yield Token(kind, text, line)
        line += text.count("\n")


def _long(text: str) -> str:
    level = text.index("[", 1) + 1
    body = text[level:]
    end = "]" + "=" * (level - 2) + "]"
    body = body.removesuffix(end)
    return body[1:] if body.startswith("\n") else body


def _said(text: str) -> str:
    body = text[1:-1] if len(text) > 1 and text[-1] == text[0] else text[1:]
    return _ESCAPE.sub(_unescaped, body) if "\\" in body else body


def _unescaped(found: re.Match[str]) -> str:
    inner = found[1]
    if inner[0] == "z":
        return ""
    if inner[0] == "x" and len(inner) == 3:
        return chr(int(inner[1:], 16))
    if inner.isdecimal():
        return chr(min(int(inner), 255))
    return _SIMPLE.get(inner, inner)


@attrs.define(eq=False)
class LuaSource:
    """One Lua file, taken apart."""

    text: str = attrs.field(repr=False)

    @functools.cached_property
    def all(self) -> tuple[Token, ...]:
        return tuple(tokens(self.text))

    @functools.cached_property
    def required(self) -> tuple[tuple[str, int], ...]:
        """Modules that are required by a name that stands there, and their lines.

        `require "x"`, `require("x")`, `pcall(require, "x")` and package.loaded["x"] count.
        """
        found = []
        for at, token in enumerate(self.all):
            if token.text in ("require", "load_module_if_exists") and token.kind == "name":
                after = self.all[at + 1 : at + 3]
                skipped = after[1:] if after and after[0].text in ("(", ",") else after
                if skipped and skipped[0].kind == "string":
                    follows = self.text_at(at + len(after) - len(skipped) + 2)
                    if follows != "..":
                        found.append((skipped[0].text, token.line))
        return tuple(found)

    def text_at(self, at: int) -> str:
        """The text of a token; nothing beyond the end."""
        return self.all[at].text if 0 <= at < len(self.all) else ""

    @functools.cached_property
    def _aliases(self) -> dict[str, str]:
        """Local names of dotted names and modules, as in `local ctx = ngx.ctx`."""
        found: dict[str, str] = {}
        for at, token in enumerate(self.all):
            if token.text != "local" or token.kind != "name":
                continue
            if self.text_at(at + 2) != "=" or self.all[at + 1].kind != "name":
                continue
            name, end = self._dotted(at + 3, found)
            if name and self.text_at(end) not in ("(", "[", ":") and "." in name:
                found[self.all[at + 1].text] = name
            elif self.text_at(at + 3) == "require":
                module = next((m for m, _ in self._require_at(at + 3)), None)
                if module:
                    found[self.all[at + 1].text] = f"<{module}>"
        return found

    def _require_at(self, at: int) -> Iterator[tuple[str, int]]:
        for token in self.all[at + 1 : at + 3]:
            if token.kind == "string":
                yield token.text, token.line

    def _dotted(self, at: int, aliases: dict[str, str]) -> tuple[str, int]:
        """The dotted name that begins at a token, `a["b"]` as `a.b`, and where it ends."""
        if at >= len(self.all) or self.all[at].kind != "name":
            return "", at
        parts = [aliases.get(self.all[at].text, self.all[at].text)]
        at += 1
        while True:
            sign = self.text_at(at)
            if sign in (".", ":") and at + 1 < len(self.all) and self.all[at + 1].kind == "name":
                parts.append(self.all[at + 1].text)
                at += 2
            elif (
                sign == "["
                and at + 2 < len(self.all)
                and self.all[at + 1].kind == "string"
                and self.text_at(at + 2) == "]"
            ):
                parts.append(self.all[at + 1].text)
                at += 3
            else:
                return ".".join(parts), at

    @functools.cached_property
    def named(self) -> tuple[tuple[str, int], ...]:
        """Every dotted name with its line; local names of parts are resolved."""
        found = []
        at = 0
        while at < len(self.all):
            token = self.all[at]
            before = self.text_at(at - 1)
            if token.kind == "name" and before not in (".", ":"):
                name, end = self._dotted(at, self._aliases)
                if "." in name:
                    found.append((name, token.line))
                at = max(end, at + 1)
            else:
                at += 1
        return tuple(found)

    @functools.cached_property
    def keys(self) -> tuple[tuple[str, int, Token | None], ...]:
        """Keys that a table gets, with the token that follows the `=`.

        `{ a = 1 }`, `{ ["a"] = 1 }`, `t.a = 1` and `t["a"] = 1`; no local and no global names.
        """
        found = []
        for at, token in enumerate(self.all[:-1]):
            if token.kind == "sign" and token.text == "=":
                before, earlier = self.text_at(at - 1), self.text_at(at - 2)
                value = self.all[at + 1]
                if before == "]" and self.all[at - 2].kind == "string":
                    found.append((self.all[at - 2].text, token.line, value))
                elif at and self.all[at - 1].kind == "name" and earlier in (".", "{", ",", ";"):
                    found.append((before, token.line, value))
        return tuple(found)

    @functools.cached_property
    def methods(self) -> frozenset[str]:
        """Names of functions that a table gets: `function T:access()`, `T.access = function`."""
        found = {key for key, _, value in self.keys if value and value.text == "function"}
        for at, token in enumerate(self.all):
            if token.text == "function" and token.kind == "name":
                _, end = self._dotted(at + 1, {})
                if end - at > 2:
                    found.add(self.all[end - 1].text)
        return frozenset(found)

    @functools.cached_property
    def strings(self) -> tuple[tuple[str, int], ...]:
        """Every string with its line."""
        return tuple((token.text, token.line) for token in self.all if token.kind == "string")

    @functools.cached_property
    def returned(self) -> int | None:
        """Number of the token after the last `return` outside of functions; None without one."""
        at = max((n for n, token in enumerate(self.all) if token.text == "return"), default=None)
        return None if at is None else at + 1
