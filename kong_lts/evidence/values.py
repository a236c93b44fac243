"""Evidence and the files in it: values that travel as JSON and show no content in their repr."""

from collections.abc import Mapping

import attrs

from kong_lts import kong_conf as kong_conf_module
from kong_lts.database import DatabaseFacts
from kong_lts.evidence.line_numbers import FileLines
from kong_lts.evidence.logs import AccessLog, AdminLog, ErrorLog
from kong_lts.kong_conf import KongConf
from kong_lts.serialization import Form, json_schema

__all__ = ["Evidence", "Gap", "Rows", "StateFile", "TextFile"]

Rows = Mapping[str, tuple[Mapping[str, object], ...]]
"""Rows or entities by table or kind, as parsed."""


@attrs.frozen(kw_only=True)
class StateFile:
    """One declarative file: kong.yml, or what decK dumped of a workspace."""

    path: str
    """As it was given."""
    data: bytes = attrs.field(repr=False)
    """Its bytes."""


@attrs.frozen(kw_only=True)
class TextFile:
    """One other file of a deployment: Lua, a manifest, a template, a script, a certificate."""

    path: str
    """As it was given."""
    text: str = attrs.field(repr=False)
    """Its contents."""


@attrs.frozen(kw_only=True)
class Gap:
    """A source that was asked and showed nothing."""

    source: str
    """What was asked."""
    reason: str
    """Why it did not answer."""


def _by_node(value: KongConf | Mapping[str, KongConf]) -> Mapping[str, KongConf]:
    return {"": value} if isinstance(value, KongConf) else value


def _files(value: bytes | tuple[StateFile, ...]) -> tuple[StateFile, ...]:
    return (StateFile(path="kong.yml", data=value),) if isinstance(value, bytes) else tuple(value)


@attrs.frozen(kw_only=True)
class Evidence:
    """What is known of a deployment; everything is optional, and what is missing is said.

    Args:
        kong_conf: One kong.conf for all nodes, or one by node name.
        environ: Environment of the nodes; counts for every kong.conf, and without one.
        declarative: The bytes of kong.yml, or several declarative files.
        database: What a look at the current database shows.
        rows: Rows of the database by table, where more than the facts was saved.
        admin: Answers of the Admin API as parsed, by path, as in "/clustering/data-planes".
        custom_plugins: Lua sources below `plugins/NAME/`.
        platform: What `/etc/os-release` says, by node.
        kubernetes: Manifests and Helm values.
        certificates: PEM files.
        access_log: What the proxy's access log comes to.
        admin_access_log: What the Admin API's access log comes to.
        error_log: The messages of the error log that a rule knows.
        templates: nginx templates.
        scripts: What automates the Admin API, decK or `kong`.
        prefix: Paths below Kong's prefix folder.
        deck: The version that the `deck` program gives.
        gaps: Sources that were asked and gave no answer.
        lines: Where keys and items stand in the files that were read as documents, by their path.
    """

    kong_conf: Mapping[str, KongConf] = attrs.field(factory=dict, converter=_by_node)
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    declarative: tuple[StateFile, ...] = attrs.field(default=(), converter=_files)
    database: DatabaseFacts | None = None
    rows: Rows = attrs.field(factory=dict, repr=False)
    admin: Mapping[str, object] = attrs.field(factory=dict, repr=False)
    custom_plugins: tuple[TextFile, ...] = ()
    platform: Mapping[str, str] = attrs.field(factory=dict)
    kubernetes: tuple[TextFile, ...] = ()
    certificates: tuple[TextFile, ...] = ()
    access_log: AccessLog | None = None
    admin_access_log: AdminLog | None = None
    error_log: ErrorLog | None = None
    templates: tuple[TextFile, ...] = ()
    scripts: tuple[TextFile, ...] = ()
    prefix: tuple[str, ...] = ()
    deck: str | None = None
    gaps: tuple[Gap, ...] = ()
    lines: Mapping[str, FileLines] = attrs.field(factory=dict, repr=False)

    @property
    def configurations(self) -> Mapping[str, KongConf]:
        """Each node's kong.conf with its environment; the environment alone without a file."""
        if not self.environ:
            return self.kong_conf
        if not self.kong_conf:
            return {"": kong_conf_module.parse("", environ=self.environ)}
        return {
            node: attrs.evolve(conf, environ={**self.environ, **conf.environ})
            for node, conf in self.kong_conf.items()
        }

    def to_json(self) -> str:
        """The evidence as JSON; its schema is `schemas/evidence.json`.

        It holds what the files hold: `redacted` takes the secrets out first.
        """
        return _FORM.to_json(_Saved.of(self))

    @classmethod
    def from_json(cls, text: str) -> "Evidence":
        """Read what `to_json` wrote.

        Raises:
            FormatError: It does not fit.
        """
        return _FORM.from_json(text).evidence()

    @classmethod
    def json_schema(cls) -> dict[str, object]:
        """JSON Schema of `to_json`."""
        return json_schema(_Saved, title="kong_lts evidence")


