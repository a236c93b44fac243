"""agreement(): what must be the same on several nodes of one deployment."""

from collections.abc import Iterator, Mapping

from kong_lts.catalog.rows import KongConfRule
from kong_lts.findings import Finding, in_order
from kong_lts.kong_conf.comparison import as_text, rule
from kong_lts.kong_conf.document import KongConf
from kong_lts.kong_conf.loading import Loaded
from kong_lts.kong_conf.resolve import resolved
from kong_lts.versions import Edition, Release

__all__ = ["agreement"]

_PLANES = ("control_plane", "data_plane")
_PLUGINS = "plugins"
_SHARED = "shared"
_CERTIFICATE = "cluster_cert"


def agreement(
    confs: Mapping[str, KongConf],
    *,
    edition: Edition | str,
    roles: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Where the files of several nodes do not go together once 3.4 reads them.

    Args:
        confs: By name of the node.
        edition: `oss` or `enterprise`.
        roles: By name of the node; what its file says for those that are missing.

    Returns:
        Worst first. A value that is a template is not compared.
    """
    nodes = {
        name: resolved(conf, Release.V3_4, Edition(edition), templates=False)
        for name, conf in confs.items()
    }
    given = roles or {}
    role_of = {
        name: str(given.get(name) or node.values.get("role") or "") for name, node in nodes.items()
    }
    planes = {name: node for name, node in nodes.items() if role_of[name] in _PLANES}
    found = [*_same_on_all(nodes, rule("conf-nodes-differ"))]
    if len(planes) > 1:
        found += _same_on_all(planes, rule("conf-nodes-differ-in-hybrid-mode"))
        found += _plugins(planes, role_of)
        found += _certificates(planes)
    return in_order(found)


def _same_on_all(nodes: Mapping[str, Loaded], row: KongConfRule) -> Iterator[Finding]:
    for key in row.keys:
        values = {
            name: as_text(node.values.get(key))
            for name, node in nodes.items()
            if key not in node.unknown
        }
        if len(set(values.values())) > 1:
            yield row.finding(key, nodes=_listed(values))


def _listed(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value or 'nothing'}" for name, value in values.items())


def _plugins(planes: Mapping[str, Loaded], role_of: Mapping[str, str]) -> Iterator[Finding]:
    """A data plane needs every plugin of its control plane."""
    loaded = {
        name: set(plugins)
        for name, node in planes.items()
        if isinstance(plugins := node.values.get(_PLUGINS), tuple) and _PLUGINS not in node.unknown
    }
    controls = [names for name, names in loaded.items() if role_of[name] == _PLANES[0]]
    wanted = set[str]().union(*controls)
    for name, names in loaded.items():
        missing = wanted - names
        if role_of[name] == _PLANES[1] and missing:
            row = rule("conf-nodes-differ-on-plugins")
            yield row.finding(_PLUGINS, nodes=name, missing=", ".join(sorted(missing)))


def _certificates(planes: Mapping[str, Loaded]) -> Iterator[Finding]:
    """With shared certificates every node has the same; here only the paths can be compared."""
    if any(node.values.get("cluster_mtls") != _SHARED for node in planes.values()):
        return
    paths = {
        name: as_text(node.values.get(_CERTIFICATE))
        for name, node in planes.items()
        if _CERTIFICATE not in node.unknown and node.values.get(_CERTIFICATE) is not None
    }
    if len(set(paths.values())) > 1:
        row = rule("conf-nodes-without-shared-certificate")
        yield row.finding(_CERTIFICATE, nodes=", ".join(paths))
