"""What `(` begins, as PCRE 8 reads it."""

import re
from collections.abc import Callable

import attrs

from kong_lts.routing.dialect.pcre_text import BadPatternError, Flags, Text
from kong_lts.routing.dialect.tree import Atomic, Capture, Node, Opaque, holds_capture

__all__ = ["Group", "read_group"]

_RECURSION = re.compile(r"\(\?(?:R|([+-]?\d+)|&(\w+)|P>(\w+))\)")
_CALLOUT = re.compile(r"\(\?C\d*\)")
_NAMED_REFERENCE = re.compile(r"\(\?P=(\w+)\)")
_VERB = re.compile(
    r"\(\*(ACCEPT|COMMIT|F|FAIL|(MARK)?:[^)]+|PRUNE(:[^)]*)?|SKIP(:[^)]*)?|THEN(:[^)]*)?)\)"
)
_CONDITION = re.compile(r"\(\?(?=\()")
_CONDITION_BODY = re.compile(r"\((\d+|[+-]\d+|<\w+>|'\w+'|R(\d+|&\w+)?|DEFINE|\w+)\)", re.ASCII)
_NAMED = re.compile(r"\(\?(?:P?<|')")
_NAMES = {
    "<": re.compile(r"([A-Za-z_]\w{0,31})>", re.ASCII),
    "'": re.compile(r"([A-Za-z_]\w{0,31})'", re.ASCII),
}
_LOOK_AROUND = ("(?=", "(?!", "(?<=", "(?<!")
_FLAG_LETTERS = "imsxUJX"
_BAD_FLAG = "unrecognized character after (? or (?-"

Inside = Callable[[Flags], Node]
"""Reads everything up to the closing parenthesis."""


@attrs.frozen
class Group:
    """What was read: a node, or nothing, and the flags from here on."""

    flags: Flags
    node: Node | None = None
    sets_flags: bool = False
    repeatable: bool = True
    """Whether a quantifier may follow."""


def read_group(text: Text, flags: Flags, inside: Inside) -> Group:
    """A group, a comment or flags, the opening parenthesis next."""
    start = text.at
    if text.starts("(*"):
        verb = _matched(text, _VERB, "regex-refused", "(*VERB) not recognized")
        return Group(flags, verb, repeatable=False)
    if not text.take_if("(?"):
        text.take()
        return Group(flags, Capture(None, _closed(text, inside, flags)))
    if text.take_if("#"):
        text.take_until(")", "missing ) after comment")
        text.trouble("regex-comment-group", start, "")
        return Group(flags)
    text.at = start
    if any(text.starts(prefix) for prefix in _LOOK_AROUND):
        return Group(flags, _look_around(text, flags, inside))
    if _NAMED.match(text.pattern, start):
        return Group(flags, _named(text, flags, inside))
    for form, rule in (
        (_RECURSION, "regex-recursion-conditional"),
        (_CALLOUT, "regex-refused"),
        (_NAMED_REFERENCE, "regex-backreference"),
    ):
        if form.match(text.pattern, start):
            found = _matched(text, form, rule, "")
            return Group(flags, found, repeatable=form is not _CALLOUT)
    if _CONDITION.match(text.pattern, start):
        return Group(flags, _conditional(text, flags, inside))
    if text.starts("(?>") or text.starts("(?|"):
        return Group(flags, _special(text, flags, inside))
    return _flags(text, flags, inside)


def _matched(text: Text, form: re.Pattern[str], rule: str, otherwise: str) -> Node:
    """A construct that is all in one and that Rust has not."""
    start, found = text.at, form.match(text.pattern, text.at)
    if found is None:
        raise BadPatternError(otherwise, text.at)
    text.at = found.end()
    if form in (_RECURSION, _NAMED_REFERENCE):
        for name in filter(None, found.groups()):
            text.check_reference(name)
    text.trouble(rule, start, None)
    return Opaque(found[0])


def _closed(text: Text, inside: Inside, flags: Flags) -> Node:
    item = inside(flags)
    if text.ended:
        raise BadPatternError("missing )", text.at)
    text.take()
    return item


def _look_around(text: Text, flags: Flags, inside: Inside) -> Node:
    start = text.at
    text.at += 4 if text.starts("(?<") else 3
    _closed(text, inside, flags)
    text.trouble("regex-look-around", start, None)
    return Opaque(text.pattern[start : text.at])


def _named(text: Text, flags: Flags, inside: Inside) -> Node:
    start = text.at
    text.at += 2
    text.take_if("P")
    quote = text.take()
    found = _NAMES[quote].match(text.pattern, text.at)
    if found is None:
        raise BadPatternError("syntax error in subpattern name (missing terminator)", text.at)
    name = found[1]
    if name in text.names and not flags.J:
        raise BadPatternError("two named subpatterns have the same name", text.at)
    text.names.add(name)
    text.at = found.end()
    if quote == "'":
        text.trouble("regex-quoted-group-name", start, f"(?<{name}>")
    return Capture(name, _closed(text, inside, flags))


def _conditional(text: Text, flags: Flags, inside: Inside) -> Node:
    start = text.at
    text.at += 2
    body = _CONDITION_BODY.match(text.pattern, text.at)
    if body is not None:
        text.at = body.end()
        if body[1].isdecimal():
            text.check_reference(body[1])
    elif not any(text.starts(prefix) for prefix in _LOOK_AROUND):
        raise BadPatternError("malformed number or name after (?(", text.at)
    _closed(text, inside, flags)
    text.trouble("regex-recursion-conditional", start, None)
    return Opaque(text.pattern[start : text.at])


def _special(text: Text, flags: Flags, inside: Inside) -> Node:
    """An atomic group or a branch reset."""
    start = text.at
    atomic = text.starts("(?>")
    text.at += 3
    opened = text.at
    item = _closed(text, inside, flags)
    ended, text.at = text.at, opened
    if atomic:
        text.trouble("regex-atomic-group", start, "(?:")
    else:
        text.trouble("regex-branch-reset", start, None if holds_capture(item) else "(?:")
    text.at = ended
    if atomic:
        return Atomic(item, start)
    return Opaque(text.pattern[start:ended]) if holds_capture(item) else item


def _flags(text: Text, flags: Flags, inside: Inside) -> Group:
    """`(?i)`, which holds to the end of the group around it, or `(?i:...)`."""
    start = text.at
    text.at += 2
    letters = text.take_while(_FLAG_LETTERS + "-")
    if text.ended or text.next not in ":)":
        raise BadPatternError(_BAD_FLAG, text.at)
    on, changed = True, {}
    for letter in letters:
        on = on and letter != "-"
        if letter != "-":
            changed[letter] = on
    inner = attrs.evolve(flags, **changed)
    ends = text.take() == ")"
    after = text.at
    node = None if ends else _closed(text, inside, inner)
    ended, text.at = text.at, after
    if (spelt := _as_rust(letters, ends)) != text.pattern[start:after]:
        text.trouble("regex-refused", start, spelt)
    text.at = ended
    return Group(inner if ends else flags, node, sets_flags=ends)


def _as_rust(letters: str, ends: bool) -> str | None:
    """The same flags as Rust spells them: each once, and none that it has not."""
    on, _, off = letters.partition("-")
    off = "".join(dict.fromkeys(off.replace("-", "")))
    on = "".join(letter for letter in dict.fromkeys(on) if letter not in off)
    if any(letter in "JX" for letter in on):
        return None
    off = off.replace("J", "").replace("X", "")
    if ends and not on and not off:
        return ""
    return f"(?{on}{'-' + off if off else ''}{')' if ends else ':'}"
