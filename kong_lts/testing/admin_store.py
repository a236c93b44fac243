"""What the Admin API of the double holds: entities by workspace, with their references."""

import base64
import binascii
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from kong_lts.testing.admin_entities import Kind, Schemas, kinds
from kong_lts.testing.admin_fields import Tree, message_of

__all__ = ["Answer", "Document", "Refusal", "Store", "message"]

Document = dict[str, Any]
_PAGE = 100
_LARGEST_PAGE = 1000


@attrs.frozen
class Answer:
    """What comes back; no document is an empty body."""

    status: int
    document: Document | None = None


class Refusal(Exception):  # noqa: N818 # it is an answer on its way out, and nobody's error
    """An answer that ends the work on a request."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def message(status: int, text: str) -> Answer:
    """An answer with nothing but a message."""
    return Answer(status, {"message": text})


@attrs.define
class Store:
    """All entities; every method looks at one workspace.

    Args:
        schemas: Of the release.
        now: The time, in seconds since 1970.
    """

    schemas: Schemas
    now: Callable[[], float] = time.time
    _rows: dict[tuple[str, str], dict[str, Document]] = attrs.field(factory=dict, init=False)
    """Entities by id, by workspace and table."""

    def rows(self, workspace: str, table: str) -> dict[str, Document]:
        """The entities of one kind, by id."""
        found = self._rows.setdefault((workspace, table), {})
        if table == "keyauth_credentials":
            for one in [i for i, row in found.items() if row.get("ttl", 1) <= 0]:
                del found[one]
        return found

    def page(
        self, workspace: str, kind: Kind, path: str, query: Mapping[str, str], **of: str
    ) -> Answer:
        """One page of a collection, in the order of ids.

        Args:
            workspace: Where to look.
            kind: What for.
            path: Of the collection, for the link to the next page.
            query: `size`, `offset` and `tags`.
            of: Only those that refer to another entity: field and id.
        """
        size = int(query.get("size", _PAGE))
        if not 1 <= size <= _LARGEST_PAGE:
            raise Refusal(message(400, f"size must be an integer between 1 and {_LARGEST_PAGE}"))
        after = _offset(query.get("offset"))
        wanted = [
            row
            for one, row in sorted(self.rows(workspace, kind.table).items())
            if one > after
            and _tagged(row.get("tags") or (), query.get("tags"))
            and all((row.get(field) or {}).get("id") == other for field, other in of.items())
        ]
        document: Document = {
            "data": [self.shown(workspace, kind, row) for row in wanted[:size]],
            "next": None,
        }
        if len(wanted) > size:
            document["offset"] = _encoded(wanted[size - 1]["id"])
            document["next"] = f"{path}?offset={document['offset']}"
        return Answer(200, document)

    def shown(self, workspace: str, kind: Kind, row: Document) -> Document:
        """An entity as an answer shows it."""
        if kind.table == "certificates":
            snis = self.rows(workspace, "snis").values()
            names = [s["name"] for s in snis if s["certificate"]["id"] == row["id"]]
            return row | {"snis": sorted(names)}
        if kind.table == "keyauth_credentials":
            expires = row.get("expires")
            shown = {name: value for name, value in row.items() if name != "expires"}
            return shown | {"ttl": None if expires is None else max(0, int(expires - self.now()))}
        return row

    def find(self, workspace: str, kind: Kind, called: str) -> Document | None:
        """The entity with an id, or with a name where its kind has one."""
        rows = self.rows(workspace, kind.table)
        if called in rows:
            return rows[called]
        if kind.key is None:
            return None
        return next((row for row in rows.values() if row.get(kind.key) == called), None)

    def write(
        self, workspace: str, kind: Kind, given: Mapping[str, Any], before: Document | None
    ) -> Document:
        """Take an entity, or refuse it.

        Raises:
            Refusal: Its schema does not take it, it is there already, or it refers to nothing.
        """
        given = self._with_snis_apart(kind, given)
        known = before or {}
        asked = dict(given) | {k: known[k] for k in ("id", "created_at") if k in known}
        if found := self.schemas.problems(kind.table, asked):
            raise Refusal(_violation(found))
        row = self.schemas.complete(kind.table, asked)
        self._stamp(kind, row, known)
        self._refers(workspace, kind, row)
        self._is_unique(workspace, kind, row)
        self.rows(workspace, kind.table)[row["id"]] = row
        return row

    def delete(self, workspace: str, kind: Kind, row: Document) -> None:
        """Delete an entity, and what goes with it.

        Raises:
            Refusal: Another refers to it.
        """
        users = list(self._users(workspace, kind, row))
        for other, _ in users:
            if kind.table not in other.cascades:
                raise Refusal(_used(kind, other))
        for other, user in users:
            if user["id"] in self.rows(workspace, other.table):
                self.delete(workspace, other, user)
        self.rows(workspace, kind.table).pop(row["id"], None)

    def load(self, workspace: str, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put entities there as they are, past every check."""
        for row in rows:
            own = {name: value for name, value in row.items() if name not in ("snis", "ttl")}
            if table == "routes":
                own["snis"] = row.get("snis")
            if row.get("ttl") is not None:
                own["expires"] = self.now() + float(row["ttl"])
            self.rows(workspace, table)[str(row["id"])] = own

    def _with_snis_apart(self, kind: Kind, given: Mapping[str, Any]) -> Mapping[str, Any]:
        if kind.table != "certificates":
            return given
        return {name: value for name, value in given.items() if name != "snis"}

    def _stamp(self, kind: Kind, row: Document, before: Mapping[str, Any]) -> None:
        now = self.now()
        time_of = round(now, 3) if kind.table == "targets" else int(now)
        if "created_at" in row:
            row["created_at"] = before.get("created_at") or row["created_at"] or time_of
        if "updated_at" in row:
            row["updated_at"] = time_of
        if (ttl := row.get("ttl")) is not None and kind.table == "keyauth_credentials":
            row["expires"] = now + float(ttl)
        if kind.table == "keyauth_credentials":
            row.pop("ttl", None)
        if kind.table == "targets" and ":" not in str(row["target"]):
            row["target"] = f"{row['target']}:8000"

    def _refers(self, workspace: str, kind: Kind, row: Document) -> None:
        for field, table in kind.of.items():
            other = (row.get(field) or {}).get("id")
            if other is not None and other not in self.rows(workspace, table):
                text = f"the foreign key '{{id=\"{other}\"}}' does not reference an existing"
                raise Refusal(Answer(400, {
                    "code": 4, "name": "foreign key violation",
                    "message": f"{text} '{table}' entity.", "fields": {field: {"id": other}},
                }))  # fmt: skip

    def _is_unique(self, workspace: str, kind: Kind, row: Document) -> None:
        fields: list[tuple[str, ...]] = [(name,) for name in kind.unique]
        fields += _TOGETHER_UNIQUE.get(kind.table, ())
        for other in self.rows(workspace, kind.table).values():
            for names in fields:
                same = all(row.get(n) == other.get(n) for n in names)
                if same and other["id"] != row["id"] and row.get(names[-1]) is not None:
                    raise Refusal(_twice({name: row[name] for name in names}))

    def _users(self, workspace: str, kind: Kind, row: Document) -> Iterator[tuple[Kind, Document]]:
        for other in kinds(self.schemas.release).values():
            for field, table in other.of.items():
                if table == kind.table:
                    for user in list(self.rows(workspace, other.table).values()):
                        if (user.get(field) or {}).get("id") == row["id"]:
                            yield other, user


