"""What changed from 2.8 to 3.4, as data: one function per file, read on first use and kept."""

import functools
import json
from pathlib import Path
from typing import TypeVar

from kong_lts.catalog.rows import (
    ConfKeys,
    DeclarativeRule,
    KongConfRule,
    Migrations,
    Rule,
    StateTable,
)
from kong_lts.errors import CatalogError, FormatError
from kong_lts.serialization import Form
from kong_lts.versions import Release

__all__ = [
    "conf_keys",
    "database",
    "entities",
    "inputs",
    "kong_conf",
    "migrations",
    "plugins",
    "prerequisites",
    "routes",
    "state_files",
]

Row = TypeVar("Row")


@functools.cache
def conf_keys(release: Release) -> ConfKeys:
    """Every key of kong.conf that a release knows: type, default, edition."""
    name = f"releases/{release}.json"
    text = Path(__file__).parent.joinpath(name).read_text("utf-8")
    return Form(ConfKeys, name).from_document(json.loads(text))


@functools.cache
def database() -> tuple[Rule, ...]:
    """Rules on what a look at the database shows."""
    return _rows("database.yaml", Rule)


@functools.cache
def entities() -> tuple[DeclarativeRule, ...]:
    """Rules on everything in a declarative file but plugins; regexes included."""
    return _rows("entities.yaml", DeclarativeRule)


@functools.cache
def inputs() -> tuple[Rule, ...]:
    """Rules on inputs that cannot be understood at all."""
    return _rows("inputs.yaml", Rule)


@functools.cache
def kong_conf() -> tuple[KongConfRule, ...]:
    """Rules on kong.conf and the `KONG_*` variables."""
    return _rows("kong_conf.yaml", KongConfRule)


@functools.cache
def migrations() -> Migrations:
    """The names of the migrations that tell how far a database is."""
    text = Path(__file__).with_name("releases").joinpath("migrations.json").read_text("utf-8")
    return Form(Migrations, "releases/migrations.json").from_document(json.loads(text))


@functools.cache
def plugins() -> tuple[DeclarativeRule, ...]:
    """Rules on the configuration of bundled plugins."""
    return _rows("plugins.yaml", DeclarativeRule)


@functools.cache
def prerequisites() -> tuple[Rule, ...]:
    """Rules of the guide's prerequisites and of the versions on either side."""
    return _rows("prerequisites.yaml", Rule)


@functools.cache
def routes() -> tuple[Rule, ...]:
    """Rules on which route wins in each release."""
    return _rows("routes.yaml", Rule)


@functools.cache
def state_files() -> tuple[StateTable, ...]:
    """What decK's files hold of each table, and what they bring back."""
    return _rows("state_files.yaml", StateTable)


def _rows(name: str, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of a file of this folder, each checked against its class.

    Raises:
        CatalogError: A row does not fit: an unknown field, an unquoted value, an id given twice.
    """
    # Importing this package must stay cheap, and libyaml's parser is ten times the pure one.
    from ruamel.yaml import YAML

    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    document = YAML(typ="safe", pure=False).load(text)
    try:
        rows = Form(tuple[kind, ...], name).from_document(document)  # type: ignore[valid-type] # the class is a value here
    except FormatError as exc:
        raise CatalogError(name, exc.problems) from None
    ids = [getattr(row, "id", None) for row in rows]
    if twice := sorted({str(i) for i in ids if i is not None and ids.count(i) > 1}):
        raise CatalogError(name, tuple(f"id {i} is given twice" for i in twice))
    return rows