@attrs.frozen(kw_only=True)
class _SavedConf:
    """A kong.conf and its environment, as JSON has them."""

    text: str
    environ: Mapping[str, str] = attrs.field(factory=dict)
    path: str | None = None


@attrs.frozen(kw_only=True)
class _Saved:
    """Evidence in types that JSON has."""

    kong_conf: Mapping[str, _SavedConf] = attrs.field(factory=dict)
    environ: Mapping[str, str] = attrs.field(factory=dict)
    declarative: tuple[TextFile, ...] = ()
    database: DatabaseFacts | None = None
    rows: Mapping[str, object] = attrs.field(factory=dict)
    admin: Mapping[str, object] = attrs.field(factory=dict)
    custom_plugins: tuple[TextFile, ...] = ()
    platform: Mapping[str, str] = attrs.field(factory=dict)
    kubernetes: tuple[TextFile, ...] = ()
    certificates: tuple[TextFile, ...] = ()
    access_log: AccessLog | None = None
    admin_access_log: AdminLog | None = None
    error_log: ErrorLog | None = None
    templates: tuple[TextFile, ...] = ()
    scripts: tuple[TextFile, ...] = ()
    prefix: tuple[str, ...] = ()
    deck: str | None = None
    gaps: tuple[Gap, ...] = ()
    lines: Mapping[str, FileLines] = attrs.field(factory=dict, repr=False)

    @classmethod
    def of(cls, evidence: Evidence) -> "_Saved":
        same = {name: getattr(evidence, name) for name in _ALIKE}
        return cls(
            kong_conf={
                node: _SavedConf(text=conf.text, environ=dict(conf.environ), path=conf.path)
                for node, conf in evidence.kong_conf.items()
            },
            declarative=tuple(
                TextFile(path=file.path, text=file.data.decode("utf-8", "surrogateescape"))
                for file in evidence.declarative
            ),
            rows={table: list(rows) for table, rows in evidence.rows.items()},
            **same,
        )

    def evidence(self) -> Evidence:
        same = {name: getattr(self, name) for name in _ALIKE}
        return Evidence(
            kong_conf={
                node: kong_conf_module.parse(conf.text, environ=conf.environ, path=conf.path)
                for node, conf in self.kong_conf.items()
            },
            declarative=tuple(
                StateFile(path=file.path, data=file.text.encode("utf-8", "surrogateescape"))
                for file in self.declarative
            ),
            rows=_as_rows(self.rows),
            **same,
        )


_ALIKE = tuple(
    field.name
    for field in attrs.fields(_Saved)
    if field.name not in ("kong_conf", "declarative", "rows")
)
"""The fields that are the same in both."""

_FORM = Form(_Saved, "evidence")


def _as_rows(tables: Mapping[str, object]) -> Rows:
    """Whatever of it is rows of tables; the rest is nothing that a check could read."""
    return {
        table: tuple(row for row in rows if isinstance(row, Mapping))
        for table, rows in tables.items()
        if isinstance(rows, list | tuple)
    }
