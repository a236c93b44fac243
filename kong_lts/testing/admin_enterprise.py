"""What Enterprise adds to the Admin API of the double: workspaces, RBAC, licences, the keyring.

Written from Kong's documents and from what decK asks for: Enterprise was never measured.
"""

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from kong_lts.testing.admin_store import Answer, Document, Refusal, message

__all__ = ["Enterprise"]

_RECOVERY_KEY = "recovery_private_key"


@attrs.define
class Enterprise:
    """Everything that open source has not.

    Args:
        workspaces: By name.
        keys: Of the keyring: secrets by id.
        recoverable: Keys that the database holds, encrypted; `recover` opens them.
        unrecoverable: Ids of those that it does not open.
    """

    workspaces: dict[str, Document] = attrs.Factory(
        lambda: {"default": {"id": str(uuid.uuid4()), "name": "default", "config": {}}}
    )
    licenses: dict[str, Document] = attrs.Factory(dict)
    roles: dict[tuple[str, str], Document] = attrs.Factory(dict)
    """By workspace and id."""
    permissions: dict[str, list[Document]] = attrs.Factory(dict)
    """On endpoints, by the id of their role."""
    users: dict[tuple[str, str], Document] = attrs.Factory(dict)
    keys: dict[str, str] = attrs.field(factory=dict, repr=False)
    active: str | None = None
    recoverable: dict[str, str] = attrs.field(factory=dict, repr=False)
    unrecoverable: set[str] = attrs.Factory(set)

    def add_workspace(self, name: str) -> None:
        """A workspace with nothing in it."""
        self.workspaces[name] = {"id": str(uuid.uuid4()), "name": name, "config": {}}

    def answer(
        self, method: str, workspace: str, parts: Sequence[str], given: Mapping[str, Any]
    ) -> Answer | None:
        """What comes back; None where this is no path of Enterprise's own."""
        match [method, *parts]:
            case [_, "workspaces", *rest]:
                return self._workspace(method, rest, given)
            case [_, "licenses", *rest]:
                return _collection(method, self.licenses, rest, given)
            case [_, "rbac", "users", *rest]:
                return self._rbac(method, self.users, workspace, rest, given)
            case [_, "rbac", "roles", role, "endpoints", *rest]:
                return self._permission(method, self._role(workspace, role), rest, given)
            case [_, "rbac", "roles", *rest]:
                return self._rbac(method, self.roles, workspace, rest, given)
            case [_, "keyring", *rest]:
                return self._keyring(method, rest, given)
        return None

    def _workspace(self, method: str, rest: Sequence[str], given: Mapping[str, Any]) -> Answer:
        if not rest and method == "GET":
            return Answer(200, {"data": list(self.workspaces.values()), "next": None})
        name = rest[0] if rest else str(given.get("name"))
        if method in ("POST", "PUT", "PATCH"):
            if name not in self.workspaces:
                self.add_workspace(name)
            return Answer(201 if method == "POST" else 200, self.workspaces[name])
        found = self.workspaces.get(name) or next(
            (one for one in self.workspaces.values() if one["id"] == name), None
        )
        return message(404, "Not found") if found is None else Answer(200, found)

    def _rbac(
        self,
        method: str,
        rows: dict[tuple[str, str], Document],
        workspace: str,
        rest: Sequence[str],
        given: Mapping[str, Any],
    ) -> Answer:
        own = {one: row for (where, one), row in rows.items() if where == workspace}
        answer = _collection(method, own, rest, given)
        for where, one in [key for key in rows if key[0] == workspace]:
            del rows[where, one]
        rows.update({(workspace, one): row for one, row in own.items()})
        return answer

    def _role(self, workspace: str, called: str) -> str:
        for (where, one), row in self.roles.items():
            if where == workspace and called in (one, row.get("name")):
                return one
        raise Refusal(message(404, "Not found"))

    def _permission(
        self, method: str, role: str, rest: Sequence[str], given: Mapping[str, Any]
    ) -> Answer:
        rows = self.permissions.setdefault(role, [])
        if method == "GET" and not rest:
            return Answer(200, {"data": rows, "next": None})
        if method == "POST":
            actions = given.get("actions", "")
            listed = actions.split(",") if isinstance(actions, str) else actions
            row = {"negative": False, **given, "actions": listed, "role": {"id": role}}
            rows.append(row)
            return Answer(201, row)
        where = f"/{'/'.join(rest[1:])}" if len(rest) > 1 else "*"
        kept = [row for row in rows if row["endpoint"] not in (where, where.strip("/"))]
        self.permissions[role] = kept
        return Answer(204) if len(kept) < len(rows) else message(404, "Not found")

    def _keyring(self, method: str, rest: Sequence[str], given: Mapping[str, Any]) -> Answer:
        match [method, *rest]:
            case ["GET"]:
                return Answer(200, {"active": self.active, "ids": sorted(self.keys) or {}})
            case ["GET", "active"] if self.active is not None:
                return Answer(200, {"id": self.active})
            case ["POST", "export"]:
                held = json.dumps({"keys": self.keys, "active": self.active}).encode()
                return Answer(200, {"data": base64.b64encode(held).decode()})
            case ["POST", "import"]:
                return self._import(str(given.get("data", "")))
            case ["POST", "recover"]:
                return self._recover(str(given.get(_RECOVERY_KEY, "")))
            case ["POST", "activate"]:
                if given.get("key") not in self.keys:
                    return message(404, "Not found")
                self.active = str(given["key"])
                return Answer(204)
        return message(404, "Not found")

    def _import(self, data: str) -> Answer:
        try:
            held = json.loads(base64.b64decode(data, validate=True))
            self.keys.update(held["keys"])
        except (ValueError, KeyError, TypeError):
            return message(400, "failed to decrypt key material")
        return Answer(201)

    def _recover(self, key: str) -> Answer:
        if "PRIVATE KEY" not in key:
            return message(400, "invalid recovery private key")
        opened = {i: k for i, k in self.recoverable.items() if i not in self.unrecoverable}
        self.keys.update(opened)
        return Answer(200, {
            "message": f"successfully recovered {len(opened)} keys",
            "recovered": sorted(opened) or {},
            "not_recovered": sorted(self.unrecoverable & self.recoverable.keys()) or {},
        })  # fmt: skip


def _collection(
    method: str, rows: dict[str, Document], rest: Sequence[str], given: Mapping[str, Any]
) -> Answer:
    """List, read, write and delete rows that have no schema here."""
    if not rest:
        if method == "GET":
            return Answer(200, {"data": list(rows.values()), "next": None})
        row = {"id": str(uuid.uuid4()), **given}
        rows[row["id"]] = row
        return Answer(201, row)
    found = next((i for i, row in rows.items() if rest[0] in (i, row.get("name"))), None)
    if method == "PUT":
        one = found or rest[0]
        rows[one] = {**given, "id": one}
        return Answer(200, rows[one])
    if found is None:
        return message(404, "Not found")
    if method == "PATCH":
        rows[found] |= given
    if method == "DELETE":
        del rows[found]
        return Answer(204)
    return Answer(200, rows[found])
