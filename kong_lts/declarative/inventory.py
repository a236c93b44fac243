"""What a declarative file holds, as plain values: for whoever compares it with something else."""

from collections.abc import Iterator
from collections.abc import Mapping as Table

import attrs

from kong_lts.declarative import document, json_text, quick
from kong_lts.declarative.document import Piece, Root
from kong_lts.declarative.entities import Entity, Walker
from kong_lts.declarative.nodes import Dull, Mapping, Node, Scalar, Sequence, is_null, number
from kong_lts.declarative.source import PLACEHOLDER, Source, decode

__all__ = ["Listed", "inventory", "plain"]

_KINDS = frozenset(
    {
        "services", "routes", "plugins", "consumers", "consumer_groups", "upstreams", "targets",
        "basicauth_credentials", "keyauth_credentials", "keyauth_enc_credentials",
        "certificates", "ca_certificates", "snis", "vaults", "vaults_beta", "keys", "key_sets",
        "rbac_roles", "licenses",
    }
)  # fmt: skip
_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
_DEEPEST = 40


@attrs.frozen(kw_only=True)
class Listed:
    """One entity of a declarative file."""

    kind: str
    """The key of its list, as `routes`."""
    fields: Table[str, object] = attrs.field(repr=False)
    """Without the entities nested in it."""
    service: str | None = None
    """Name or id of the service that it is nested in or refers to."""
    route: str | None = None
    """The route that it is for; None for all."""
    consumer: str | None = None
    """The consumer that it is for; None for all."""
    consumer_group: str | None = None
    """The group that it is for; None for all."""
    line: int | None = None
    """In its file, counted from 1; None where it is not known."""
    workspace: str | None = None
    """None for the default one."""


def inventory(data: bytes) -> Iterator[Listed]:
    """Every entity of a kong.yml or decK state file, however it is nested.

    Raises:
        DeclarativeError: It is no text, no YAML or no mapping.
    """
    source = decode(data)
    if json_text.is_json(source):
        return iter(_entities(json_text.read(source), source))
    try:
        return iter(_entities(quick.read(source.parsed, {}), source))
    except quick.DeclinedError:
        return iter(_entities(document.read(source), source))


def _entities(parts: Iterator[Piece | Root], source: Source) -> list[Listed]:
    """All of them, since a text may be declined at its last line."""
    workspace = None
    walker = Walker(_KINDS)
    listed: list[Listed] = []
    for part in parts:
        if not isinstance(part, Piece):
            continue
        name = part.key.value
        if name == "_workspace" and isinstance(part.node, Scalar):
            workspace = part.node.value
        elif name in _KINDS and part.number is not None:
            listed += [
                _listed(found, source, workspace)
                for found in walker.entities(name, part.node, part.number)
                if isinstance(found, Entity)
            ]
    return listed


def _listed(entity: Entity, source: Source, workspace: str | None) -> Listed:
    line, _ = source.place(entity.node.start)
    above = {
        kind: entity.reference(kind) for kind in ("service", "route", "consumer", "consumer_group")
    }
    return Listed(
        kind=entity.kind,
        fields={
            name: plain(value, source)
            for name, value in entity.node.values.items()
            if name not in _KINDS
        },
        line=line,
        workspace=workspace,
        **above,
    )


def plain(node: Node | None, source: Source, depth: int = 0) -> object:
    """A node as JSON would have it; a value that decK fills in later as it is written."""
    if node is None or isinstance(node, Dull) or depth > _DEEPEST:
        return None
    if isinstance(node, Mapping):
        return {key: plain(value, source, depth + 1) for key, value in node.values.items()}
    if isinstance(node, Sequence):
        return [plain(item, source, depth + 1) for item in node.items]
    if PLACEHOLDER in node.value:
        return source.text[node.start : node.end]
    return _scalar(node)


def _scalar(node: Scalar) -> object:
    if is_null(node):
        return None
    if node.plain and node.value in _TRUE:
        return True
    if node.plain and node.value in _FALSE:
        return False
    value = number(node)
    if value is None:
        return node.value
    return int(value) if value.is_integer() and "." not in node.value else value
