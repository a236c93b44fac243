"""Entities as Kong's schemas want them: defaults filled in, and what a schema has against one."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["Field", "Tree", "fields_of", "filled", "message_of", "problems"]

Field = dict[str, Any]
"""A field of a schema, as `GET /schemas/...` shows it."""
Tree = dict[str, Any]
"""What is wrong, by field; of a list, None for each item that is well."""

_ENTITY = "@entity"
_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a string"),
    "number": ((int, float), "a number"),
    "integer": ((int,), "an integer"),
    "boolean": ((bool,), "a boolean"),
    "array": ((list,), "an array"),
    "set": ((list,), "a set"),
    "map": ((dict,), "a map"),
    "record": ((dict,), "a record"),
    "foreign": ((dict,), "a record"),
}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LUA_CLASSES = {"a": "A-Za-z", "d": "0-9", "l": "a-z", "s": r"\s", "u": "A-Z", "w": "A-Za-z0-9"}
_OLD_LISTS = {"blacklist": "deny", "whitelist": "allow"}
_OLD_SESSION = {
    "cookie_samesite": "cookie_same_site",
    "cookie_httponly": "cookie_http_only",
    "cookie_lifetime": "rolling_timeout",
    "cookie_idletime": "idling_timeout",
    "cookie_discard": "stale_ttl",
    "cookie_persistent": "remember",
}
_SHORTHANDS = {**_OLD_LISTS, **_OLD_SESSION}
"""Names that a schema still takes, and what it makes of them; the others it drops."""


def fields_of(schema: Field) -> Iterator[tuple[str, Field]]:
    """Names and fields of a record, in their order."""
    for pair in schema.get("fields", ()):
        yield from pair.items()


def filled(schema: Field, given: Mapping[str, Any]) -> dict[str, Any]:
    """A record with every field of its schema; null for what is not there.

    Args:
        schema: Of the record.
        given: As it was sent. What no field has stays, for `problems` to find.
    """
    known = dict(fields_of(schema))
    short = {name for pair in schema.get("shorthand_fields", ()) for name in pair}
    sent = {name: value for name, value in given.items() if name not in short}
    for name in short & given.keys():
        if (new := _SHORTHANDS.get(name)) in known and given[name] is not None:
            sent[str(new)] = given[name]
    whole = {name: _filled(field, sent, name) for name, field in known.items()}
    return {**whole, **{name: value for name, value in sent.items() if name not in known}}


def _filled(field: Field, sent: Mapping[str, Any], name: str) -> Any:
    if name in sent:
        value = sent[name]
    elif "default" in field:
        value = field["default"]
    else:
        value = {} if field["type"] == "record" and field.get("required") else None
    return _whole(field, value)


def _whole(field: Field, value: Any) -> Any:
    """A value whose records have all their fields."""
    kind = field["type"]
    if kind == "record" and isinstance(value, dict) and not field.get("abstract"):
        return filled(field, value)
    if kind in ("array", "set") and isinstance(value, list):
        items = [_whole(field.get("elements", {"type": "any"}), item) for item in value]
        return items if kind == "array" else _each_once(items)
    if kind == "map" and isinstance(value, dict):
        return {key: _whole(field["values"], item) for key, item in value.items()}
    return value


def _each_once(items: Sequence[Any]) -> list[Any]:
    return [item for n, item in enumerate(items) if item not in items[:n]]


def problems(schema: Field, entity: Mapping[str, Any]) -> Tree:
    """What a schema has against a record that is filled in; nothing if it takes it."""
    known = dict(fields_of(schema))
    found: Tree = {name: "unknown field" for name in entity if name not in known}
    for name, field in known.items():
        if (problem := _problem(field, entity.get(name))) is not None:
            found[name] = problem
    if not found and (general := list(_against_all(schema, entity, found))):
        found[_ENTITY] = general
    return found


def message_of(tree: Tree) -> str:
    """What Kong's `message` says of it."""
    lines = sorted(_lines(tree, ""))
    plural = f"{len(lines)} schema violations" if len(lines) > 1 else "schema violation"
    return f"{plural} ({'; '.join(lines)})"


def _lines(tree: Any, prefix: str) -> Iterator[str]:
    if isinstance(tree, str):
        yield f"{prefix}: {tree}"
    elif isinstance(tree, list):
        for number, item in enumerate(tree, 1):
            if item is not None:
                yield from _lines(item, f"{prefix}.{number}")
    elif isinstance(tree, dict):
        for name, item in tree.items():
            if name == _ENTITY:
                yield from item
            else:
                yield from _lines(item, f"{prefix}.{name}" if prefix else name)


def _problem(field: Field, value: Any) -> Any:
    """What is wrong with one value: a text, a list, a tree, or None."""
    if value is None:
        return "required field missing" if field.get("required") else None
    types, named = _TYPES.get(field["type"], ((object,), "anything"))
    if not isinstance(value, types) or (isinstance(value, bool) and field["type"] != "boolean"):
        return f"expected {named}"
    for name, check in _CHECKS.items():
        if name in field and (said := check(field[name], value)) is not None:
            return str(field.get("err", said)) if name == "match" else said
    return _inside(field, value)


def _inside(field: Field, value: Any) -> Any:
    kind = field["type"]
    if kind == "record" and not field.get("abstract"):
        return problems(field, value) or None
    if kind in ("array", "set"):
        found = [_problem(field["elements"], item) for item in value]
        while found and found[-1] is None:
            found.pop()
        return found or None
    if kind == "map":
        wrong = {}
        for key, item in value.items():
            said = _problem(field["keys"], key) or _problem(field["values"], item)
            if said is not None:
                wrong[key] = said
        return wrong or None
    return None


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))