_TOGETHER_UNIQUE: Mapping[str, Sequence[tuple[str, ...]]] = {
    "targets": [("upstream", "target")],
    "plugins": [("consumer", "service", "route", "name")],
}


def _violation(found: Tree) -> Answer:
    return Answer(400, {
        "code": 2, "name": "schema violation", "message": message_of(found), "fields": found,
    })  # fmt: skip


def _twice(fields: Document) -> Answer:
    shown = ",".join(f'{name}="{value}"' for name, value in fields.items())
    return Answer(409, {
        "code": 5, "name": "unique constraint violation", "fields": fields,
        "message": f"UNIQUE violation detected on '{{{shown}}}'",
    })  # fmt: skip


def _used(kind: Kind, by: Kind) -> Answer:
    return Answer(400, {
        "code": 4, "name": "foreign key violation", "fields": {"@referenced_by": by.table},
        "message": f"an existing '{by.table}' entity references this '{kind.table}' entity",
    })  # fmt: skip


def _tagged(tags: Sequence[str], wanted: str | None) -> bool:
    """Whether tags are all of `a,b`, or one of `a/b`."""
    if not wanted:
        return True
    if "," in wanted:
        return all(tag in tags for tag in wanted.split(","))
    return any(tag in tags for tag in wanted.split("/"))


def _encoded(one: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([one]).encode()).decode()


def _offset(text: str | None) -> str:
    if text is None:
        return ""
    try:
        found = json.loads(base64.urlsafe_b64decode(text))
        return str(found[0])
    except (binascii.Error, ValueError, LookupError, TypeError):
        raise Refusal(message(400, f"Invalid offset: {text}")) from None
