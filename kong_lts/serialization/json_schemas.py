"""The JSON Schema of a value class."""

import types
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Union, cast, get_args, get_origin

import attrs

from kong_lts.serialization.forms import FORMAT_VERSION
from kong_lts.serialization.hooks import PLAIN, TAG, is_mapping, is_tuple
from kong_lts.versions import KongVersion

__all__ = ["json_schema"]


def json_schema(kind: type, *, title: str) -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of a value class, for callers in other languages."""
    definitions: dict[str, object] = {}
    schema = _schema_of(kind, definitions)
    own = cast("dict[str, Any]", definitions.pop(cast("str", schema["$ref"]).rsplit("/", 1)[1]))
    own["properties"] = {"format_version": {"const": FORMAT_VERSION}, **own["properties"]}
    own["required"] = ["format_version", *own.get("required", [])]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    return {**head, **own, "$defs": dict(sorted(definitions.items()))}


def _schema_of(kind: Any, definitions: dict[str, object]) -> dict[str, object]:
    origin, args = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return {"type": PLAIN[kind]}
    if kind is KongVersion:
        return {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+){2,3}$"}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    if origin in (Union, types.UnionType):
        return {"anyOf": _schemas_of_members(args, definitions)}
    if is_tuple(kind):
        return {"type": "array", "items": _schema_of(args[0], definitions)}
    if is_mapping(kind):
        return {"type": "object", "additionalProperties": _schema_of(args[1], definitions)}
    if isinstance(kind, type) and attrs.has(kind):
        return _schema_of_class(kind, definitions)
    return {}


def _schemas_of_members(
    members: Sequence[Any], definitions: dict[str, object]
) -> list[dict[str, object]]:
    """Of a union; where it has several classes, each of them is told by its name."""
    options: list[dict[str, object]] = [
        {"type": "null"} if m is type(None) else _schema_of(m, definitions) for m in members
    ]
    names = [m.__name__ for m in members if attrs.has(m)]
    for name in names if len(names) > 1 else ():
        own = cast("dict[str, Any]", definitions[name])
        own["properties"] = {TAG: {"const": name}, **own["properties"]}
        own["required"] = list(dict.fromkeys((TAG, *own["required"])))
    return options


def _schema_of_class(kind: type, definitions: dict[str, object]) -> dict[str, object]:
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}  # a class that holds itself ends here
        attrs.resolve_types(kind)
        fields = [f for f in attrs.fields(kind) if f.init]
        definitions[kind.__name__] = {
            "type": "object",
            "properties": {f.alias: _schema_of(f.type, definitions) for f in fields},
            "required": [f.alias for f in fields if f.default is attrs.NOTHING],
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{kind.__name__}"}
