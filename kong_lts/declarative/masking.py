"""Replaces secret values in a YAML or JSON text, and nothing else in it."""

from collections.abc import Callable, Iterator

from kong_lts.declarative import document, json_text
from kong_lts.declarative.document import Piece
from kong_lts.declarative.nodes import Mapping, Node, Scalar, Sequence, is_null
from kong_lts.declarative.source import PLACEHOLDER, decode

__all__ = ["masked_document"]


def masked_document(
    data: bytes, *, is_secret: Callable[[str], bool], mask: Callable[[str], str]
) -> bytes:
    """The text with another value for each secret; references to vaults and variables stay.

    Args:
        data: YAML or JSON, one document or several.
        is_secret: Whether the values below a key are, or the `value` beside a `name`.
        mask: What stands for a value.

    Raises:
        DeclarativeError: It is neither.
    """
    source = decode(data)
    parts = json_text.read(source) if json_text.is_json(source) else document.read(source)
    found: dict[tuple[int, int], Scalar] = {}
    for part in parts:
        if isinstance(part, Piece):
            for scalar in _secrets(part.node, is_secret, is_secret(part.key.value)):
                found[scalar.start, scalar.end] = scalar
    pieces, at = [], 0
    for (start, end), scalar in sorted(found.items()):
        if start < at:
            continue
        written = source.text[start:end]
        after = "\n" if written.endswith("\n") else ""
        pieces += [source.text[at:start], f'"{mask(scalar.value)}"{after}']
        at = end
    return source.encode("".join([*pieces, source.text[at:]]))


def _secrets(node: Node, is_secret: Callable[[str], bool], below: bool) -> Iterator[Scalar]:
    """Scalars below a secret key."""
    waiting = [(node, below)]
    seen: set[tuple[int, bool]] = set()
    while waiting:
        current, secret = waiting.pop()
        if isinstance(current, Scalar):
            if secret and _is_value(current):
                yield current
        elif (id(current), secret) not in seen:
            seen.add((id(current), secret))
            if isinstance(current, Sequence):
                waiting += [(item, secret) for item in current.items]
            elif isinstance(current, Mapping):
                if (named := _named(current, is_secret)) is not None:
                    yield named
                waiting += [
                    (value, secret or (isinstance(key, Scalar) and is_secret(key.value)))
                    for key, value, _ in current.pairs
                ]


def _named(mapping: Mapping, is_secret: Callable[[str], bool]) -> Scalar | None:
    """The value of a variable whose name is that of a secret, as in an `env` of Kubernetes."""
    found = {key.value: value for key, value, _ in mapping.pairs if isinstance(key, Scalar)}
    name, value = found.get("name"), found.get("value")
    if not isinstance(name, Scalar) or not isinstance(value, Scalar) or not is_secret(name.value):
        return None
    is_reference = value.value.startswith(("/", "env:", "file:"))
    return value if _is_value(value) and not is_reference else None


def _is_value(scalar: Scalar) -> bool:
    if is_null(scalar) or not scalar.value or PLACEHOLDER in scalar.value:
        return False
    return not scalar.value.startswith(("{vault://", "$(", "${", "{{"))
