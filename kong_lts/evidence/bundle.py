"""read_evidence(): the facts of a deployment from a folder of files."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from kong_lts import kong_conf as kong_conf_module
from kong_lts.database import DatabaseFacts
from kong_lts.errors import FormatError, UnreadableFileError
from kong_lts.evidence.database_json import database_facts
from kong_lts.evidence.line_numbers import (
    FileLines,
    lines_of_environ,
    lines_of_json,
    variables,
)
from kong_lts.evidence.logs import (
    Progress,
    read_access_log,
    read_admin_log,
    read_error_log,
)
from kong_lts.evidence.values import Evidence, Gap, Rows, StateFile, TextFile
from kong_lts.files import list_folder, read_bytes, read_text
from kong_lts.kong_conf import KongConf

__all__ = ["admin_path", "read_evidence"]

_OWN_UNDERSCORES = re.compile(
    r"(?:(?<=_)|^)(ca_certificates|consumer_groups|data_planes|oauth2_tokens|document_objects)(?=_|$)|_"
)

Log = TypeVar("Log")

_NAMES = (
    "deployment.yaml", "kong.conf", "kong.conf.d", "environ", "kong.yml", "kong.yaml", "kong.json",
    "state", "plugins", "logs", "kubernetes", "certificates", "templates", "scripts", "admin",
    "database.json", "prefix.txt",
)  # fmt: skip
"""What is read at the top of a bundle; of some folders all, of others this:"""
_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "kong.conf.d": ("*.conf",),
    "state": ("*.y*ml", "*.json"),
    "admin": ("*.json",),
    "logs": ("access.log", "admin_access.log", "error.log"),
}
_MOST_NAMED = 20

_MAX_TEXT = 16 << 20
_ENTITIES = ("routes", "services", "plugins", "consumers", "upstreams", "targets", "certificates")
"""Keys of database.json whose rows are kept as they are, where they are more than counts."""


def read_evidence(
    folder: str | os.PathLike[str], *, progress: Callable[[str, int], None] | None = None
) -> Evidence:
    """Read a bundle: a folder with the files of a deployment.

    Any of kong.conf, kong.conf.d/NODE.conf, environ, kong.yml, state/*.yaml, database.json,
    admin/*.json, plugins/NAME/*.lua, logs/{access,admin_access,error}.log, kubernetes/*,
    certificates/*, templates/*, scripts/*, prefix.txt, or one evidence.json that holds them all.
    Other files become a gap.

    Args:
        folder: The bundle.
        progress: Told the path and how many bytes of it have been read, for each log.

    Raises:
        UnreadableFileError: The folder, or a file of it, cannot be read.
        ConfError: A kong.conf is no text.
        FormatError: A JSON file does not fit.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UnreadableFileError(str(folder), "there is no such folder")
    saved = root / "evidence.json"
    if saved.exists():
        return Evidence.from_json(read_text(saved))
    facts = root / "database.json"
    document = _json_object(facts) if facts.exists() else {}
    return Evidence(
        kong_conf=_confs(root, _environ(root / "environ")),
        declarative=_state(root),
        database=database_facts(document, facts) if facts.exists() else None,
        rows=_rows(document),
        admin=_admin(root / "admin"),
        prefix=_lines(root / "prefix.txt"),
        gaps=tuple(_not_read(root)),
        lines=dict(_places(root)),
        **_all_texts(root),
        **_all_logs(root / "logs", progress),
    )


def _not_read(root: Path) -> Iterator[Gap]:
    """One gap for all files and folders whose names nothing of a bundle has."""
    names = {".": _NAMES, **_PATTERNS}
    if list_folder(root / "kong.conf.d", "*.conf"):  # then each node has its own
        names["."] = tuple(name for name in _NAMES if name != "kong.conf")
    others = [
        f"{path.relative_to(root).as_posix()}{'/' * path.is_dir()}"
        for folder, known in names.items()
        if (root / folder).is_dir()
        for path in sorted((root / folder).iterdir())
        if not path.name.startswith(".") and not any(map(path.match, known))
    ]
    if others:
        more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        listed = f"{', '.join(others[:_MOST_NAMED])}{more}"
        yield Gap(source="files", reason=f"a name that a bundle has, for {listed}")


def _all_texts(root: Path) -> dict[str, Any]:
    folders = {"custom_plugins": "plugins"} | {
        name: name for name in ("kubernetes", "certificates", "templates", "scripts")
    }
    return {field: _texts(root, folder, "**/*") for field, folder in folders.items()}


