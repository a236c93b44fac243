"""Reads the plain block style in which most declarative files are written, without libyaml.

It takes a subset of YAML that leaves no doubt: block mappings and lists, scalars on one line,
comments. What else a line may hold, as `{...}` or `|`, libyaml is asked about, for that alone.
Anything beyond (anchors, tags, several documents, scalars over several lines, tabs) is declined,
and the caller reads the whole file by libyaml. What is read here, libyaml reads alike; nothing is
accepted here that it would refuse.
"""

import json
import re
from collections.abc import Collection, Iterator
from collections.abc import Mapping as PyMapping

import attrs

from kong_lts.declarative.document import Piece, Root, Tree, read_value
from kong_lts.declarative.nodes import Dull, Mapping, Node, Scalar, Sequence
from kong_lts.declarative.paths import AS_IT_IS
from kong_lts.errors import DeclarativeError

__all__ = ["DeclinedError", "read"]

_ODD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that are line ends to YAML, or not allowed, or that need a closer look."""
_PLAIN_ASCII = b"\n" + bytes(range(0x20, 0x7F))
"""All others of ASCII."""

# Where a group is repeated for good, it is an atomic group around it: before Python 3.11.5 a
# possessive group keeps what a failed turn has read.
_SKIPPED = r"(?>(?:[ ]*(?:\#[^\n]*)?\n)*)"
_KEY = r"[A-Za-z_][\w.-]{0,127}"
_PLAIN = (
    r"(?:[A-Za-z0-9/_.~$(^\\+<=;\ue000]|-(?=[0-9]))"
    r"[^\s:#]*+(?>(?:(?::(?=\S)|\#|[ ]++(?=[^\s:#]))[^\s:#]*+)*)"
)
_DOUBLE = r'"(?>(?:[^"\\\n]|\\.)*)"'
_SINGLE = r"'(?>(?:[^'\n]|'')*)'"
_FLOW_ITEM = rf"(?:[A-Za-z0-9/_.~$(^\\+][^\s,\[\]{{}}:#'\"&*!|>%@`]*+|{_SINGLE}|\"[^\"\\\n]*+\")"
_FLOW_LIST = rf"\[[ ]*(?:{_FLOW_ITEM}(?>(?:[ ]*,[ ]*{_FLOW_ITEM})*))?[ ]*\]"
_REST = r"(?:[ ]+\#[^\n]*)?[ ]*\n"

_LINE = re.compile(
    rf"""
    {_SKIPPED}
    (?P<indent>[ ]*)
    (?P<dash>-(?:[ ]+|(?=\n)))?
    (?:(?P<key>{_KEY}):(?=[ \n]))?
    [ ]*
    (?:(?P<plain>{_PLAIN})|(?P<double>{_DOUBLE})|(?P<single>{_SINGLE})|(?P<list>{_FLOW_LIST})
      |(?P<block>[|>][+-]?)|(?P<other>[\[{{][^\n]*))?
    {_REST}
    """,
    re.VERBOSE,
)
_ITEM = re.compile(_FLOW_ITEM)
_PATH = re.compile(
    rf"(?m)^[ ]*-[ ]+(?:(?P<plain>{_PLAIN})|(?P<single>{_SINGLE})|(?P<double>{_DOUBLE}))"
)
_JSON_ESCAPES = re.compile(r'"(?:[^\\]|\\["\\/bfnrt]|\\u(?!d[89a-f])[0-9a-f]{4})*"', re.IGNORECASE)
_ROUTES = "routes"


class DeclinedError(Exception):
    """The text is beyond what is read here; not meant to leave this package."""


Telling = PyMapping[str, Collection[str]]
"""For kinds of entities, the keys that some rule looks at."""


def read(text: str, telling: Telling) -> Iterator[Piece | Root]:
    """The document as its pieces and then its root.

    Args:
        text: The file as the parser gets it.
        telling: Of the kinds listed here, simple pairs with other keys are left out, and a route
            that has none of its keys is returned as a dull one.

    Raises:
        DeclinedError: It has to be read by libyaml, from the start.
    """
    odd = text.encode().translate(None, _PLAIN_ASCII) if text.isascii() else _ODD.search(text)
    if odd:
        raise DeclinedError
    longer = not text.endswith("\n")
    lines = _Lines(f"{text}\n" if longer else text, telling, longer)
    lines.begin()
    root = Mapping(lines.content, flow=False)
    yield from _pieces(lines, root)
    if lines.line is not None:
        raise DeclinedError
    yield Root(root, Tree())


def _pieces(lines: "_Lines", root: Mapping) -> Iterator[Piece]:
    while (line := lines.line) is not None and lines.column == 0 and line["dash"] is None:
        key, node = lines.pair_head()
        if node is None and lines.at_list(0):
            value = Sequence(lines.content, flow=False)
            root.pairs.append((key, value, value.start))
            number = 1
            for item in lines.items(lines.column, key.value):
                value.end = item.end
                yield Piece(key, item, number)
                number += item.count if type(item) is Dull else 1
            continue
        if node is None:
            node = lines.block(0, key.end + 1)
        root.pairs.append((key, node, node.end))
        if isinstance(node, Sequence):
            for number, item in enumerate(node.items, 1):
                yield Piece(key, item, number)
        else:
            yield Piece(key, node)


@attrs.define(eq=False)
class _Lines:
    """The text, line by line, the next one that holds something in sight."""

    text: str
    telling: Telling
    longer: bool
    """Whether the text got a line end that the file has not."""
    line: re.Match[str] | None = None
    column: int = 0
    content: int = 0
    """Where the next line has its first sign that is not blank."""
    patterns: dict[tuple[str, int], re.Pattern[str]] = attrs.field(factory=dict)
    """What matches dull routes, and dull pairs of a kind, at a column."""

    def begin(self) -> None:
        """Find the first line; `---` may stand before it."""
        found = re.compile(_SKIPPED + r"(?:---[ ]*\n)?").match(self.text)
        self.go_to(found.end() if found else 0)
        if self.line is None:
            raise DeclinedError

    def go_to(self, at: int) -> None:
        """Make the line at a place, or the first one behind it that holds something, the next."""
        self.line = line = _LINE.match(self.text, at)
        if line is None:
            if not _only_comments(self.text, at):
                raise DeclinedError
            return
        start, end = line.span("indent")
        self.column, self.content = end - start, end

    def pair_head(self) -> tuple[Scalar, Node | None]:
        """The key of this line and its value, if it has one here; goes to the next line."""
        line = self.line
        assert line is not None  # the callers have looked
        start, end = line.span("key")
        if start < 0:
            raise DeclinedError
        key = Scalar(self.text[start:end], start, end, None, plain=True)
        return key, self.inline(line, self.column)

    def inline(self, line: re.Match[str], column: int) -> Node | None:
        """The value that stands on a line, if one does; goes to the next line."""
        kind = line.lastgroup
        node: Node | None = None
        if kind == "plain":
            start, end = line.span(kind)
            node = Scalar(line[kind], start, end, None, plain=True)
        elif kind in ("single", "double"):
            node = _quoted(line, kind)
        elif kind == "list":
            node = _flow_list(line)
        elif kind in ("block", "other"):
            return self._by_libyaml(line, kind, column)
        self.go_to(line.end())
        return node

    def _by_libyaml(self, line: re.Match[str], kind: str, column: int) -> Node:
        """A block scalar, or a flow collection on one line."""
        start, end = line.start(kind), line.end()
        if kind == "block":
            inner = re.compile(rf"(?:[ ]*\n|[ ]{{{column + 1},}}[^\n]*\n)*").match(self.text, end)
            end = inner.end() if inner else end
            if end == len(self.text) and self.longer:
                raise DeclinedError  # the last line has no end of its own
        try:
            node = read_value(self.text[start:end], start)
        except DeclarativeError:
            raise DeclinedError from None
        self.go_to(end)
        return node

    def at_list(self, column: int) -> bool:
        """Whether the next line begins a list as the value of a key at a column."""
        return self.line is not None and self.line["dash"] is not None and self.column >= column

    def block(self, column: int, empty_at: int, name: str = "") -> Node:
        """The value of a key at a column that has none on its own line."""
        line = self.line
        if line is not None and line["dash"] is not None and self.column >= column:
            found = Sequence(self.content, flow=False)
            for item in self.items(self.column, name):
                found.items.append(item)
                found.end = item.end
            return found
        if line is not None and self.column > column:
            return self.mapping(self.column)
        return Scalar("", empty_at, empty_at, None, plain=True)

    def mapping(self, column: int) -> Mapping:
        """The pairs at a column, the first of them on the next line."""
        found = Mapping(self.content, flow=False)
        while (line := self.line) is not None and self.column >= column:
            if self.column > column or line["dash"] is not None:
                if self.column == column:
                    break
                raise DeclinedError
            self._pair(found, column)
        return found

    def _pair(self, found: Mapping, column: int) -> None:
        key, value = self.pair_head()
        if value is None:
            value = self.block(column, key.end + 1, key.value)
        found.pairs.append((key, value, value.end))
        found.end = value.end

    def items(self, column: int, name: str) -> Iterator[Node]:
        """The items of a list whose dashes stand at a column, the first on the next line."""
        kind = name if name in self.telling else ""
        while (line := self.line) is not None and self.column >= column:
            if self.column > column or line["dash"] is None:
                if self.column == column:
                    return
                raise DeclinedError
            if kind == _ROUTES:
                routes = self._dull_routes(line.start("indent"), column)
                if routes.count:
                    yield routes
                line = self.line
                if line is None or self.column != column or line["dash"] is None:
                    continue
            yield self._item(line, column, kind)

    def _dull_routes(self, at: int, column: int) -> Dull:
        """All routes from here on that tell no more than their names and paths."""
        pattern = self.patterns.get(("dull", column))
        if pattern is None:
            pattern = _dull_route_pattern(column, self.telling[_ROUTES])
            self.patterns["dull", column] = pattern
        match, text = pattern.match, self.text
        routes = Dull(self.content)
        while (found := match(text, at)) is not None:
            name, identity, _, _, odd = found.groups()
            if name is not None:
                routes.names.append((name, found.start(1)))
            elif identity is None:
                break
            if identity is not None:
                routes.identities.append((identity, found.start(2)))
            if odd is not None:
                called = name or identity or ""
                routes.telling += [(called, path) for path in _paths(text, *found.span(4))]
            routes.count += 1
            at = found.end()
        if routes.count:
            routes.end = at
            self.go_to(at)
        return routes

    def _item(self, line: re.Match[str], column: int, kind: str) -> Node:
        inner = column + len(line["dash"])
        if line["key"] is not None:
            found = Mapping(line.start("key"), flow=False)
            start, end = line.span("key")
            key = Scalar(self.text[start:end], start, end, None, plain=True)
            value = self.inline(line, inner)
            if value is None:
                value = self.block(inner, end + 1, key.value)
            found.pairs.append((key, value, value.end))
            found.end = value.end
            while self.line is not None and self.column == inner and self.line["dash"] is None:
                if not kind or not self._skip_dull_pairs(kind, inner):
                    self._pair(found, inner)
            if self.line is not None and self.column > column:
                raise DeclinedError
            return found
        node = self.inline(line, column)
        if node is None:
            at = line.start("dash") + 1
            if self.at_list(column + 1):
                raise DeclinedError
            node = self.block(column, at) if self.column > column else _empty(at)
        if self.line is not None and self.column > column:
            raise DeclinedError
        return node

    def _skip_dull_pairs(self, kind: str, column: int) -> bool:
        """Pass over pairs of an entity that tell nothing; whether there were any."""
        pattern = self.patterns.get((kind, column))
        if pattern is None:
            pattern = _dull_pairs_pattern(column, self.telling[kind])
            self.patterns[kind, column] = pattern
        assert self.line is not None  # the caller has looked
        found = pattern.match(self.text, self.line.start("indent"))
        if found is not None:
            self.go_to(found.end())
        return found is not None


def _empty(at: int) -> Scalar:
    return Scalar("", at, at, None, plain=True)


def _only_comments(text: str, at: int) -> bool:
    found = re.compile(_SKIPPED).match(text, at)
    return found is not None and not text[found.end() :].strip(" ")


def _quoted(line: re.Match[str], kind: str) -> Scalar:
    start, end = line.span(kind)
    return _unquoted(line[kind], start, end)


def _unquoted(source: str, start: int, end: int) -> Scalar:
    """A scalar in quotes, all on one line."""
    if source[0] == "'":
        return Scalar(source[1:-1].replace("''", "'"), start, end, "'", plain=False)
    if "\\" not in source:
        return Scalar(source[1:-1], start, end, '"', plain=False)
    if not _JSON_ESCAPES.fullmatch(source):
        raise DeclinedError
    return Scalar(json.loads(source), start, end, '"', plain=False)


def _flow_list(line: re.Match[str]) -> Sequence:
    start, end = line.span("list")
    found = Sequence(start, flow=True, end=end)
    for item in _ITEM.finditer(line.string, start + 1, end - 1):
        found.items.append(_scalar(item[0], item.start(), item.end()))
    return found


def _scalar(source: str, start: int, end: int) -> Scalar:
    if source[0] in "'\"":
        return _unquoted(source, start, end)
    return Scalar(source, start, end, None, plain=True)


_SCALAR = rf"(?:{_PLAIN}|{_DOUBLE}|{_SINGLE}|{_FLOW_LIST})"


def _dull_pair(telling: Collection[str]) -> str:
    """A pair on one line whose key tells nothing."""
    told = "|".join(re.escape(key) for key in {*telling, "name", "id", "paths"})
    return rf"(?!(?:{told}):){_KEY}:[ ]+{_SCALAR}{_REST}"


def _dull_pairs_pattern(column: int, telling: Collection[str]) -> re.Pattern[str]:
    pair = _dull_pair(telling)
    return re.compile(rf"(?>(?:{_SKIPPED}[ ]{{{column}}}{pair})+)", re.VERBOSE)


def _dull_route_pattern(column: int, telling: Collection[str]) -> re.Pattern[str]:
    """A whole route on lines of its own: its name, its paths, and keys that tell nothing.

    The groups are its name, its id, its paths, their indentation and the last one that tells.
    """
    inner = f"[ ]{{{column + 2}}}"
    path = rf"-[ ]+(?:{AS_IT_IS}{_REST}|({_PLAIN}|{_SINGLE}|{_DOUBLE}){_REST})"
    pair = rf"""(?<=[ ])(?:name:[ ]+({_PLAIN}){_REST}
        |id:[ ]+({_PLAIN}){_REST}
        |paths:{_REST}(?=({inner}[ ]*)-)((?>(?:\3{path})+))
        |{_dull_pair(telling)})"""
    ends = rf"(?<=\n)(?={_SKIPPED}(?:[ ]{{0,{column}}}[^\s#]|[ ]*\Z))"
    return re.compile(
        rf"{_SKIPPED}[ ]{{{column}}}"
        rf"-[ ](?>(?:{pair}(?>(?:{_SKIPPED}{inner}(?=[A-Za-z_]))?))+){ends}",
        re.VERBOSE,
    )


def _paths(text: str, start: int, end: int) -> Iterator[Scalar]:
    """The paths in the list of a dull route."""
    for path in _PATH.finditer(text, start, end):
        kind = path.lastgroup or ""
        yield _scalar(path[kind], *path.span(kind))
