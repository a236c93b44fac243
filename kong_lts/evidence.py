"""Evidence: the facts that an assessment is made from; gather() and read_evidence()."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from kong_lts import kong_conf as kong_conf_module
from kong_lts.database import DatabaseFacts, RouteRow, ServiceRow, columns
from kong_lts.deployment import Deployment
from kong_lts.errors import FormatError, UnreadableFileError
from kong_lts.files import list_folder, read_bytes, read_text
from kong_lts.kong_conf import KongConf
from kong_lts.protocols import Adapters
from kong_lts.serialization import Form

__all__ = ["Evidence", "StateFile", "gather", "read_evidence"]


@attrs.frozen(kw_only=True)
class StateFile:
    """One declarative file: kong.yml, or what decK dumped of a workspace."""

    path: str
    data: bytes = attrs.field(repr=False)


def _by_node(value: KongConf | Mapping[str, KongConf]) -> Mapping[str, KongConf]:
    return {"": value} if isinstance(value, KongConf) else value


def _files(value: bytes | tuple[StateFile, ...]) -> tuple[StateFile, ...]:
    return (StateFile(path="kong.yml", data=value),) if isinstance(value, bytes) else tuple(value)


@attrs.frozen(kw_only=True)
class Evidence:
    """What is known of a deployment; everything is optional, and what is missing is said.

    Args:
        kong_conf: One kong.conf for all nodes, or one by node name.
        declarative: The bytes of kong.yml, or several declarative files.
        database: What a look at the current database shows.
    """

    kong_conf: Mapping[str, KongConf] = attrs.field(factory=dict, converter=_by_node)
    declarative: tuple[StateFile, ...] = attrs.field(default=(), converter=_files)
    database: DatabaseFacts | None = None


def gather(
    deployment: Deployment, adapters: Adapters, *, known: Evidence | None = None
) -> Evidence:
    """Look at the current cluster through the adapters, reading only.

    Args:
        deployment: What is upgraded.
        adapters: Those that are there are asked.
        known: Evidence that came from elsewhere, and stays.

    Returns:
        The evidence, with what the adapters showed.

    Raises:
        DatabaseError: The database cannot be reached.
    """
    evidence = known or Evidence()
    database = adapters.current.database
    if not deployment.mode.has_database or database is None:
        return evidence
    return attrs.evolve(evidence, database=database.facts())


def read_evidence(folder: str | os.PathLike[str]) -> Evidence:
    """Read a bundle: a folder with the files of a deployment.

    Any of kong.conf, kong.conf.d/NODE.conf, environ, kong.yml, state/*.yaml, database.json.

    Raises:
        UnreadableFileError: The folder, or a file of it, cannot be read.
        ConfError: A kong.conf is no text.
        FormatError: database.json does not fit.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UnreadableFileError(str(folder), "there is no such folder")
    environ = _environ(root / "environ")
    state = [*list_folder(root, "kong.yml"), *list_folder(root / "state", "*.y*ml")]
    facts = root / "database.json"
    return Evidence(
        kong_conf=_confs(root, environ),
        declarative=tuple(
            StateFile(path=path.relative_to(root).as_posix(), data=read_bytes(path))
            for path in state
        ),
        database=_database(read_text(facts), facts) if facts.exists() else None,
    )


def _confs(root: Path, environ: Mapping[str, str]) -> dict[str, KongConf]:
    """Each node's kong.conf with the environment; the environment alone where there is no file."""
    nodes = {path.stem: path for path in list_folder(root / "kong.conf.d", "*.conf")}
    one = root / "kong.conf"
    files = nodes or ({"": one} if one.exists() else {})
    found = {
        node: kong_conf_module.parse(
            read_bytes(path), environ=environ, path=path.relative_to(root).as_posix()
        )
        for node, path in files.items()
    }
    return found or ({"": kong_conf_module.parse("", environ=environ)} if environ else {})


def _environ(path: Path) -> dict[str, str]:
    """`KEY=VALUE` lines; others are passed over, as `docker --env-file` does with comments."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in read_text(path).splitlines())
    return {key.strip(): value for key, sign, value in pairs if sign and not key.startswith("#")}


def _database(text: str, path: Path) -> DatabaseFacts:
    """`database.json` of a bundle, which may have been written by hand or by a query.

    Raises:
        FormatError: It is no JSON object, or a field has another shape.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as exc:
        problem = f"no JSON: {exc.msg}"
        raise FormatError("database.json", (problem,), str(path), exc.lineno) from None
    if not isinstance(document, dict):
        raise FormatError("database.json", ("not a JSON object",), str(path))
    known = {field.alias for field in attrs.fields(DatabaseFacts)}
    facts = {key: _SHAPES.get(key, _same)(value) for key, value in document.items() if key in known}
    return _FACTS.from_document(facts, path=str(path))


_FACTS = Form(DatabaseFacts, "database.json")


def _same(value: object) -> object:
    return value


def _counts(value: object) -> object:
    """Names, or rows with name and count, as counts by name."""
    if not isinstance(value, list):
        return value
    rows = [row if isinstance(row, dict) else {"name": row} for row in value]
    return {str(row.get("name")): row.get("count", 0) for row in rows}


def _picked(value: object, *names: str, **defaults: object) -> object:
    """Rows of a table, with the columns that count; NULL means the same as nothing."""
    if not isinstance(value, list):
        return value
    return [
        {**defaults, **{n: row[n] for n in names if row.get(n) is not None}}
        if isinstance(row, dict)
        else row
        for row in value
    ]


def _columns(value: object, kind: type[RouteRow] | type[ServiceRow]) -> object:
    """Rows of a table with the columns that a class has."""
    if not isinstance(value, list):
        return value
    return [_fitting(row, kind) if isinstance(row, dict) else row for row in value]


def _fitting(
    row: Mapping[str, object], kind: type[RouteRow] | type[ServiceRow]
) -> Mapping[str, object]:
    """The row, or only what it is called and its paths where the rest has another shape."""
    found = columns(row, kind)
    try:
        Form(kind, "row").from_document(found)
    except FormatError:
        return {name: found[name] for name in ("id", "name", "paths") if name in found}
    return found


_SHAPES: Mapping[str, Callable[[object], object]] = {
    "tables": _counts,
    "plugins": _counts,
    "schema_meta": lambda v: _picked(v, "subsystem", "executed", "pending", "last_executed"),
    # A row of `locks` without a word on its time counts as held: that is the safe reading.
    "locks": lambda v: _picked(v, "key", "owner", "held", held=True, owner="somebody"),
    "routes": lambda v: _columns(v, RouteRow),
    "services": lambda v: _columns(v, ServiceRow),
}
