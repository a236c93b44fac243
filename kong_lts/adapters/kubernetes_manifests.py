"""KubernetesManifests: the objects of a cluster that say how Kong runs in it, by GET alone."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

import attrs
from attrs.validators import deep_iterable, matches_re

from kong_lts.adapters.kubernetes_client import Document, KubernetesClient
from kong_lts.adapters.kubernetes_reader import KubernetesReader, Read
from kong_lts.adapters.system import SystemClock
from kong_lts.errors import ManifestsError
from kong_lts.protocols import Clock, Listed

__all__ = ["KubernetesManifests"]

_NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
_NAMESPACE = "Namespace"
_OF_EVERY_NAMESPACE = "kube-root-ca.crt"
_SHOWN = 5


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
_ARGO, _CATTLE = ("argoproj.io/v1alpha1",), ("helm.cattle.io/v1",)
_FLUX = tuple(f"helm.toolkit.fluxcd.io/{version}" for version in ("v2", "v2beta2", "v2beta1"))
_KONG = "configuration.konghq.com"

_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "Deployment": _Kind("deployments", _APPS),
        "DaemonSet": _Kind("daemonsets", _APPS),
        "StatefulSet": _Kind("statefulsets", _APPS),
        "Job": _Kind("jobs", ("batch/v1",)),
        "CronJob": _Kind("cronjobs", ("batch/v1", "batch/v1beta1")),
        "HorizontalPodAutoscaler": _Kind(
            "horizontalpodautoscalers", ("autoscaling/v2", "autoscaling/v2beta2", "autoscaling/v1")
        ),
        "ScaledObject": _Kind("scaledobjects", ("keda.sh/v1alpha1",)),
        "PrometheusRule": _Kind("prometheusrules", ("monitoring.coreos.com/v1",)),
        "Rollout": _Kind("rollouts", _ARGO),
        "Application": _Kind("applications", _ARGO),
        "ApplicationSet": _Kind("applicationsets", _ARGO),
        "HelmRelease": _Kind("helmreleases", _FLUX),
        "HelmChart": _Kind("helmcharts", _CATTLE),
        "HelmChartConfig": _Kind("helmchartconfigs", _CATTLE),
        "Ingress": _Kind("ingresses", (*_NETWORKING, "extensions/v1beta1")),
        "IngressClass": _Kind("ingressclasses", _NETWORKING, namespaced=False),
        "Service": _Kind("services", _CORE),
        "ConfigMap": _Kind("configmaps", _CORE),
        _NAMESPACE: _Kind("namespaces", _CORE, namespaced=False),
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
        timeout_s: Seconds for all objects of one kind.
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
        known, reader = self._kind(kind), self._reader
        if kind == _NAMESPACE:  # not listed: who may read one may not read all
            reads = [_namespace(reader, name) for name in self.namespaces]
        else:
            within = (self.namespaces or (None,)) if known.namespaced else (None,)
            reads = [_listed(reader, kind, known, namespace) for namespace in within]
        found = tuple(one for read in reads for one in read.objects)
        problems = [read.problem for read in reads if read.problem is not None]
        if problems and not found:
            raise _together(problems, f"reading {kind} of Kubernetes")
        return Listed(objects=found, unread=tuple(map(str, problems)))

    def named(self, kind: str, namespace: str, name: str) -> Mapping[str, object] | None:
        known, doing = self._kind(kind), f"reading {kind} {namespace}/{name} of Kubernetes"
        for word in (namespace, name):
            if not re.fullmatch(_NAME, word):
                raise ManifestsError(doing, "this is no name of Kubernetes")
        within, reader = namespace if known.namespaced else None, self._reader
        for version in known.versions:
            answer = reader.one(f"{_path(known, version, within)}/{name}", doing)
            if answer.status == 404:
                continue
            if answer.refusal or answer.document is None:
                raise ManifestsError(doing, answer.refusal)
            return _whole(answer.document, kind, version)
        return None

    @property
    def _reader(self) -> KubernetesReader:
        client = KubernetesClient(
            url=self.url,
            token=self.token,
            ca_file=self.ca_file,
            environ=self.environ,
            timeout_s=self.timeout_s,
            error=ManifestsError,
        )
        end = self.clock.now() + timedelta(seconds=self.timeout_s)
        return KubernetesReader(client=client, clock=self.clock, end=end)

    def _kind(self, kind: str) -> _Kind:
        if kind not in _KINDS:
            raise ManifestsError(f"reading {kind} of Kubernetes", "this kind is not read")
        return _KINDS[kind]


def _listed(reader: KubernetesReader, kind: str, known: _Kind, namespace: str | None) -> Read:
    """What the first version that there is has; nothing where there is none."""
    where = f" in {namespace}" if namespace else ""
    doing = f"reading {kind}{where} of Kubernetes"
    for version in known.versions:
        read = reader.list(_path(known, version, namespace), doing)
        may_be_none = read.is_forbidden and not known.is_everywhere
        if read.is_missing or (may_be_none and not reader.has(version, known.plural)):
            continue
        if read.is_forbidden and read.problem and known.namespaced and not namespace:
            read.problem.reason += ", or name the namespaces that it may read"
        return attrs.evolve(read, objects=tuple(_whole(x, kind, version) for x in read.objects))
    if known.is_everywhere:
        wrong = ManifestsError(doing, "there is no such kind: this is no API server")
        return Read(problem=wrong)
    return Read()


def _namespace(reader: KubernetesReader, name: str) -> Read:
    """A namespace that is there; the API gives an empty list of one that is not."""
    doing, path = f"reading namespace {name} of Kubernetes", f"/api/v1/namespaces/{name}"
    try:
        answer = reader.one(path, doing)
        if answer.document is not None and not answer.refusal:
            return Read(objects=(_whole(answer.document, _NAMESPACE, "v1"),))
        if answer.status == 403:  # what every namespace has tells it as well
            other = reader.one(f"{path}/configmaps/{_OF_EVERY_NAMESPACE}", doing)
            if not other.refusal:
                return Read()
    except ManifestsError as exc:
        return Read(problem=exc)
    why = answer.refusal
    if answer.status == 404:
        why = f"there is no namespace {name}: is it written as it should be?"
    return Read(problem=ManifestsError(doing, why))


def _together(problems: Sequence[ManifestsError], doing: str) -> ManifestsError:
    if len(problems) == 1:
        return problems[0]
    shown = "; ".join(map(str, problems[:_SHOWN]))
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return ManifestsError(doing, f"{shown}{more}")


def _path(kind: _Kind, version: str, namespace: str | None) -> str:
    root = "/apis" if "/" in version else "/api"
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}/{version}{within}/{kind.plural}"


def _whole(item: Document, kind: str, version: str) -> Document:
    """With what a list leaves out of its items."""
    return {"apiVersion": version, "kind": kind, **item}
