"""What changed from 2.8 to 3.4, as data: one function per file, read on first use and kept."""

import functools
import json
from pathlib import Path
from typing import TypeVar

from kong_lts.catalog.assessment_rows import (
    CallRule,
    ChangeRow,
    ErrorLogRule,
    IngressController,
    LuaRule,
    PainRow,
    PatchRow,
    PlatformRule,
    PluginPriority,
    TextRule,
)
from kong_lts.catalog.plain_yaml import plain_document
from kong_lts.catalog.rows import (
    ConfKeys,
    CounterPlugin,
    DeclarativeRule,
    KongConfRule,
    MeasuredDowntime,
    MetricQuery,
    Migrations,
    Rule,
    StateTable,
)
from kong_lts.errors import CatalogError, FormatError
from kong_lts.serialization import Form
from kong_lts.versions import Release

__all__ = [
    "automation",
    "changes",
    "conf_keys",
    "counters",
    "cross_input",
    "custom_plugins",
    "database",
    "durations",
    "entities",
    "error_log",
    "ingress_controllers",
    "inputs",
    "kong_conf",
    "metric_queries",
    "metrics",
    "migrations",
    "pains",
    "patches",
    "platforms",
    "plugin_order",
    "plugins",
    "prerequisites",
    "routes",
    "state_files",
    "templates",
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
def durations() -> tuple[MeasuredDowntime, ...]:
    """How long nobody answers in an in-place upgrade, by size, the smallest first."""
    return _rows("durations.yaml", MeasuredDowntime)


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
def counters() -> tuple[CounterPlugin, ...]:
    """Plugins that count requests, and where."""
    return _rows("counters.yaml", CounterPlugin)


@functools.cache
def ingress_controllers() -> tuple[IngressController, ...]:
    """Ingress controllers that are not Kong's, and how one knows what is theirs."""
    return _rows("ingress_controllers.yaml", IngressController)


@functools.cache
def metric_queries() -> tuple[MetricQuery, ...]:
    """One query set per release on what the gates read."""
    return _rows("metric_queries.yaml", MetricQuery)


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


@functools.cache
def automation() -> tuple[CallRule, ...]:
    """Rules on what automates the gateway: requests in a log, lines of scripts."""
    return _rows("automation.yaml", CallRule)


@functools.cache
def changes() -> tuple[ChangeRow, ...]:
    """Every change from 2.8 to 3.4, the rules that find it, and the guide's category."""
    return _rows("changes.yaml", ChangeRow)


@functools.cache
def cross_input() -> tuple[Rule, ...]:
    """Rules that hold several inputs against each other."""
    return _rows("cross_input.yaml", Rule)


@functools.cache
def custom_plugins() -> tuple[LuaRule, ...]:
    """Rules on the code of custom plugins."""
    return _rows("custom_plugins.yaml", LuaRule)


@functools.cache
def error_log() -> tuple[ErrorLogRule, ...]:
    """Messages of the error log that foretell trouble."""
    return _rows("error_log.yaml", ErrorLogRule)


@functools.cache
def metrics() -> tuple[TextRule, ...]:
    """Rules on dashboards, alerts and whatever else reads metrics, logs and headers."""
    return _rows("metrics.yaml", TextRule)


@functools.cache
def pains() -> tuple[PainRow, ...]:
    """What people who upgraded before suffered, and the rules that say so beforehand."""
    return _rows("pains.yaml", PainRow)


@functools.cache
def patches() -> tuple[PatchRow, ...]:
    """Patch releases of 2.8 and 3.4, oldest first, and what each mends."""
    return _rows("patches.yaml", PatchRow)


@functools.cache
def platforms() -> tuple[PlatformRule, ...]:
    """Operating systems and base images."""
    return _rows("platforms.yaml", PlatformRule)


@functools.cache
def plugin_order() -> tuple[PluginPriority, ...]:
    """When each bundled plugin runs, in both releases."""
    return _rows("plugin_order.yaml", PluginPriority)


@functools.cache
def templates() -> tuple[TextRule, ...]:
    """Rules on nginx templates and on the listing of Kong's prefix folder."""
    return _rows("templates.yaml", TextRule)


def _rows(name: str, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of a file of this folder, each checked against its class.

    Raises:
        CatalogError: A row does not fit: an unknown field, an unquoted value, an id given twice.
    """
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    try:
        document = plain_document(text)
        rows = Form(tuple[kind, ...], name).from_document(document)  # type: ignore[valid-type] # the class is a value here
    except FormatError as exc:
        raise CatalogError(name, exc.problems) from None
    ids = [getattr(row, "id", None) for row in rows]
    if twice := sorted({str(i) for i in ids if i is not None and ids.count(i) > 1}):
        raise CatalogError(name, tuple(f"id {i} is given twice" for i in twice))
    return rows
