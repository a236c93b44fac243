"""KubernetesManifests: the objects of a cluster that say how Kong runs in it, by GET alone."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

import attrs
from attrs.validators import deep_iterable, matches_re

from kong_lts.adapters.kubernetes_client import Document, KubernetesClient, part, parts
from kong_lts.adapters.system import SystemClock
from kong_lts.errors import ManifestsError
from kong_lts.protocols import Clock, Listed

__all__ = ["KubernetesManifests"]

_NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
_PAGE = "100"
_MOST = 100_000
"""Objects of one kind; a list that goes on beyond is none."""


@attrs.frozen
class _Kind:
    """Where the objects of a kind are: the first version that the cluster has."""

    plural: str
    versions: tuple[str, ...]
    namespaced: bool = True

    @property
    def is_everywhere(self) -> bool:
        """Whether every cluster has it, so that an API server without it is none."""
        return not any("." in version for version in self.versions)


_APPS, _CORE = ("apps/v1",), ("v1",)
_NETWORKING = ("networking.k8s.io/v1", "networking.k8s.io/v1beta1")
_GATEWAYS = tuple(f"gateway.networking.k8s.io/{version}" for version in ("v1", "v1beta1"))
_KONG = "configuration.konghq.com"

_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "Deployment": _Kind("deployments", _APPS),
        "DaemonSet": _Kind("daemonsets", _APPS),
        "StatefulSet": _Kind("statefulsets", _APPS),
        "Ingress": _Kind("ingresses", (*_NETWORKING, "extensions/v1beta1")),
        "IngressClass": _Kind("ingressclasses", _NETWORKING, namespaced=False),
        "Service": _Kind("services", _CORE),
        "ConfigMap": _Kind("configmaps", _CORE),
        "HTTPRoute": _Kind("httproutes", (*_GATEWAYS, "gateway.networking.k8s.io/v1alpha2")),
        "KongPlugin": _Kind("kongplugins", (f"{_KONG}/v1",)),
        "KongClusterPlugin": _Kind("kongclusterplugins", (f"{_KONG}/v1",), namespaced=False),
        "KongIngress": _Kind("kongingresses", (f"{_KONG}/v1",)),
        "KongConsumer": _Kind("kongconsumers", (f"{_KONG}/v1",)),
        "KongConsumerGroup": _Kind("kongconsumergroups", (f"{_KONG}/v1beta1",)),
        "KongUpstreamPolicy": _Kind("kongupstreampolicies", (f"{_KONG}/v1beta1",)),
        "TCPIngress": _Kind("tcpingresses", (f"{_KONG}/v1beta1",)),
        "UDPIngress": _Kind("udpingresses", (f"{_KONG}/v1beta1",)),
        "IngressClassParameters": _Kind("ingressclassparameterses", (f"{_KONG}/v1alpha1",)),
        "KongCustomEntity": _Kind("kongcustomentities", (f"{_KONG}/v1alpha1",)),
        "KongVault": _Kind("kongvaults", (f"{_KONG}/v1alpha1",), namespaced=False),
    }
)
"""Neither Secret nor KongLicense, which holds one."""


@attrs.frozen(kw_only=True)
class KubernetesManifests:
    """Reads objects of Kubernetes through its API server, by GET and in pages.

    Secrets are not read, and no right to read them is needed: the Helm values of a release, which
    stand in a Secret, are seen as what they make of the Deployments, or given by `known`.

    Args:
        url: The API server, as `https://10.0.0.1:6443`.
        namespaces: Those that count; empty for all. Kinds without a namespace always count.
        token: Reference of a bearer token, `env:NAME` or `file:PATH`; None where none is needed.
        ca_file: Certificates to trust; None takes those of the system.
        environ: Where `env:NAME` is looked up; None is this process.
        timeout_s: Seconds for one request, and after which no further page of a kind is asked for.
        clock: Whose time passes.
    """

    url: str = attrs.field(repr=False)
    namespaces: tuple[str, ...] = attrs.field(
        default=(), validator=deep_iterable(matches_re(_NAME))
    )
    token: str | None = attrs.field(default=None, repr=False)
    ca_file: str | None = None
    environ: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    timeout_s: float = 30.0
    clock: Clock = attrs.field(factory=SystemClock)

    def objects(self, kind: str) -> Listed:
        found: list[Document] = []
        unread: list[ManifestsError] = []
        known = self._kind(kind)
        for namespace in (self.namespaces or (None,)) if known.namespaced else (None,):
            try:
                found += self._all(kind, known, namespace)
            except ManifestsError as exc:
                unread.append(exc)
        if unread and not found:
            raise ManifestsError(
                unread[0].doing, "; ".join(dict.fromkeys(exc.reason for exc in unread))
            )
        return Listed(objects=tuple(found), unread=tuple(map(str, unread)))

    def named(self, kind: str, namespace: str, name: str) -> Mapping[str, object] | None:
        known, doing = self._kind(kind), f"reading {kind} {namespace}/{name} of Kubernetes"
        for word in (namespace, name):
            if not re.fullmatch(_NAME, word):
                raise ManifestsError(doing, "this is no name of Kubernetes")
        within = namespace if known.namespaced else None
        for version in known.versions:
            document = self._client.find(f"{_path(known, version, within)}/{name}", doing)
            if document is not None:
                return _whole(document, kind, version)
        return None

    @property
    def _client(self) -> KubernetesClient:
        return KubernetesClient(
            url=self.url,
            token=self.token,
            ca_file=self.ca_file,
            environ=self.environ,
            timeout_s=self.timeout_s,
            error=ManifestsError,
        )

    def _kind(self, kind: str) -> _Kind:
        if kind not in _KINDS:
            raise ManifestsError(f"reading {kind} of Kubernetes", "this kind is not read")
        return _KINDS[kind]

    def _all(self, kind: str, known: _Kind, namespace: str | None) -> list[Document]:
        """What the first version that there is has; nothing where there is none."""
        where = f" in {namespace}" if namespace else ""
        doing = f"reading {kind}{where} of Kubernetes"
        for version in known.versions:
            pages = self._pages(_path(known, version, namespace), doing)
            if (first := next(pages, None)) is not None:
                items = [item for page in (first, *pages) for item in parts(page, "items")]
                return [_whole(item, kind, version) for item in items]
        if known.is_everywhere:
            raise ManifestsError(doing, "there is no such kind: this is no API server")
        return []

    def _pages(self, path: str, doing: str) -> Iterator[Document]:
        """The list, page by page; none where the cluster has no such kind.

        Source: kubernetes.io, "API concepts", "Retrieving large results sets in chunks".
        """
        end = self.clock.now() + timedelta(seconds=self.timeout_s)
        params, read = {"limit": _PAGE}, 0
        while (page := self._client.find(path, doing, params)) is not None:
            yield page
            read += len(parts(page, "items"))
            following = part(page, "metadata").get("continue")
            if not isinstance(following, str) or not following:
                return
            if self.clock.now() > end or read > _MOST:
                raise ManifestsError(
                    doing, f"{read} were read within {self.timeout_s:g} s, and there are more"
                )
            params = {"limit": _PAGE, "continue": following}


def _path(kind: _Kind, version: str, namespace: str | None) -> str:
    root = "/apis" if "/" in version else "/api"
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}/{version}{within}/{kind.plural}"


def _whole(item: Document, kind: str, version: str) -> Document:
    """With what a list leaves out of its items."""
    return {"apiVersion": version, "kind": kind, **item}
