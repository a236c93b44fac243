"""What the router needs of a declarative file, as plain values."""

from collections.abc import Iterator

from kong_lts.declarative import document, json_text
from kong_lts.declarative.document import Piece, Root
from kong_lts.declarative.nodes import Dull, Mapping, Node, Scalar, Sequence, kind_of, number
from kong_lts.declarative.source import Source, decode

__all__ = ["routing_document"]

_LISTS = ("services", "routes", "upstreams")
_TEXTS = ("_format_version", "_workspace")
_DEFAULTS = {"services": "service", "routes": "route"}
"""What decK calls the entities of a list where it has defaults for them."""
_TRUE = frozenset({"true", "yes", "on"})


def routing_document(data: bytes) -> dict[str, object]:
    """Format version, workspace, services, routes and upstreams of a file, as `router` takes them.

    Args:
        data: YAML or JSON; of several documents the first one counts.

    Raises:
        DeclarativeError: It is no text, no YAML or no mapping.
    """
    found: dict[str, object] = {}
    info: object = None
    for part in _parts(decode(data)):
        if isinstance(part, Root):
            break
        key = part.key.value
        if key in _LISTS and part.number is not None:
            items = found.setdefault(key, [])
            assert isinstance(items, list)  # made here
            items.append(_plain(part.node))
        elif key in _TEXTS:
            found[key] = part.node.value if isinstance(part.node, Scalar) else None
        elif key == "_info":
            info = _plain(part.node)
    return _with_defaults(found, info)


def _parts(source: Source) -> Iterator[Piece | Root]:
    return json_text.read(source) if json_text.is_json(source) else document.read(source)


def _with_defaults(found: dict[str, object], info: object) -> dict[str, object]:
    """The document with what decK fills in of its own defaults."""
    defaults = info.get("defaults") if isinstance(info, dict) else None
    if not isinstance(defaults, dict):
        return found
    return {key: _filled(key, value, defaults) for key, value in found.items()}


def _filled(key: str, value: object, defaults: dict[str, object]) -> object:
    own = defaults.get(_DEFAULTS.get(key, ""))
    if not isinstance(value, list):
        return value
    filled = [
        {**(own if isinstance(own, dict) else {}), **item} if isinstance(item, dict) else item
        for item in value
    ]
    for item in filled:
        if key == "services" and isinstance(item, dict) and "routes" in item:
            item["routes"] = _filled("routes", item["routes"], defaults)
    return filled


def _plain(node: Node) -> object:
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {name: _plain(value) for name, value in node.values.items()}
    assert not isinstance(node, Dull)  # only the quick reader makes these
    return _value(node)


def _value(scalar: Scalar) -> object:
    """A scalar by its type, which the text decides where it is plain."""
    match kind_of(scalar):
        case "null":
            return None
        case "boolean":
            return scalar.value.lower() in _TRUE
        case "number":
            found = number(scalar)
            assert found is not None  # else it is a text
            return int(found) if found.is_integer() else found
    return scalar.value
