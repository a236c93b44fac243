"""Statements: what Kong's parser sees in the text of a kong.conf, alike in both releases."""

import re
from collections.abc import Iterator

import attrs

__all__ = ["BLANKS", "BOM", "Section", "Setting", "Statements", "bytes_of", "key_of", "statements"]

BOM = "\ufeff"
"""Byte order mark; Kong does not know it."""

BLANKS = " \t\n\v\f\r"
"""What Lua calls a blank; Python's own idea of one is wider."""

_STATEMENT = re.compile(r"^[ \t\v\f\r]*(?![#; \t\n\v\f\r])[^\n]+", re.MULTILINE)
"""A line that is neither blank nor a comment."""
_SECTION = re.compile(r"\[([^\]]+)\]")
_NOT_IN_A_KEY = re.compile(r"[^0-9A-Za-z]")

_TEMPLATE = re.compile(r"\{\{|\{%|\{#|<%|\$\{[^${}]*\}|\A\$[A-Za-z_][A-Za-z0-9_]*\Z|\A\$\(")
"""Jinja, Helm, ERB or etlua, and the shell's variables."""
_MARKUP = re.compile(r"\{\{|\{%|\{#|<%")
_BRANCH = re.compile(r"\s*(?:\{%|<%(?!=)|\{\{-?\s*(?:if|else|end|range|with)\b)")
"""A line that decides whether the lines below it are there."""
_NGINX = "nginx_"
_IN_NGINX = re.compile(r"\{\{|\{%|\{#|<%|\$\{[A-Z][^${}]*\}|\A\$[A-Z][A-Z0-9_]*\Z")
"""Directives of nginx have variables of their own, which are not written in capitals."""


@attrs.frozen(kw_only=True)
class Setting:
    """One `key = value` of a kong.conf, as Penlight's parser finds it; alike in both releases."""

    key: str
    """As Kong knows it: every character but letters and digits is a `_`."""
    written: str
    """As it stands in the file."""
    raw: str = attrs.field(repr=False)
    """The value with its trailing comment, from the first character that is no blank."""
    line: int
    last_line: int
    """Further down than `line` where the lines are joined by a backslash."""
    start: int
    """Where its first line starts in the text."""
    end: int
    """Where its last line ends, before the line end."""
    lost: bool = False
    """Below a `[section]`: no release reads it."""

    @property
    def value_at(self) -> int | None:
        """Where the value starts in the text, None if it runs over several lines."""
        return self.end - len(self.raw) if self.line == self.last_line else None

    @property
    def is_template(self) -> bool:
        """Whether the line is to be filled in by a tool, so that nobody knows the value yet."""
        if self.written_by_template:
            return True
        pattern = _IN_NGINX if self.key.startswith(_NGINX) else _TEMPLATE
        return bool(pattern.search(self.raw.strip(BLANKS)))

    @property
    def written_by_template(self) -> bool:
        """Whether even the key is to be filled in."""
        return bool(_MARKUP.search(self.written))


@attrs.frozen(kw_only=True)
class Section:
    """A line that starts with `[`: whatever follows it is lost."""

    line: int
    start: int
    text: str = attrs.field(repr=False)

    @property
    def name(self) -> str | None:
        """What is between the brackets; None makes the parser crash."""
        found = _SECTION.search(self.text, 0, self.text.rfind("]") + 1)
        return key_of(found[1]) if found else None


@attrs.define
class Statements:
    """What a text says, in the order of its lines."""

    settings: list[Setting] = attrs.field(factory=list)
    sections: list[Section] = attrs.field(factory=list)
    without_value: list[int] = attrs.field(factory=list)
    """Numbers of the lines that are no assignment and are passed over."""
    branches: list[int] = attrs.field(factory=list)
    """Numbers of the lines at which a template chooses what is there."""
    unfinished: tuple[int, int] | None = None
    """Line and place of a statement that a backslash leaves open at the end."""
    last_line: int = 0
    """Where it starts."""


def key_of(written: str) -> str:
    """The key as Kong knows it; a character beyond ASCII counts once per byte."""
    if written.isascii() and written.isidentifier():
        return written
    return _NOT_IN_A_KEY.sub(lambda found: "_" * len(bytes_of(found[0])), written)


def bytes_of(character: str) -> bytes:
    """The bytes of a character in the file; one that is no UTF-8 travels as a surrogate."""
    is_byte = "\udc80" <= character <= "\udcff"
    return character.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")


@attrs.define
class _Joined:
    """Lines on their way to one statement."""

    text: str
    line: int
    last_line: int
    start: int
    end: int
    unfinished: bool = False


def statements(text: str) -> Statements:
    """The statements of a text, in the order of its lines."""
    found = Statements(last_line=text.rfind("\n") + 1)
    settings = found.settings
    for joined in _joined_lines(text):
        if joined.end == len(text):
            found.last_line = joined.start
        if joined.unfinished:
            found.unfinished = (joined.line, joined.start)
        elif joined.text.startswith("["):
            found.sections.append(Section(line=joined.line, start=joined.start, text=joined.text))
        elif (setting := _assignment(joined, lost=bool(found.sections))) is not None:
            settings.append(setting)
        elif not _MARKUP.search(joined.text):
            found.without_value.append(joined.line)
        if "%" in joined.text or "{{" in joined.text:
            found.branches += [joined.line] if _BRANCH.match(joined.text) else []
    return found


def _joined_lines(text: str) -> Iterator[_Joined]:
    """The statements of a text, those with a backslash at the end joined with their next line.

    A text that ends within a statement loses it, as in Kong.
    """
    pieces: list[str] = []
    line, counted, first, start = 1, 0, 1, 0
    for found in _STATEMENT.finditer(text):
        line += text.count("\n", counted, found.start())
        counted = found.start()
        if not pieces:
            first, start = line, found.start()
        content = found[0]
        stripped = content.rstrip(BLANKS)
        if stripped.endswith("\\"):
            pieces.append(stripped[:-1])
            continue
        whole = "".join([*pieces, content]) if pieces else content
        yield _Joined(whole, first, line, start, found.end())
        pieces = []
    if pieces:
        yield _Joined("", first, line, start, len(text), unfinished=True)


def _assignment(joined: _Joined, *, lost: bool) -> Setting | None:
    """The key and value of a statement, None if it has no `=`."""
    before, sign, after = joined.text.partition("=")
    if not sign:
        return None
    written = before.strip(BLANKS)
    raw = after.lstrip(BLANKS)
    return Setting(
        key=key_of(written),
        written=written,
        raw=raw,
        line=joined.line,
        last_line=joined.last_line,
        start=joined.start,
        end=joined.end,
        lost=lost,
    )
