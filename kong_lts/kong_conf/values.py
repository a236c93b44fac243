"""What the text of a kong.conf value is to each release: comments, escapes, numbers, types."""

import re

from kong_lts.catalog.rows import ConfKey, KeyType
from kong_lts.kong_conf.lua import Number, to_number, to_text
from kong_lts.kong_conf.statements import BLANKS, bytes_of
from kong_lts.versions import Release

__all__ = [
    "ConfValue",
    "NotOfTypeError",
    "Raw",
    "from_environment",
    "from_file",
    "shortened",
    "split_list",
    "typed",
]

Raw = str | Number | bool
"""A value on its way: a text, or what Lua already took for a number."""

ConfValue = str | Number | bool | tuple[str, ...] | None
"""A value as Kong holds it; None is unset."""

_NUMBER_STARTS = (*"0123456789", "+", "-")
_KILOBYTES = " kB"
_COMMENT_2_8 = re.compile(r"[^\\]#.*\Z", re.DOTALL)
_COMMENT_3_4 = re.compile(r"(?<!\\)#")
_UNESCAPED_2_8 = re.compile(r"([^\\])#")


_LONGEST_SHOWN = 300


class NotOfTypeError(Exception):
    """A value that is not of the type of its key; the caller knows which key."""


def from_file(raw: str, release: Release) -> Raw:
    """The value of a line of the file, as the release takes it before it looks at the key."""
    text = raw.strip(BLANKS)
    number = None
    if raw.startswith(_NUMBER_STARTS):
        if raw.endswith(_KILOBYTES):  # the text loses it even if the rest is no number
            text = raw.replace(_KILOBYTES, "").strip(BLANKS)
        number = to_number(text)
    if release is Release.V2_8:
        return text if number is None else number
    text = text if number is None else to_text(number)
    return without_comment(text, release).replace("\\#", "#") if "#" in text else text


def from_environment(value: str, release: Release) -> str:
    """The value of a variable: 2.8 escapes each `#`, so that its own stripping leaves it alone."""
    if release is not Release.V2_8:
        return value
    while True:
        escaped = _UNESCAPED_2_8.sub(r"\1\\#", value)
        if escaped == value:
            return value
        value = escaped


def without_comment(text: str, release: Release) -> str:
    """The text without its trailing comment.

    2.8 cuts at the first `#` that follows any byte but a backslash, and takes that byte too; so a
    `#` at the very start is data. 3.4 cuts at the first `#` without a backslash.
    """
    if release is Release.V2_8:
        return _COMMENT_2_8.sub(_but_its_last_byte, text, count=1)
    comment = _COMMENT_3_4.search(text)
    return text if comment is None else text[: comment.start()].rstrip(BLANKS)


def _but_its_last_byte(comment: re.Match[str]) -> str:
    """What is left of the character before a comment: Lua counts bytes."""
    return bytes_of(comment[0][0])[:-1].decode("utf-8", "surrogateescape")


def stripped(value: Raw, release: Release) -> Raw:
    """The value just before it is typed."""
    if not isinstance(value, str):
        return value
    if release is Release.V2_8 and "#" in value:
        value = without_comment(value, release).replace("\\#", "#")
    return value.strip(BLANKS)


def typed(value: Raw, key: ConfKey | None, edition: str, release: Release) -> ConfValue:
    """The value as Kong holds it.

    Args:
        value: As the merge of default, file and environment left it.
        key: What is known of the key; None for one of a namespace, which is a text.

    Raises:
        NotOfTypeError: It is not of the key's type, or none of its values.
    """
    value = stripped(value, release)
    if key is None and isinstance(value, str):
        return value or None
    kind = key.type if key else KeyType.TEXT
    if kind is KeyType.BOOLEAN:
        return value is True or value in ("on", "true")
    if kind is KeyType.NGX_BOOLEAN:
        return "on" if value is True or value == "on" else "off"
    if kind is KeyType.NUMBER:
        return _number(value)
    if kind is KeyType.ARRAY and isinstance(value, str):
        return split_list(value)
    if kind is KeyType.STRING and not isinstance(value, str):
        value = to_text(value)
    if value == "":
        _may_be_unset(key, edition)
        return None
    if not isinstance(value, str):
        what = "true" if value is True else to_text(value)
        wanted = "list" if kind is KeyType.ARRAY else "text"
        raise NotOfTypeError(f"{what} is a number here, and this key takes a {wanted}")
    _one_of(value, key, edition)
    return value


def _number(value: Raw) -> Number | None:
    return to_number(value) if isinstance(value, str) else value


def shortened(text: str) -> str:
    """A text that fits into a message."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def split_list(text: str) -> tuple[str, ...]:
    """The items between the commas; there is no way to escape one."""
    if text == ",":
        return ("",)  # as the Lua library splits it; any other empty item counts
    return tuple(item.strip(BLANKS) for item in text.split(",")) if text else ()


def _may_be_unset(key: ConfKey | None, edition: str) -> None:
    if key and key.values.get(edition) and key.defaults.get(edition) is not None:
        raise NotOfTypeError(f"it is empty; give one of {', '.join(key.values[edition])}")


def _one_of(value: str, key: ConfKey | None, edition: str) -> None:
    allowed = key.values.get(edition, ()) if key else ()
    if allowed and value not in allowed:
        raise NotOfTypeError(f"{value!r} is none of {', '.join(allowed)}")
