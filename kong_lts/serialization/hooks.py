"""How plain values become values of a class: strictly, whatever cattrs would let pass."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import homogenous_tuple_structure_factory
from cattrs.strategies import configure_tagged_union

from kong_lts.versions import KongVersion

__all__ = ["PLAIN", "TAG", "converter", "is_mapping", "is_tuple", "shown"]

TAG = "kind"
"""The field that names the class of a value that can be one of several."""
PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}
"""What JSON Schema calls the plain types."""
_Hook = Callable[[Any, Any], Any]
"""A hook of cattrs: the value and the type that it shall have."""


def _strict(wanted: type, *also: type) -> _Hook:
    """A hook for a plain type and the enums of it, which turns nothing else into it."""

    def structure(value: object, kind: Any) -> object:
        if type(value) not in (wanted, *also):
            quotable = wanted is str and isinstance(value, int | float)
            hint = "; quote it" if quotable else ""
            raise TypeError(f"{shown(value)} is no {PLAIN[wanted]}{hint}")
        found = kind(value)
        if isinstance(found, float) and not math.isfinite(found):
            raise ValueError(f"{found} is no finite number")
        return found

    return structure


def _shaped(hook: _Hook, shape: type | tuple[type, ...], words: str) -> _Hook:
    """The hook for values of that shape only; cattrs would take any text for a list of letters."""

    def structure(value: object, kind: object) -> object:
        if not isinstance(value, shape):
            raise TypeError(f"{shown(value)} is no {words}")
        return hook(value, kind)

    return structure


def _tagged(hook: _Hook, tags: Sequence[str]) -> _Hook:
    """The hook of a union, for values that name one of its classes."""

    def structure(value: Mapping[str, object], kind: object) -> object:
        if (tag := value.get(TAG)) not in tags:
            raise ValueError(f"{TAG} is {shown(tag)}; give one of {', '.join(tags)}")
        return hook(value, kind)

    return _shaped(structure, dict, "mapping")


def shown(value: object) -> str:
    """A value as JSON would have it, and only its type where it is long or structured."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _version(value: object, _: type) -> KongVersion:
    if not isinstance(value, str):
        raise TypeError(f"{shown(value)} is no version; quote it and give all its parts")
    return KongVersion.parse(value)


def _document(value: object, _: type) -> object:
    """Documents as parsed pass unchanged."""
    return value


def converter(unions: Sequence[object]) -> cattrs.Converter:
    """A strict converter that tells the classes of *unions* apart by `TAG`, inner unions first."""
    made = cattrs.Converter(forbid_extra_keys=True, omit_if_default=True)
    for plain, *also in ((str,), (bool,), (int,), (float, int)):
        # By class and not by a predicate: cattrs asks its own hooks by class first.
        made.register_structure_hook(plain, _strict(plain, *also))
    made.register_structure_hook_factory(
        attrs.has, lambda kind: _shaped(made.gen_structure_attrs_fromdict(kind), dict, "mapping")
    )
    made.register_structure_hook_factory(
        is_tuple,
        lambda kind: _shaped(homogenous_tuple_structure_factory(kind, made), (list, tuple), "list"),
    )
    made.register_structure_hook_factory(
        is_mapping, lambda kind: _shaped(made.gen_structure_mapping(kind), dict, "mapping")
    )
    made.register_structure_hook(KongVersion, _version)
    made.register_unstructure_hook(KongVersion, str)
    made.register_structure_hook_func(lambda kind: kind is object, _document)
    for union in unions:
        configure_tagged_union(
            union, made, tag_name=TAG, tag_generator=lambda member: member.__name__
        )
        tags = [member.__name__ for member in get_args(union)]
        made.register_structure_hook(union, _tagged(made.get_structure_hook(union), tags))
    return made


def is_tuple(kind: Any) -> bool:
    """Whether a type is `tuple[X, ...]`."""
    return get_origin(kind) is tuple


def is_mapping(kind: Any) -> bool:
    """Whether a type is `Mapping[X, Y]`."""
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)
