"""The entities of an Admin API: under which paths they are, and what Kong makes of each."""

import functools
import hashlib
import json
import secrets
import ssl
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from kong_lts.routing.router.refusals import problems as route_problems
from kong_lts.testing.admin_fields import Field, Tree, fields_of, filled, problems
from kong_lts.versions import Release

__all__ = ["CREDENTIALS", "Kind", "Schemas", "kinds"]

CREDENTIALS = {
    "key-auth": "keyauth_credentials",
    "basic-auth": "basicauth_credentials",
    "hmac-auth": "hmacauth_credentials",
    "jwt": "jwt_secrets",
    "acls": "acls",
    "oauth2": "oauth2_credentials",
}
"""Tables of credentials by their path below a consumer."""
_RANDOM_CHARACTERS = 24


@attrs.frozen(kw_only=True)
class Kind:
    """One kind of entity."""

    table: str
    """Also the name of its schema."""
    path: str
    """Of its collection."""
    key: str | None = None
    """A field by which one is called instead of its id."""
    unique: tuple[str, ...] = ()
    of: Mapping[str, str] = attrs.Factory(dict)
    """Fields that refer to others, with their tables."""
    cascades: frozenset[str] = frozenset()
    """Tables whose entity takes it along when it is deleted."""


_CALLED_BY = {"consumers": "username", "vaults": "prefix", "vaults_beta": "prefix"}
_PATHS = {
    "keyauth_credentials": "key-auths",
    "basicauth_credentials": "basic-auths",
    "hmacauth_credentials": "hmac-auths",
    "jwt_secrets": "jwts",
    "oauth2_credentials": "oauth2",
    "vaults_beta": "vaults-beta",
    "key_sets": "key-sets",
}
_TABLES = (
    *("services", "routes", "plugins", "consumers", "certificates", "snis", "ca_certificates"),
    *("upstreams", "targets", *CREDENTIALS.values(), "vaults_beta", "vaults", "keys", "key_sets"),
)


@functools.cache
def kinds(release: Release) -> dict[str, Kind]:
    """What a release has, by table."""
    schemas = Schemas(release)
    found = {}
    for table in _TABLES:
        schema = schemas.entity(table)
        if schema is None:
            continue
        fields = dict(fields_of(schema))
        foreign = {name: f["reference"] for name, f in fields.items() if f["type"] == "foreign"}
        found[table] = Kind(
            table=table,
            path=_PATHS.get(table, table),
            key=_CALLED_BY.get(table, "name" if fields.get("name", {}).get("unique") else None),
            unique=tuple(name for name, field in fields.items() if field.get("unique")),
            of=foreign,
            cascades=frozenset(
                foreign[name] for name in foreign if fields[name].get("on_delete") == "cascade"
            ),
        )
    return found


@functools.cache
def _read(release: Release) -> dict[str, Any]:
    path = Path(__file__).parent / "admin_schemas" / f"{release}.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    for name, field in fields_of(dict(fields_of(found["plugins"]["session"]))["config"]):
        if name == "secret":
            field["default"] = _random()  # each start of Kong has another
    return found


@attrs.frozen
class Schemas:
    """The schemas of one release, as its own Admin API shows them.

    Source:
        `GET /schemas/...` of Kong 2.8.5 and 3.4.2, without their descriptions. What a schema does
        by a function is not in it; of that there is here what decK's requests meet.
    """

    release: Release
    router_flavor: str = "traditional_compatible"

    def entity(self, name: str) -> Field | None:
        """The schema of a kind of entity; None where the release has none."""
        found: Field | None = _read(self.release)["entities"].get(name)
        return found

    def plugin(self, name: str) -> Field | None:
        """The schema of a plugin; None where it is not installed."""
        found: Field | None = _read(self.release)["plugins"].get(name)
        return found

    @property
    def plugins(self) -> tuple[str, ...]:
        """The plugins that there are."""
        return tuple(_read(self.release)["plugins"])

    def complete(self, table: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entity with everything that Kong adds by itself, but times."""
        whole = filled(self._whole_schema(table, given), given)
        for name, field in fields_of(self.entity(table) or {}):
            if field.get("auto") and whole[name] is None and field["type"] == "string":
                whole[name] = str(uuid.uuid4()) if field.get("uuid") else _random()
        if table in CREDENTIALS.values():
            _credential(table, whole, given)
        if "cert_digest" in whole:
            der = ssl.PEM_cert_to_DER_cert(str(whole["cert"]).strip())
            whole["cert_digest"] = hashlib.sha256(der).hexdigest()
        for name in kinds(self.release)[table].of if table in kinds(self.release) else {}:
            if isinstance(whole.get(name), dict):
                whole[name] = {"id": whole[name].get("id")}
        return whole

    def problems(self, table: str, given: Mapping[str, Any]) -> Tree:
        """What is wrong with an entity as it was sent."""
        if table == "plugins" and self.plugin(name := str(given.get("name", ""))) is None and name:
            said = f"plugin '{name}' not enabled; add it to the 'plugins' configuration property"
            return {"name": said}
        whole = filled(self._whole_schema(table, given), given)
        if table == "keyauth_credentials":
            whole.pop("ttl", None)
        whole.update(self._ids_only(table, whole))
        found = problems(self._whole_schema(table, given), whole)
        if table == "routes" and (paths := list(self._paths(given.get("paths")))):
            found["paths"] = paths
        return found

    def _whole_schema(self, table: str, given: Mapping[str, Any]) -> Field:
        """Of a plugin with the fields of its own; of others as it is."""
        schema = self.entity(table) or {}
        own = self.plugin(str(given.get("name"))) if table == "plugins" else None
        if own is None:
            return schema
        fields = dict(fields_of(schema)) | dict(fields_of(own))
        checks = [*schema.get("entity_checks", ()), *own.get("entity_checks", ())]
        return {"fields": [{name: f} for name, f in fields.items()], "entity_checks": checks}

    def _ids_only(self, table: str, whole: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name in kinds(self.release)[table].of if table in kinds(self.release) else ():
            if isinstance(whole.get(name), dict):
                yield name, {"id": whole[name].get("id")}

    def _paths(self, paths: object) -> Iterator[str | None]:
        """What the release has against each path; the schema says it by a function."""
        if not isinstance(paths, list):
            return
        found = [self._path(path) for path in paths]
        while found and found[-1] is None:
            found.pop()
        yield from found

    def _path(self, path: object) -> str | None:
        route = {"paths": [path], "protocols": ["http"]}
        said = next(route_problems(route, self.release, self.router_flavor), None)
        return None if said is None else said.removeprefix("paths: ")


def _credential(table: str, whole: dict[str, Any], given: Mapping[str, Any]) -> None:
    consumer = (whole.get("consumer") or {}).get("id", "")
    if table == "basicauth_credentials" and isinstance(whole.get("password"), str):
        salted = f"{whole['password']}{consumer}".encode()
        whole["password"] = hashlib.sha1(salted, usedforsecurity=False).hexdigest()
    if table == "keyauth_credentials":
        whole["ttl"] = given.get("ttl")


def _random() -> str:
    return secrets.token_urlsafe(_RANDOM_CHARACTERS)[:32]
