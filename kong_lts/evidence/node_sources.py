"""What one node has: its files, by what its configuration says of them, as sources of evidence."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import attrs

from kong_lts import catalog, kong_conf
from kong_lts.errors import KongLtsError, UnreadableFileError
from kong_lts.evidence.joining import joined_access_logs, joined_admin_logs, joined_error_logs
from kong_lts.evidence.logs import access_log_of, admin_log_of, error_log_of
from kong_lts.evidence.node_reader import NodeReader
from kong_lts.evidence.running import readable
from kong_lts.evidence.values import Evidence, Gap, StateFile, TextFile
from kong_lts.kong_conf import KongConf
from kong_lts.versions import Edition, Release

__all__ = ["Look", "Source", "of_configuration", "of_node", "with_gaps"]

Source = Callable[[Evidence], Evidence]
"""What one source found, put into evidence."""
Look = Callable[[], Source]
_Log = TypeVar("_Log")

_OS_RELEASE = "/etc/os-release"
_VARIABLE = re.compile(r"KONG_[A-Za-z0-9_]+|AWS_(?:DEFAULT_)?REGION")
_PREFIX = "/usr/local/kong"
_SEARCHED = ("/usr/local/share/lua/5.1/?.lua",)
"""Where Lua looks after all that `lua_package_path` names."""
_OF_SYSTEM = ("/etc/ssl/certs/", "/etc/pki/", "/etc/ssl/cert.pem", "/usr/share/ca-certificates/")
_CERTIFICATE_KEYS = re.compile(r".*_cert|lua_ssl_trusted_certificate")
_INCLUDE_KEYS = re.compile(r"nginx_(?:\w+_)?include|nginx_conf")
_IN_A_MOUNT = re.compile(r"(?:^|/)\.\.")
"""Where Kubernetes keeps the files of a config map that it shows as links beside it."""
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SHOWN = 5


def of_node(reader: NodeReader, conf_path: str, *, conf_wanted: bool) -> Iterator[tuple[str, Look]]:
    """What a node tells before anything is known of it."""
    if conf_wanted:
        yield f"kong.conf of {reader.node}", lambda: _conf(reader, conf_path)
    yield f"operating system of {reader.node}", lambda: _system(reader)


def _conf(reader: NodeReader, path: str) -> Source:
    """Its kong.conf, or its variables alone in a container that has none."""
    environ, unread = _environ(reader)
    try:
        text = reader.text(path)
    except KongLtsError:
        if not any(name.startswith("KONG_") for name in environ):
            raise
        text = ""
    conf = kong_conf.parse(text, environ=environ, path=f"{reader.node}:{path}")

    def put(evidence: Evidence) -> Evidence:
        return attrs.evolve(evidence, kong_conf={**evidence.kong_conf, reader.node: conf})

    return with_gaps(f"environment of {reader.node}", unread, put)


def _environ(reader: NodeReader) -> tuple[Mapping[str, str], Sequence[str]]:
    """The variables that Kong reads, or why they cannot be seen."""
    try:
        found = reader.environ()
    except KongLtsError as exc:
        return {}, [str(exc)]
    known = {
        f"KONG_{key}".upper() for release in Release for key in catalog.conf_keys(release).keys
    }
    wanted = {
        name: value
        for name, value in found.items()
        if _VARIABLE.fullmatch(name)
        and (not name.startswith("KONG_") or name in known or name.startswith("KONG_NGINX_"))
    }
    return wanted, ()


def _system(reader: NodeReader) -> Source:
    text = reader.text(_OS_RELEASE)

    def put(evidence: Evidence) -> Evidence:
        return attrs.evolve(evidence, platform={**evidence.platform, reader.node: text})

    return put


@attrs.frozen
class _Named:
    """What the configuration of a node names, and what reads it there."""

    reader: NodeReader
    conf: KongConf
    edition: Edition

    @property
    def settings(self) -> Mapping[str, object]:
        """As 2.8 reads them, as far as they can be read here.

        Raises:
            ConfError: It refuses them.
        """
        return readable(self.conf, self.edition).settings

    def texts(self, key: str) -> tuple[str, ...]:
        """What a key names, one or several."""
        value = self.settings.get(key)
        values = value if isinstance(value, tuple) else (value,)
        return tuple(text for text in values if isinstance(text, str) and text)

    @property
    def prefix(self) -> str:
        """Kong's own folder."""
        return (self.texts("prefix") or (_PREFIX,))[0].rstrip("/")

    def absolute(self, path: str) -> str:
        """A path as Kong takes it: from its own folder."""
        return path if path.startswith("/") else f"{self.prefix}/{path}"


