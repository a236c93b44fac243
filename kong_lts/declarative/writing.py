"""Values as text that fits where it goes: quotes, flow or block, YAML or JSON."""

import json
import re

__all__ = ["written", "written_like"]

_PLAIN_WORD = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_PLAIN_TEXT = re.compile(r"[/~][^\s\x00-\x1f\x7f-\x9f\ufeff\ufffe\uffff]*(?: [^\s#:]\S*)*")
_NOT_IN_FLOW = re.compile(r"[,\[\]{}]")
_ENDS_PLAIN = re.compile(r": |:$| #|\s$")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_RESERVED = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_SHORT_ESCAPES = {"\t": r"\t", "\n": r"\n", "\r": r"\r", '"': r"\"", "\\": r"\\"}
_BYTE = 0xFF
_BASIC_PLANE = 0xFFFF


def written(value: object, *, as_json: bool) -> str:
    """A value of the catalog in flow style, or as JSON.

    Args:
        value: As `json.loads` returns it.
        as_json: Whether the file is JSON.
    """
    if as_json:
        return _json(value)
    if isinstance(value, list):
        return f"[{', '.join(written(item, as_json=False) for item in value)}]"
    if isinstance(value, dict):
        pairs = (
            f"{written(k, as_json=False)}: {written(v, as_json=False)}" for k, v in value.items()
        )
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, str) and _PLAIN_WORD.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return _json(value)


def written_like(text: str, style: str | None, *, in_flow: bool, as_json: bool) -> str:
    """A text in the style of the scalar that it replaces, or the nearest that can hold it.

    Args:
        text: The new value.
        style: The quote of the old one, `|`, `>`, or None.
        in_flow: Whether it stands between brackets or braces.
        as_json: Whether the file is JSON.
    """
    if as_json:
        return _json(text)
    if _UNPRINTABLE.search(text) or style == '"':
        return _double_quoted(text)
    if style is None and _may_be_plain(text, in_flow):
        return text
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _json(value: object) -> str:
    """As JSON that is YAML too, which takes fewer characters as they are."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _may_be_plain(text: str, in_flow: bool) -> bool:
    if _PLAIN_TEXT.fullmatch(text) is None or _ENDS_PLAIN.search(text):
        return False
    return text != "~" and not (in_flow and _NOT_IN_FLOW.search(text))


def _double_quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if not _UNPRINTABLE.match(character):
        return character
    code = ord(character)
    if code <= _BYTE:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= _BASIC_PLANE else f"\\U{code:08X}"
