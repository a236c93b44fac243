"""The JSON form of the value classes, and YAML that people write, both strict.

Nothing is guessed: a number is not taken for a text, a field that the class does not know is an error, and every document
carries `format_version`.
"""

import functools
import json
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, StrEnum
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin

import attrs
import cattrs
from cattrs.strategies import configure_tagged_union

from kong_lts.errors import FormatError, KongLtsError
from kong_lts.versions import KongVersion

__all__ = ["FORMAT_VERSION", "Form", "json_schema", "yaml_document"]

FORMAT_VERSION = 1
"""Of every JSON document that this library writes."""

T = TypeVar("T")

_TAG = "kind"
_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def _strict(wanted: type[T], *also: type) -> Callable[[object, type], T]:
    """A hook that takes a value of the very type and turns nothing into it."""

    def structure(value: object, _: type) -> T:
        if type(value) not in (wanted, *also):
            hint = "; quote it" if wanted is str and value is not None else ""
            raise TypeError(f"{_shown(value)} is no {_PLAIN[wanted]}{hint}")
        return wanted(value)  # type: ignore[call-arg] # every one of the four takes its own value

    return structure


def _shown(value: object) -> str:
    """A value as JSON would have it, and only its type where it is long or structured."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _version(value: object, _: type) -> KongVersion:
    if not isinstance(value, str):
        raise TypeError(f"{_shown(value)} is no version; quote it and give all its parts")
    return KongVersion.parse(value)


def _document(value: object, _: type) -> object:
    """Documents as parsed pass unchanged."""
    return value


def _converter(unions: Sequence[object]) -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, omit_if_default=True)
    for plain, hook in (
        (str, _strict(str)),
        (bool, _strict(bool)),
        (int, _strict(int)),
        (float, _strict(float, int)),
    ):
        converter.register_structure_hook_func(functools.partial(operator.is_, plain), hook)
    converter.register_structure_hook(KongVersion, _version)
    converter.register_unstructure_hook(KongVersion, str)
    converter.register_structure_hook_func(lambda kind: kind is object, _document)
    for union in unions:
        configure_tagged_union(
            union, converter, tag_name=_TAG, tag_generator=lambda member: member.__name__
        )
    return converter


@attrs.define
class Form(Generic[T]):
    """How one value class becomes JSON and comes back.

    Args:
        kind: The class.
        what: What it is called in an error, as in "not a plan: ...".
        unions: The unions of classes below it, told apart by a field `kind`; inner ones first.
    """

    kind: type[T]
    what: str
    unions: tuple[object, ...] = ()
    _made: cattrs.Converter | None = attrs.field(default=None, init=False, repr=False)

    @property
    def _cattrs(self) -> cattrs.Converter:
        if self._made is None:
            self._made = _converter(self.unions)
        return self._made

    def document(self, value: T) -> dict[str, object]:
        """The value as JSON would hold it, without `format_version`."""
        return cast("dict[str, object]", self._cattrs.unstructure(value, unstructure_as=self.kind))

    def to_json(self, value: T, *, indent: int | None = 2) -> str:
        """The value as a JSON text: keys in the order of the class, then stable from run to run."""
        document = {"format_version": FORMAT_VERSION, **self.document(value)}
        return json.dumps(document, indent=indent, ensure_ascii=False)

    def from_document(self, document: object, *, path: str | None = None) -> T:
        """The value of a document as parsed.

        Raises:
            FormatError: It does not fit; every fault is listed with its place, as `$.nodes[0].role`.
        """
        try:
            return self._cattrs.structure(document, self.kind)
        except KongLtsError as exc:
            raise FormatError(self.what, (str(exc),), path) from exc
        except Exception as exc:  # noqa: BLE001 - cattrs raises groups of whatever its hooks raised
            problems = cattrs.transform_error(exc, "$", _explain)
            raise FormatError(self.what, tuple(dict.fromkeys(problems)), path) from None

    def from_json(self, text: str, *, path: str | None = None) -> T:
        """The value of a JSON text.

        Raises:
            FormatError: It is no JSON, of another `format_version`, or does not fit.
        """
        try:
            document = json.loads(text)
        except json.JSONDecodeError as exc:
            raise FormatError(self.what, (f"no JSON: {exc.msg}",), path, exc.lineno) from None
        if not isinstance(document, dict):
            raise FormatError(self.what, ("not a JSON object",), path)
        version = document.pop("format_version", None)
        if version != FORMAT_VERSION:
            problem = f"its format_version is {_shown(version)}, this library reads {FORMAT_VERSION}"
            raise FormatError(self.what, (problem,), path)
        return self.from_document(document, path=path)


def _explain(exc: BaseException, kind: type | None) -> str:
    """One fault of a document, in words for the person who wrote it."""
    if isinstance(exc, KeyError):
        return f"{exc.args[0]} is missing"
    if isinstance(exc, cattrs.ForbiddenExtraKeysError):
        known = ", ".join(f.alias for f in attrs.fields(exc.cl))
        return f"unknown field {', '.join(sorted(exc.extra_fields))} (known: {known})"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"{exc}; give one of {', '.join(str(member.value) for member in kind)}"
    if isinstance(exc, TypeError) and str(exc).endswith("is not iterable"):
        return "it is no list"
    return str(exc) or f"invalid value for {kind}"


def yaml_document(text: str, *, what: str, path: str | None = None) -> tuple[object, dict[str, int]]:
    """A YAML text as plain values, and the line on which each field stands.

    Args:
        text: One document, YAML 1.2.
        what: What it should be, for the error.
        path: The file, for the error.

    Returns:
        The document, and lines by field, as `{"$.nodes[0].role": 4}`.

    Raises:
        FormatError: No YAML, an anchor used as an alias, or a field given twice.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - importing this package must stay cheap
    from ruamel.yaml.error import MarkedYAMLError  # noqa: PLC0415 - as above

    lines: dict[str, int] = {}
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
        value = None if node is None else _plain(node, yaml.constructor, "$", lines)
    except MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else None
        raise FormatError(what, (f"no YAML: {exc.problem or exc.context}",), path, line) from None
    except RecursionError:
        raise FormatError(what, ("it is nested too deeply, or an alias holds itself",), path) from None
    except _TwiceError as exc:
        raise FormatError(what, (f"{exc.field} is given twice",), path, exc.line) from None
    return value, lines


@attrs.define
class _TwiceError(Exception):
    field: str
    line: int


def _plain(node: Any, constructor: Any, at: str, lines: dict[str, int]) -> object:
    """A composed node as plain values; notes the line of each."""
    lines[at] = node.start_mark.line + 1
    if node.id == "mapping":
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in found:
                raise _TwiceError(f"{at}.{key}", key_node.start_mark.line + 1)
            found[key] = _plain(value_node, constructor, f"{at}.{key}", lines)
            lines[f"{at}.{key}"] = key_node.start_mark.line + 1
        return found
    if node.id == "sequence":
        return [_plain(n, constructor, f"{at}[{i}]", lines) for i, n in enumerate(node.value)]
    return cast("object", constructor.construct_object(node))


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
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind is KongVersion:
        return {"type": "string", "pattern": r"^\d+\.\d+\.\d+(\.\d+)?$"}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    if origin in (Union, types.UnionType):
        options = [{"type": "null"} if a is type(None) else _schema_of(a, definitions) for a in args]
        return {"anyOf": options}
    if origin is tuple:
        return {"type": "array", "items": _schema_of(args[0], definitions)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema_of(args[1], definitions)}
    if isinstance(kind, type) and attrs.has(kind):
        return _schema_of_class(kind, definitions)
    return {}


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