def of_configuration(
    reader: NodeReader, conf: KongConf, edition: Edition, known: Evidence, log_bytes: int
) -> Iterator[tuple[str, Look]]:
    """What the configuration of a node names, but for what is known already."""
    named, node = _Named(reader, conf, edition), reader.node
    if known.access_log is None:
        yield f"access log of {node}", lambda: _access(named, log_bytes)
    if known.admin_access_log is None:
        yield f"Admin API's access log of {node}", lambda: _admin(named, log_bytes)
    if known.error_log is None:
        yield f"error log of {node}", lambda: _errors(named, log_bytes)
    if not known.custom_plugins:
        yield f"custom plugins of {node}", lambda: _plugins(named)
    if not known.certificates:
        yield f"certificates of {node}", lambda: _certificates(named)
    if not known.templates:
        yield f"nginx templates of {node}", lambda: _templates(named)
    if not known.declarative:
        yield f"declarative file of {node}", lambda: _declarative(named)
    if not known.prefix:
        yield f"prefix of {node}", lambda: _listing(named)


def _nothing(evidence: Evidence) -> Evidence:
    return evidence


def _log(
    named: _Named, key: str, log_bytes: int, parse: Callable[[Iterator[bytes]], _Log]
) -> tuple[_Log, str] | None:
    """What the end of the log that a key names comes to, and its path; None where it is off.

    One that is rotated just then is read once more.
    """
    value = next(iter(named.texts(key)), "off").split()[0]
    if value == "off":
        return None
    if value.startswith("syslog:"):
        raise UnreadableFileError(f"{named.reader.node}:{value}", "it goes to syslog")
    path = named.absolute(value)
    try:
        return parse(named.reader.last_lines(path, log_bytes)), path
    except UnreadableFileError:
        return parse(named.reader.last_lines(path, log_bytes)), path


def _access(named: _Named, log_bytes: int) -> Source:
    found = _log(named, "proxy_access_log", log_bytes, access_log_of)
    if found is None:
        return _nothing
    log, _ = found
    return lambda evidence: attrs.evolve(
        evidence, access_log=joined_access_logs(evidence.access_log, log)
    )


def _admin(named: _Named, log_bytes: int) -> Source:
    found = _log(named, "admin_access_log", log_bytes, admin_log_of)
    if found is None:
        return _nothing
    log, _ = found
    return lambda evidence: attrs.evolve(
        evidence, admin_access_log=joined_admin_logs(evidence.admin_access_log, log)
    )


def _errors(named: _Named, log_bytes: int) -> Source:
    found = _log(named, "proxy_error_log", log_bytes, error_log_of)
    if found is None:
        return _nothing
    log, path = found
    if named.reader.size(path) > log_bytes:  # nobody knows how many lines were before
        log = attrs.evolve(log, lines=tuple(attrs.evolve(one, line=None) for one in log.lines))
    log = attrs.evolve(log, path=f"{named.reader.node}:{path}")
    return lambda evidence: attrs.evolve(
        evidence, error_log=joined_error_logs(evidence.error_log, log)
    )


def _plugins(named: _Named) -> Source:
    """The Lua of every plugin that is enabled and not bundled, where Lua finds it first."""
    bundled = {row.plugin for row in catalog.plugin_order()} | {"bundled", "off"}
    names = [n for n in named.texts("plugins") if n not in bundled and _NAME.fullmatch(n)]
    files: list[TextFile] = []
    gaps = []
    for name in names:
        try:
            found = next(filter(None, (_below(named, x, name) for x in _folders(named, name))), [])
        except KongLtsError as exc:
            gaps.append(f"plugin {name}: {exc}")
            continue
        files += found
        if not found:
            gaps.append(f"no Lua of plugin {name} where lua_package_path names it")
    return with_gaps(
        f"custom plugins of {named.reader.node}", gaps, _added("custom_plugins", files)
    )