def _quoted(values: Sequence[Any]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _between(limits: Sequence[float], value: float) -> str | None:
    if limits[0] <= value <= limits[1]:
        return None
    return f"value should be between {limits[0]} and {limits[1]}"


def _none_of(patterns: Sequence[Mapping[str, str]], value: str) -> str | None:
    for pattern in patterns:
        if _lua(pattern["pattern"]).search(value):
            return pattern.get("err") or f"invalid value: {value}"
    return None


def _all_of(patterns: Sequence[Mapping[str, str]], value: str) -> str | None:
    for pattern in patterns:
        if not _lua(pattern["pattern"]).search(value):
            return pattern.get("err") or f"invalid value: {value}"
    return None


def _any_of(wanted: Mapping[str, Any], value: str) -> str | None:
    if any(_lua(pattern).search(value) for pattern in wanted["patterns"]):
        return None
    return str(wanted.get("err") or f"invalid value: {value}")


def _one_subset(subsets: Sequence[Sequence[str]], value: Sequence[str]) -> str | None:
    used = [subset for subset in subsets if set(subset) & set(value)]
    if len(used) < 2:
        return None
    return f"these sets are mutually exclusive: {', '.join(f'({_quoted(s)})' for s in used)}"


_CHECKS: Mapping[str, Callable[[Any, Any], str | None]] = {
    "eq": lambda wanted, value: (
        None if value == wanted else f"value must be {'null' if wanted is None else wanted}"
    ),
    "one_of": lambda some, value: None if value in some else f"expected one of: {_listed(some)}",
    "not_one_of": lambda s, v: f"must not be one of: {_listed(s)}" if v in s else None,
    "gt": lambda least, value: None if value > least else f"value must be greater than {least}",
    "between": _between,
    "len_min": lambda n, value: None if len(value) >= n else f"length must be at least {n}",
    "len_eq": lambda n, value: None if len(value) == n else f"length must be {n}",
    "starts_with": lambda s, value: None if value.startswith(s) else f"should start with: {s}",
    "match": lambda p, value: None if _lua(p).search(value) else f"invalid value: {value}",
    "match_none": _none_of,
    "match_all": _all_of,
    "match_any": _any_of,
    "uuid": lambda _, value: None if _UUID.fullmatch(value) else "expected a valid UUID",
    "mutually_exclusive_subsets": _one_subset,
}


def _lua(pattern: str) -> re.Pattern[str]:
    """A pattern of Lua, as far as Kong's schemas use them."""
    made, in_set = "", False
    characters = iter(pattern)
    for character in characters:
        if character == "%":
            name = next(characters, "")
            inner = _LUA_CLASSES.get(name)
            made += re.escape(name) if inner is None else (inner if in_set else f"[{inner}]")
        elif character == "-" and not in_set:
            made += "*?"
        else:
            in_set = character == "[" or (in_set and character != "]")
            made += "\\" + character if character in "(){}|\\" and not in_set else character
    return re.compile(made)


def _against_all(schema: Field, entity: Mapping[str, Any], found: Tree) -> Iterator[str]:
    """What no field can say alone. What is about one field goes to that in *found*."""
    for check in schema.get("entity_checks", ()):
        for kind, asked in check.items():
            if kind == "conditional":
                yield from _conditional(asked, entity, found)
            elif kind in _TOGETHER:
                values = [_get(entity, name) for name in asked]
                if not _TOGETHER[kind][0](values):
                    yield f"{_TOGETHER[kind][1]}: {_quoted(asked)}"


def _given(values: Sequence[Any]) -> int:
    return sum(value is not None and value != [] and value != {} for value in values)


_TOGETHER: Mapping[str, tuple[Callable[[Sequence[Any]], bool], str]] = {
    "at_least_one_of": (
        lambda values: _given(values) > 0,
        "at least one of these fields must be non-empty",
    ),
    "only_one_of": (
        lambda values: _given(values) == 1,
        "exactly one of these fields must be non-empty",
    ),
    "mutually_exclusive": (
        lambda values: _given(values) < 2,
        "only one or none of these fields must be set",
    ),
    "mutually_required": (
        lambda values: _given(values) in (0, len(values)),
        "all or none of these fields must be set",
    ),
    "distinct": (
        lambda values: len({v for v in values if v is not None}) == _given(values),
        "values of these fields must be distinct",
    ),
}


def _get(entity: Mapping[str, Any], name: str) -> Any:
    value: Any = entity
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _conditional(asked: Field, entity: Mapping[str, Any], found: Tree) -> Iterator[str]:
    when, then = asked["if_match"], asked["then_match"]
    if not _holds(when, _get(entity, asked["if_field"])):
        return
    value = _get(entity, asked["then_field"])
    if _holds(then, value):
        return
    said = asked.get("then_err")
    yield str(said or f"failed conditional validation given value of field '{asked['if_field']}'")
    if said is None:
        wrong = "required field missing" if value is None else _said(then, value)
        _put(found, asked["then_field"].split("."), wrong)


def _holds(wanted: Field, value: Any) -> bool:
    if "elements" in wanted:
        items = value or []
        return all(_holds(wanted["elements"], item) for item in items)
    if value is None:
        return not wanted.get("required") and wanted.get("eq", None) is None and (
            "one_of" not in wanted and "match" not in wanted and "match_any" not in wanted
        )  # fmt: skip
    return _said(wanted, value) is None


def _said(wanted: Field, value: Any) -> str | None:
    for name, check in _CHECKS.items():
        if name in wanted and (said := check(wanted[name], value)) is not None:
            return said
    return None


def _put(tree: Tree, path: Sequence[str], said: str | None) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = said
