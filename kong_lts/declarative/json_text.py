"""Reads a declarative file that is JSON; libyaml does not take all of JSON's escapes."""

import json
import re
from collections.abc import Iterator

import attrs

from kong_lts.declarative.document import DEEPEST, Piece, Root, Tree
from kong_lts.declarative.nodes import Mapping, Node, Scalar, Sequence
from kong_lts.declarative.source import Source
from kong_lts.errors import DeclarativeError

__all__ = ["is_json", "read"]

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_TOKEN = re.compile(r'[ \t\r\n]*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)')


def is_json(source: Source) -> bool:
    """Whether the whole text is a JSON object as Kong takes one.

    Half of a surrogate pair alone is refused there as an escape, and by libyaml with its place.
    """
    if not source.parsed.lstrip(" \t\r\n").startswith("{"):
        return False
    try:
        value = json.loads(source.parsed)
        if _SURROGATE.search(source.parsed):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise DeclarativeError(f"nested more than {DEEPEST} levels deep") from None
    except ValueError:  # as what cannot be encoded is one
        return False
    return True


def read(source: Source) -> Iterator[Piece | Root]:
    """The object as its pieces and then its root; the text is known to be JSON."""
    tokens = _Tokens(source.parsed)
    tree = Tree()
    _, start, _ = tokens.take()
    root = Mapping(start, flow=True)
    while (token := tokens.take())[0] != "}":
        if token[0] == ",":
            continue
        key = _scalar(*token)
        tokens.take()  # the colon
        node = tokens.node(tokens.take(), 1)
        root.pairs.append((key, node, node.end))
        if isinstance(node, Sequence):
            for number, item in enumerate(node.items, 1):
                yield Piece(key, item, number)
        else:
            yield Piece(key, node)
    root.end = token[2]
    yield Root(root, tree)


_Token = tuple[str, int, int]
"""Text, start and end."""


@attrs.define(eq=False)
class _Tokens:
    """The text in pieces."""

    text: str
    at: int = 0

    def take(self) -> _Token:
        found = _TOKEN.match(self.text, self.at)
        assert found is not None  # the text is known to be JSON
        self.at = found.end()
        return found[1], found.start(1), found.end()

    def node(self, token: _Token, depth: int) -> Node:
        """The value that begins with a token."""
        text, start, end = token
        if text not in ("{", "["):
            return _scalar(text, start, end)
        if depth > DEEPEST:
            raise DeclarativeError(f"nested more than {DEEPEST} levels deep")
        made: Mapping | Sequence = Mapping(start, True) if text == "{" else Sequence(start, True)
        while (token := self.take())[0] not in ("}", "]"):
            if token[0] == ",":
                continue
            if isinstance(made, Sequence):
                made.items.append(self.node(token, depth + 1))
                continue
            key = _scalar(*token)
            self.take()  # the colon
            value = self.node(self.take(), depth + 1)
            made.pairs.append((key, value, value.end))
        made.end = token[2]
        return made


def _scalar(text: str, start: int, end: int) -> Scalar:
    if text.startswith('"'):
        return Scalar(json.loads(text), start, end, '"', plain=False)
    return Scalar(text, start, end, None, plain=True)