def _folders(named: _Named, plugin: str) -> Iterator[str]:
    """Where the modules of a plugin may be."""
    path = next(iter(named.texts("lua_package_path")), "")
    for template in (*path.split(";"), *_SEARCHED):
        if template.endswith("?.lua"):
            root = template.removesuffix("?.lua")
            yield f"{named.absolute(root) if root else named.prefix}/kong/plugins/{plugin}"


def _below(named: _Named, folder: str, plugin: str) -> list[TextFile]:
    where = re.sub("/+", "/", folder.replace("/./", "/"))
    return [
        TextFile(
            path=f"plugins/{plugin}/{path.removeprefix(where).lstrip('/')}",
            text=named.reader.text(path),
        )
        for path in named.reader.files(where, "*.lua", depth=4)
        if not _IN_A_MOUNT.search(path.removeprefix(where))
    ]


def _certificates(named: _Named) -> Source:
    """Those that the configuration names; no key, and not what the system trusts."""
    keys = sorted(filter(_CERTIFICATE_KEYS.fullmatch, named.settings))
    paths = dict.fromkeys(path for key in keys for path in named.texts(key))
    wanted = [p for p in paths if p.startswith("/") and not p.startswith(_OF_SYSTEM)]
    return _read(named, "certificates", wanted, named.reader.certificates)


def _templates(named: _Named) -> Source:
    """What the configuration puts into nginx's own: `nginx_http_include` and the like."""
    written = {key.lower(): setting.raw for key, setting in named.conf.by_key.items()}
    written |= {
        name.lower().removeprefix("kong_"): value for name, value in named.conf.environ.items()
    }
    found = [
        raw.split("#")[0].strip() for key, raw in written.items() if _INCLUDE_KEYS.fullmatch(key)
    ]
    paths: list[str] = []
    for path in dict.fromkeys(found):
        folder, _, pattern = named.absolute(path).rpartition("/")
        paths += named.reader.files(folder, pattern, depth=1) if "*" in pattern else [path]
    return _read(named, "templates", [named.absolute(p) for p in paths], named.reader.text)


def _declarative(named: _Named) -> Source:
    """The file of a node without a database."""
    paths = named.texts("declarative_config")
    if named.settings.get("database") != "off" or not paths:
        return _nothing
    path = named.absolute(paths[0])
    data = named.reader.text(path).encode("utf-8", "surrogateescape")

    def put(evidence: Evidence) -> Evidence:
        if any(file.data == data for file in evidence.declarative):
            return evidence
        name = "kong.yml" if not evidence.declarative else f"{named.reader.node}{path}"
        file = StateFile(path=name, data=data)
        return attrs.evolve(evidence, declarative=(*evidence.declarative, file))

    return put


def _listing(named: _Named) -> Source:
    found = named.reader.files(named.prefix, depth=2)

    def put(evidence: Evidence) -> Evidence:
        return attrs.evolve(evidence, prefix=tuple(dict.fromkeys((*evidence.prefix, *found))))

    return put


def _read(named: _Named, field: str, paths: Sequence[str], read: Callable[[str], str]) -> Source:
    """Each of the files, and a gap for each that cannot be read."""
    node, files, gaps = named.reader.node, [], []
    for path in paths:
        try:
            files.append(TextFile(path=f"{field}/{node}{path}", text=read(path)))
        except KongLtsError as exc:
            gaps.append(str(exc))
    called = "nginx templates" if field == "templates" else field
    return with_gaps(f"{called} of {node}", gaps, _added(field, files))


def _added(field: str, files: Sequence[TextFile]) -> Source:
    """More files of one kind; one that another node has too stands once."""

    def put(evidence: Evidence) -> Evidence:
        known: tuple[TextFile, ...] = getattr(evidence, field)
        both = tuple(dict.fromkeys((*known, *files)))
        return attrs.evolve(evidence, **{field: both})  # type: ignore[arg-type] # fields of files

    return put


def with_gaps(name: str, reasons: Sequence[str], source: Source) -> Source:
    """A source, part of which could not be read."""
    if not reasons:
        return source
    shown = "; ".join(reasons[:_SHOWN])
    more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    gap = Gap(source=name, reason=f"{shown}{more}")

    def put(evidence: Evidence) -> Evidence:
        found = source(evidence)
        return attrs.evolve(found, gaps=(*found.gaps, gap))

    return put
