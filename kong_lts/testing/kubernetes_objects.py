"""Objects of Kubernetes and who owns which field of them: server-side apply, without a server."""

import copy
from collections.abc import Iterator, Mapping
from typing import cast

import attrs

__all__ = ["Answer", "Document", "Refusal", "applied", "created", "failure", "inner"]

Document = dict[str, object]
Path = tuple[str, ...]

_NO_FIELDS = {
    ("apiVersion",),
    ("kind",),
    *(("metadata", key) for key in (
        "name", "namespace", "resourceVersion", "generation", "uid", "managedFields",
        "creationTimestamp",
    )),
}  # fmt: skip
"""What nobody owns."""


@attrs.frozen
class Answer:
    """What the API server says."""

    status: int
    document: Document
    text: str = ""
    """Plain words in the place of a document."""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Beside those of every answer."""


@attrs.define
class Refusal(Exception):  # noqa: N818 - an answer, found deep inside
    """The API server says no."""

    answer: Answer


def failure(code: int, reason: str, message: str, details: Document | None = None) -> Answer:
    """A refusal in the form that all of them have."""
    more: Document = {"details": details} if details else {}
    said = {"message": message, "reason": reason, **more, "code": code}
    return Answer(
        code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", **said}
    )


def inner(document: Mapping[str, object], key: str) -> Document:
    """The object within an object."""
    found = document.get(key)
    return cast("Document", found) if isinstance(found, dict) else {}


def created(document: Mapping[str, object], manager: str) -> Document:
    """A new object, whose fields all belong to one manager."""
    new = copy.deepcopy(dict(document))
    leaves = {path for path, _ in _leaves(new)}
    _own(new, {(manager, "Update"): leaves})
    return new


def applied(before: Document | None, wanted: Document, manager: str, *, force: bool) -> Document:
    """The object after a server-side apply.

    Fields that *wanted* has are set and belong to the manager from then on; fields that it had and
    that *wanted* lacks go, unless somebody else owns them too.

    Args:
        before: The object so far; None makes it.
        wanted: The fields.
        manager: Whose they are.
        force: Take fields that others own and that have another value, instead of refusing.

    Raises:
        Refusal: Others own such fields.
    """
    now = copy.deepcopy(before) if before is not None else _bare(wanted)
    owners = _owners(now)
    mine = owners.pop((manager, "Apply"), set())
    fields = dict(_leaves(wanted))
    missing = object()
    differing = {path for path, value in fields.items() if _at(now, path, missing) != value}
    conflicts = [(other, path) for other, paths in owners.items() for path in paths & differing]
    if conflicts and not force:
        raise Refusal(_conflict(now, conflicts))
    others = set[Path]().union(*owners.values())
    for path in mine - fields.keys() - others:
        _remove(now, path)
    for path, value in fields.items():
        _set(now, path, copy.deepcopy(value))
    left = {owner: paths - differing for owner, paths in owners.items()}
    _own(now, {**left, (manager, "Apply"): set(fields)})
    return now


def _bare(wanted: Document) -> Document:
    metadata = inner(wanted, "metadata")
    kept = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    return {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": kept}


def _conflict(now: Document, conflicts: list[tuple[tuple[str, str], Path]]) -> Answer:
    version = now["apiVersion"]
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{other}"{f" using {version}" if kind == "Update" else ""}',
            "field": "." + ".".join(path),
        }
        for (other, kind), path in sorted(conflicts)
    ]
    number = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    said = "\n".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    return failure(409, "Conflict", f"Apply failed with {number}: {said}", {"causes": causes})


# --- fields ---------------------------------------------------------------------------------------


def _leaves(document: Mapping[str, object], above: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every field that somebody can own, with its value; a list is one field."""
    for key, value in document.items():
        path = (*above, key)
        if path in _NO_FIELDS or path[0] == "status":
            continue
        if isinstance(value, dict) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _at(document: Document, path: Path, missing: object) -> object:
    found: object = document
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return missing
        found = found[key]
    return found


def _set(document: Document, path: Path, value: object) -> None:
    for key in path[:-1]:
        document = cast("Document", document.setdefault(key, {}))
    document[path[-1]] = value


def _remove(document: Document, path: Path) -> None:
    for key in path[:-1]:
        document = inner(document, key)
    document.pop(path[-1], None)


# --- managers -------------------------------------------------------------------------------------


def _own(document: Document, owners: Mapping[tuple[str, str], set[Path]]) -> None:
    entries = [
        {
            "manager": manager,
            "operation": operation,
            "apiVersion": document["apiVersion"],
            "fieldsType": "FieldsV1",
            "fieldsV1": _nested(paths),
        }
        for (manager, operation), paths in owners.items()
        if paths
    ]
    inner(document, "metadata")["managedFields"] = entries


def _owners(document: Document) -> dict[tuple[str, str], set[Path]]:
    entries = cast("list[Document]", inner(document, "metadata").get("managedFields", []))
    return {
        (str(entry["manager"]), str(entry["operation"])): set(_flat(inner(entry, "fieldsV1")))
        for entry in entries
    }


def _nested(paths: set[Path]) -> Document:
    fields: Document = {}
    for path in sorted(paths):
        _set(fields, tuple(f"f:{key}" for key in path), {})
    return fields


def _flat(fields: Document, above: Path = ()) -> Iterator[Path]:
    for key, value in fields.items():
        path = (*above, key.removeprefix("f:"))
        if isinstance(value, dict) and value:
            yield from _flat(value, path)
        else:
            yield path
