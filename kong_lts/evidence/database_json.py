"""`database.json` of a bundle, as people, queries and exports write it."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from kong_lts.database import DatabaseFacts, RouteRow, ServiceRow, columns
from kong_lts.digits import whole
from kong_lts.errors import FormatError
from kong_lts.serialization import Form

__all__ = ["database_facts"]

_FACTS = Form(DatabaseFacts, "database.json")
_NAMES = ("name", "table", "table_name", "relname", "plugin", "key", "id")
_COUNTS = ("count", "rows", "n", "n_live_tup")
_WITH_NUM = 90000
"""From here on a version is one of `server_version_num`, as 130011."""


def database_facts(document: Mapping[str, object], path: Path) -> DatabaseFacts:
    """What a database.json says; what is null was not looked at.

    Raises:
        FormatError: A field has another shape.
    """
    known = {field.alias for field in DatabaseFacts.__attrs_attrs__}
    facts = {
        key: _SHAPES.get(key, _same)(value)
        for key, value in document.items()
        if key in known and value is not None
    }
    if document.get("schema_meta") == [] and document.get("tables") in ([], {}):
        facts.setdefault("identity", path.name)  # somebody looked, and there was nothing
    return _FACTS.from_document(facts, path=str(path))


def _same(value: object) -> object:
    return value


def _first(row: Mapping[str, object], names: Iterable[str]) -> object:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _number(value: object) -> object:
    """A count, which may be text or null, or stand within a mapping."""
    if isinstance(value, Mapping):
        value = _first(value, _COUNTS)
    if value is None:
        return 0
    if isinstance(value, str) and value.strip().isdecimal():
        return whole(value.strip())
    return value


def _counts(value: object) -> object:
    """Names, or rows with name and count, as counts by name."""
    if isinstance(value, Mapping):
        return {name: _number(count) for name, count in value.items()}
    if not isinstance(value, list):
        return value
    found: dict[str, object] = {}
    for row in value:
        name, count = (
            (_first(row, _NAMES), _first(row, _COUNTS)) if isinstance(row, dict) else (row, 0)
        )
        before = found.get(str(name), 0)
        whole = isinstance(row, dict) and count is None  # a row by itself counts as one
        found[str(name)] = (before + 1 if isinstance(before, int) else 1) if whole else count
    return {name: _number(count) for name, count in found.items()}


def _rows(value: object, key: str) -> object:
    """Rows, which may be given by what names them."""
    if not isinstance(value, Mapping):
        return value
    if key in value:
        return [value]
    return [{key: name, **(row if isinstance(row, Mapping) else {})} for name, row in value.items()]


def _names(value: object) -> object:
    """A list of names, which may be one text, an array of PostgreSQL, or rows."""
    if isinstance(value, str):
        inner = value.strip().removeprefix("{").removesuffix("}")
        return [part for text in inner.split(",") if (part := text.strip().strip('"'))]
    if isinstance(value, list):
        return [_first(one, _NAMES) if isinstance(one, Mapping) else one for one in value]
    return value


def _picked(value: object, *names: str, **defaults: object) -> object:
    """Rows of a table, with the columns that count; NULL means the same as nothing."""
    if not isinstance(value, list):
        return value
    return [
        {**defaults, **{n: row[n] for n in names if row.get(n) is not None}}
        if isinstance(row, Mapping)
        else row
        for row in value
    ]


def _schema_meta(value: object) -> object:
    found = _picked(_rows(value, "subsystem"), "subsystem", "executed", "pending", "last_executed")
    for row in found if isinstance(found, list) else ():
        if isinstance(row, dict):
            row.update({n: _names(row[n]) for n in ("executed", "pending") if n in row})
    return found


def _columns(value: object, kind: type[RouteRow] | type[ServiceRow]) -> object:
    """Rows of a table with the columns that a class has; a count is none."""
    if isinstance(value, int | Mapping):
        return []
    if not isinstance(value, list):
        return value
    return [_fitting(row, kind) if isinstance(row, dict) else row for row in value]


_ROWS: Mapping[type, Form[RouteRow] | Form[ServiceRow]] = {
    RouteRow: Form(RouteRow, "row"),
    ServiceRow: Form(ServiceRow, "row"),
}
"""One for all rows: to make it takes longer than to read many of them."""


def _fitting(
    row: Mapping[str, object], kind: type[RouteRow] | type[ServiceRow]
) -> Mapping[str, object]:
    """The row, or only what it is called and its paths where the rest has another shape."""
    found = columns(row, kind)
    if isinstance(found.get("paths"), str):
        found["paths"] = _names(found["paths"])
    try:
        _ROWS[kind].from_document(found)
    except FormatError:
        return {name: found[name] for name in ("id", "name", "paths") if name in found}
    return found


def _version(value: object) -> object:
    """As in "13.11", which YAML's habits make a number, or of `server_version_num`."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if isinstance(text, str) and re.fullmatch(r"\d{5,6}", text) and int(text) >= _WITH_NUM:
        return f"{int(text) // 10000}.{int(text) % 10000}"
    return text


_SHAPES: Mapping[str, Callable[[object], object]] = {
    "server_version": _version,
    "tables": _counts,
    "plugins": _counts,
    "schema_meta": _schema_meta,
    # A row of `locks` without a word on its time counts as held: that is the safe reading.
    "locks": lambda v: _picked(
        _rows(v, "key"), "key", "owner", "held", held=True, owner="somebody"
    ),
    "routes": lambda v: _columns(v, RouteRow),
    "services": lambda v: _columns(v, ServiceRow),
    "keyring_ids": _names,
    "encrypted_values": lambda v: len(v) if isinstance(v, list | dict) else _number(v),
    "connections": _number,
}