def _all_logs(folder: Path, progress: Callable[[str, int], None] | None) -> dict[str, Any]:
    return {
        "access_log": _log(folder / "access.log", read_access_log, progress),
        "admin_access_log": _log(folder / "admin_access.log", read_admin_log, progress),
        "error_log": _log(folder / "error.log", read_error_log, progress),
    }


def _state(root: Path) -> tuple[StateFile, ...]:
    names = [
        *(
            found
            for name in ("kong.yml", "kong.yaml", "kong.json")
            for found in list_folder(root, name)
        ),
        *list_folder(root / "state", "*.y*ml"),
        *list_folder(root / "state", "*.json"),
    ]
    return tuple(
        StateFile(path=path.relative_to(root).as_posix(), data=read_bytes(path)) for path in names
    )


def _texts(root: Path, folder: str, pattern: str) -> tuple[TextFile, ...]:
    """The files below a folder that may be text; what is larger than any source is none."""
    return tuple(
        TextFile(path=path.relative_to(root).as_posix(), text=read_text(path, max_bytes=_MAX_TEXT))
        for path in list_folder(root / folder, pattern)
        if path.stat().st_size <= _MAX_TEXT
    )


def _log(
    path: Path,
    read: Callable[..., Log],
    progress: Callable[[str, int], None] | None,
) -> Log | None:
    if not path.exists():
        return None
    told: Progress | None = None if progress is None else lambda done: progress(path.name, done)
    return read(path, progress=told)


def _lines(path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    return tuple(line.strip() for line in read_text(path).splitlines() if line.strip())


def admin_path(stem: str) -> str:
    """The path of the Admin API that a file `admin/STEM.json` answers: `_` stands for `/`.

    Where Kong's own path has a `_`, as in `ca_certificates` and `consumer_groups`, it stays.
    """
    if stem == "root":
        return "/"
    return "/" + _OWN_UNDERSCORES.sub(lambda found: found[1] or "/", stem)


def _places(root: Path) -> Iterator[tuple[str, FileLines]]:
    """The lines of all files that are read as documents."""
    for path in (*list_folder(root, "database.json"), *list_folder(root / "admin", "*.json")):
        yield path.relative_to(root).as_posix(), lines_of_json(read_text(path))
    for path in list_folder(root, "environ"):
        yield path.name, lines_of_environ(read_text(path))


def _admin(folder: Path) -> dict[str, object]:
    """The answers by path."""
    found: dict[str, object] = {}
    for path in list_folder(folder, "*.json"):
        found[admin_path(path.stem)] = _json(path)
    return found


def _json(path: Path) -> object:
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as exc:
        line = exc.lineno if isinstance(exc, json.JSONDecodeError) else None
        problem = f"no JSON: {exc.msg}" if isinstance(exc, json.JSONDecodeError) else "no JSON"
        raise FormatError(path.name, (problem,), str(path), line) from None


def _json_object(path: Path) -> dict[str, object]:
    document = _json(path)
    if not isinstance(document, dict):
        raise FormatError(path.name, ("not a JSON object",), str(path))
    return document


def _rows(document: Mapping[str, object]) -> Rows:
    """Rows of a database.json that are more than names and counts."""
    known = {field.alias for field in DatabaseFacts.__attrs_attrs__} - set(_ENTITIES)
    return {
        table: rows
        for table, value in document.items()
        if table not in known and isinstance(value, list)
        if (rows := tuple(row for row in value if isinstance(row, dict)))
    }


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
    """Its variables; other lines are passed over, as `docker --env-file` does with comments."""
    return variables(read_text(path)) if path.exists() else {}
