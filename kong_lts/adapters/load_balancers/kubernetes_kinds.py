"""What of Kubernetes divides traffic, and how a share is written into each of it."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import attrs
from attrs.validators import ge, matches_re

from kong_lts.adapters.kubernetes_client import (
    ConflictError,
    Document,
    KubernetesClient,
    part,
    parts,
)
from kong_lts.adapters.load_balancers.shares import precision_of, share
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import Clock

__all__ = ["Cluster", "HttpRouteWeights", "IngressCanaryWeight", "Kind", "ReplicaRatio"]

_NAME = matches_re(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_LOOK_EVERY_S = 0.2
_TRIES = 8
_CANARY = "nginx.ingress.kubernetes.io/canary"
_ASKED = "kong-lts/new-percent"


@attrs.frozen(kw_only=True)
class Cluster:
    """One namespace, while one thing is being done."""

    client: KubernetesClient
    namespace: str
    clock: Clock
    timeout_s: float
    doing: str

    def get(self, group: str, plural: str, name: str) -> Document:
        """The object as it is now."""
        return self.client.get(self._path(group, plural, name), self.doing)

    def apply(
        self,
        read: Mapping[str, object],
        plural: str,
        fields: Mapping[str, object],
        annotations: Mapping[str, str] | None = None,
    ) -> Document:
        """Set fields of an object that is as it was *read*."""
        metadata = part(read, "metadata")
        group, name = str(read["apiVersion"]), str(metadata["name"])
        # Without the uid, an object that is gone would be made anew.
        kept = {key: metadata[key] for key in ("name", "uid", "resourceVersion")}
        return self.client.apply(
            self._path(group, plural, name),
            {
                "apiVersion": group,
                "kind": read["kind"],
                "metadata": kept | ({"annotations": annotations} if annotations else {}),
                **fields,
            },
            self.doing,
        )

    def retry(self, change: Callable[[], object]) -> None:
        """Do it again, from what it reads on, where somebody else was quicker."""
        for left in reversed(range(_TRIES)):
            try:
                change()
            except ConflictError as exc:
                if not left:
                    self.refuse(f"somebody else keeps changing it: {exc.reason}")
                self.clock.sleep(_LOOK_EVERY_S)
            else:
                return

    def refuse(self, reason: str) -> NoReturn:
        """End in an error."""
        raise LoadBalancerError(self.doing, reason)

    def wait(self, look: Callable[[], str | None]) -> None:
        """Until *look* finds nothing missing any more; a LoadBalancerError after the time."""
        start = self.clock.now()
        while missing := look():
            if (self.clock.now() - start).total_seconds() >= self.timeout_s:
                self.refuse(f"after {self.timeout_s:g} s {missing}")
            self.clock.sleep(_LOOK_EVERY_S)

    def _path(self, group: str, plural: str, name: str) -> str:
        return f"/apis/{group}/namespaces/{self.namespace}/{plural}/{name}"


@attrs.frozen(kw_only=True)
class HttpRouteWeights:
    """The weights of two Services in a Gateway API HTTPRoute.

    Every rule that names one of them must name both, and none beside them.

    Args:
        name: Of the HTTPRoute.
        current: The Service of the current cluster.
        new: The Service of the new cluster.
        version: Of the API group.

    Source:
        gateway-api.sigs.k8s.io, HTTPBackendRef.weight; RouteParentStatus.conditions.
    """

    name: str = attrs.field(validator=_NAME)
    current: str = attrs.field(validator=_NAME)
    new: str = attrs.field(validator=_NAME)
    version: str = "v1"

    precision_percent = 1.0
    """Whole percents; how exactly they are kept is left to the gateway."""

    def __str__(self) -> str:
        return f"HTTPRoute {self.name}"

    def set_weight(self, new_percent: int, cluster: Cluster) -> None:
        """Set the weights, and wait until a gateway has taken them."""
        route = self._read(cluster)
        before = parts(part(route, "spec"), "rules")
        self._share_of_each(before, cluster)
        weights = {self.current: 100 - new_percent, self.new: new_percent}
        rules = [_with_weights(rule, weights) for rule in before]
        if rules != before:
            route = cluster.apply(route, "httproutes", {"spec": {"rules": rules}})
        try:
            cluster.wait(functools.partial(self._not_taken, cluster, route))
        except LoadBalancerError as exc:
            self._put_back(before, cluster, exc)
            raise LoadBalancerError(exc.doing, exc.reason) from exc  # no conflict: no more tries

    def weight(self, cluster: Cluster) -> int:
        """The share that all rules say."""
        shares = self._share_of_each(parts(part(self._read(cluster), "spec"), "rules"), cluster)
        if len(shares) > 1:
            cluster.refuse(
                f"its rules have different shares: {', '.join(map(str, sorted(shares)))}"
            )
        return shares.pop()

    def _read(self, cluster: Cluster) -> Document:
        return cluster.get(f"gateway.networking.k8s.io/{self.version}", "httproutes", self.name)

    def _share_of_each(self, rules: Sequence[Document], cluster: Cluster) -> set[int]:
        ours, shares = {self.current, self.new}, set[int]()
        for number, rule in enumerate(rules, 1):
            weights = {str(b["name"]): _weight(b) for b in parts(rule, "backendRefs")}
            if not ours & weights.keys():
                continue
            if weights.keys() != ours or len(parts(rule, "backendRefs")) != 2:
                names = ", ".join(str(b["name"]) for b in parts(rule, "backendRefs"))
                cluster.refuse(f"rule {number} names {names}, not {self.current} and {self.new}")
            if not any(weights.values()):
                cluster.refuse(f"rule {number} has no weight, so nobody is served")
            shares.add(round(share(weights[self.current], weights[self.new])))
        if not shares:
            cluster.refuse(f"no rule names {self.current} and {self.new}")
        return shares

    def _not_taken(self, cluster: Cluster, applied: Document) -> str | None:
        """What is missing until each gateway of the route has taken it."""
        generation = _number(part(applied, "metadata"), "generation")
        parents = parts(part(self._read(cluster), "status"), "parents")
        conditions = [c for parent in parents for c in parts(parent, "conditions")]
        for condition in conditions:
            kind = condition.get("type")
            if kind not in ("Accepted", "ResolvedRefs"):
                continue
            if _number(condition, "observedGeneration") < generation:
                return "a gateway has not looked at it yet"
            if condition.get("status") != "True":
                cluster.refuse(f"a gateway refuses it: {kind}: {condition.get('message')}")
        accepted = [c for c in conditions if c.get("type") == "Accepted"]
        return None if accepted else "no gateway has taken it; is its controller running?"

    def _put_back(
        self, rules: Sequence[Document], cluster: Cluster, failure: LoadBalancerError
    ) -> None:
        try:
            fields = {"spec": {"rules": rules}}
            cluster.retry(lambda: cluster.apply(self._read(cluster), "httproutes", fields))
        except LoadBalancerError as exc:
            failure.reason += f"; and the rules could not be put back: {exc.reason}"


@attrs.frozen(kw_only=True)
class IngressCanaryWeight:
    """The canary weight of an Ingress of ingress-nginx, which leads to the new cluster.

    `canary-by-header` and `canary-by-cookie` come before the weight. With session affinity on the
    main Ingress a client stays where it was, at weight 0 too (`affinity-canary-behavior: sticky`).

    Args:
        name: Of the Ingress that has `canary: "true"`.

    Source:
        kubernetes.github.io/ingress-nginx, annotations, "Canary".
    """

    name: str = attrs.field(validator=_NAME)

    precision_percent = 1.0
    """A random number of whole percents, in the controller."""

    def __str__(self) -> str:
        return f"Ingress {self.name}"

    def set_weight(self, new_percent: int, cluster: Cluster) -> None:
        """Set the annotation."""
        ingress = self._read(cluster)
        wanted = str(new_percent * self._total(ingress, cluster) // 100)
        if self._annotation(ingress, "-weight") != wanted:
            annotations = {_CANARY: "true", f"{_CANARY}-weight": wanted}
            cluster.apply(ingress, "ingresses", {}, annotations)

    def weight(self, cluster: Cluster) -> int:
        """What the annotation says; 0 where there is none."""
        ingress = self._read(cluster)
        text = self._annotation(ingress, "-weight") or "0"
        if not text.isdecimal():
            cluster.refuse("its canary-weight is no number")
        return round(100 * int(text) / self._total(ingress, cluster))

    def _read(self, cluster: Cluster) -> Document:
        ingress = cluster.get("networking.k8s.io/v1", "ingresses", self.name)
        if self._annotation(ingress, "") != "true":
            cluster.refuse(f'it has no annotation {_CANARY}: "true", so a weight means nothing')
        return ingress

    def _total(self, ingress: Document, cluster: Cluster) -> int:
        text = self._annotation(ingress, "-weight-total") or "100"
        if not text.isdecimal() or not int(text) or int(text) % 100:
            cluster.refuse(f"its canary-weight-total is {text}, which has no whole percents")
        return int(text)

    def _annotation(self, ingress: Document, ending: str) -> str | None:
        found = part(ingress, "metadata", "annotations").get(_CANARY + ending)
        return None if found is None else str(found)


@attrs.frozen(kw_only=True)
class ReplicaRatio:
    """The replicas of two Deployments behind one Service; their sum stays the same.

    Which share was asked for stands in an annotation of the new Deployment, `kong-lts/new-percent`:
    with ten replicas, 1% is none of ten. Take autoscalers off both for the time of the ramp.

    Args:
        current: The Deployment of the current cluster.
        new: The Deployment of the new cluster.
        replicas: Of both together.
    """

    current: str = attrs.field(validator=_NAME)
    new: str = attrs.field(validator=_NAME)
    replicas: int = attrs.field(validator=ge(1))

    def __str__(self) -> str:
        return f"Deployments {self.current} and {self.new}"

    @property
    def precision_percent(self) -> float:
        """What the number of replicas allows."""
        return precision_of(self._counts)

    def set_weight(self, new_percent: int, cluster: Cluster) -> None:
        """Start what is missing, wait until it serves, then end what is too much."""
        current, new = self._read(self.current, cluster), self._read(self.new, cluster)
        wanted = dict(zip((self.current, self.new), self._counts(new_percent), strict=True))
        before = {self.current: _replicas(current), self.new: _replicas(new)}
        asked = part(new, "metadata", "annotations").get(_ASKED)
        # A conflict here is tried again: nothing has been changed yet.
        self._ask(new, str(new_percent), cluster)
        try:
            for name in sorted(wanted, key=lambda name: before[name] - wanted[name]):
                cluster.retry(functools.partial(self._scale, name, wanted[name], cluster))
                cluster.wait(functools.partial(self._not_there, name, wanted[name], cluster))
        except LoadBalancerError as exc:
            self._put_back(before, asked, cluster, exc)
            raise LoadBalancerError(exc.doing, exc.reason) from exc

    def weight(self, cluster: Cluster) -> int:
        """The share that was asked for, where the replicas are those of it; else what they are."""
        new = self._read(self.new, cluster)
        counts = _replicas(self._read(self.current, cluster)), _replicas(new)
        asked = str(part(new, "metadata", "annotations").get(_ASKED, ""))
        if asked.isdecimal() and int(asked) <= 100 and counts == self._counts(int(asked)):
            return int(asked)
        if not any(counts):
            cluster.refuse("both have no replicas, so nobody is served")
        return round(share(*counts))

    def _counts(self, percent: int) -> tuple[int, int]:
        new = round(percent * self.replicas / 100)
        return self.replicas - new, new

    def _read(self, name: str, cluster: Cluster) -> Document:
        return cluster.get("apps/v1", "deployments", name)

    def _ask(self, new: Document, percent: str, cluster: Cluster) -> None:
        """Write down what is asked for; the replicas stay, so `weight` does not believe it yet."""
        fields = {"spec": {"replicas": _replicas(new)}}
        cluster.apply(new, "deployments", fields, {_ASKED: percent})

    def _scale(self, name: str, replicas: int, cluster: Cluster) -> None:
        found = self._read(name, cluster)
        asked = part(found, "metadata", "annotations").get(_ASKED)
        # What we own and do not send is taken away.
        annotations = {_ASKED: str(asked)} if name == self.new and asked is not None else None
        cluster.apply(found, "deployments", {"spec": {"replicas": replicas}}, annotations)

    def _not_there(self, name: str, replicas: int, cluster: Cluster) -> str | None:
        """What is missing until as many replicas serve, and no more."""
        found = self._read(name, cluster)
        status = part(found, "status")
        seen = _number(status, "observedGeneration") >= _number(
            part(found, "metadata"), "generation"
        )
        there, ready = _number(status, "replicas"), _number(status, "availableReplicas")
        if seen and (there, ready) == (replicas, replicas):
            return None
        return f"Deployment {name} has {ready} of {replicas} replicas that serve"

    def _put_back(
        self,
        before: Mapping[str, int],
        asked: object,
        cluster: Cluster,
        failure: LoadBalancerError,
    ) -> None:
        try:
            if asked is not None:
                cluster.retry(lambda: self._ask(self._read(self.new, cluster), str(asked), cluster))
            for name, replicas in before.items():
                cluster.retry(functools.partial(self._scale, name, replicas, cluster))
        except LoadBalancerError as exc:
            failure.reason += f"; and the replicas could not be put back: {exc.reason}"


Kind = HttpRouteWeights | IngressCanaryWeight | ReplicaRatio


def _with_weights(rule: Document, weights: Mapping[str, int]) -> Document:
    """The rule with other weights, where it names these Services."""
    refs = parts(rule, "backendRefs")
    if not refs or not {str(ref["name"]) for ref in refs} & weights.keys():
        return rule
    return {**rule, "backendRefs": [{**ref, "weight": weights[str(ref["name"])]} for ref in refs]}


def _weight(backend: Document) -> int:
    """1 where it has none."""
    return _number(backend, "weight") if "weight" in backend else 1


def _replicas(deployment: Document) -> int:
    """1 where it says none."""
    spec = part(deployment, "spec")
    return _number(spec, "replicas") if "replicas" in spec else 1


def _number(document: Mapping[str, object], key: str) -> int:
    found = document.get(key)
    return found if isinstance(found, int) else 0
