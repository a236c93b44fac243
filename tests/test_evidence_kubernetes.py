"""Evidence of a Kubernetes cluster: what is kept, how it is written, and that it says as much."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

import kong_lts
from kong_lts.evidence import Gap
from kong_lts.evidence.kubernetes_objects import as_file, as_yaml, is_of_kong
from kong_lts.protocols import Adapters
from kong_lts.serialization import loose_documents
from kong_lts.testing.fakes import FakeManifests, fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.conftest import counted
from tests.test_secrets import MARK

DEPLOYMENT = ALL["traditional-dual-cluster"]
MANIFESTS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: orders
  namespace: shop
  annotations: {konghq.com/path-handling: v1}
spec:
  ingressClassName: kong
  rules:
  - http:
      paths:
      - path: /orders/\\d+$
        backend: {service: {name: orders, port: {number: 80}}}
---
apiVersion: configuration.konghq.com/v1
kind: KongPlugin
metadata: {name: staff, namespace: shop}
plugin: acl
config: {whitelist: [staff]}
---
apiVersion: configuration.konghq.com/v1
kind: KongIngress
metadata: {name: old, namespace: shop}
route: {path_handling: v1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: proxy, namespace: kong, labels: {helm.sh/chart: kong-2.6.1}}
spec:
  template:
    spec:
      volumes:
      - name: lua
        configMap: {name: stamp}
      - name: prefix
        persistentVolumeClaim: {claimName: prefix}
      containers:
      - name: proxy
        image: kong:2.8-alpine
        volumeMounts: [{name: prefix, mountPath: /usr/local/kong}]
        env:
        - {name: KONG_DATABASE, value: postgres}
        - {name: KONG_CLIENT_MAX_BODY_SIZE, value: 8m}
      - name: ingress-controller
        image: kong/kubernetes-ingress-controller:1.3
---
apiVersion: v1
kind: ConfigMap
metadata: {name: stamp, namespace: kong}
data:
  handler.lua: |
    local B = require "kong.plugins.base_plugin"
    -- counts kong_http_status
    return { metric = "kong_http_status" }
"""
Object = dict[str, Any]


def objects() -> list[Object]:
    return [one for _, one in loose_documents(MANIFESTS) if isinstance(one, dict)]


def seeing(*there: Mapping[str, object], forbidden: frozenset[str] = frozenset()) -> Adapters:
    world = World.of(DEPLOYMENT)
    manifests = FakeManifests(world=world, there=there, forbidden=forbidden)
    return attrs.evolve(fake_adapters(world), manifests=manifests)


def files_of(evidence: kong_lts.Evidence) -> list[str]:
    return [file.path.removeprefix("kubernetes/") for file in evidence.kubernetes]


def said(kubernetes: tuple[kong_lts.TextFile, ...]) -> Counter[str]:
    """How often each rule finds something."""
    evidence = kong_lts.Evidence(kubernetes=kubernetes)
    return Counter(finding.rule for finding in kong_lts.assess(DEPLOYMENT, evidence).findings)


def test_what_is_gathered_says_the_same_as_the_manifests_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "kubernetes").mkdir()
    (tmp_path / "kubernetes/all.yaml").write_text(MANIFESTS)
    folder = kong_lts.read_evidence(tmp_path).kubernetes

    gathered = kong_lts.gather(DEPLOYMENT, seeing(*objects())).kubernetes

    assert said(gathered) == said(folder) > said(())
    assert {
        *("ingress-regex-path", "kic-path-handling-v1", "helm-chart-too-old", "prefix-on-a-volume"),
        *("plugin-acl-whitelist", "metric-prometheus-http-status"),
    } <= set(said(gathered))


MORE = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: sync, namespace: ops}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - {name: deck, image: "kong/deck:v1.4.0", command: [sh, /scripts/sync.sh]}
          volumes:
          - name: scripts
            configMap: {name: scripts}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: scripts, namespace: ops}
data:
  sync.sh: "curl -X POST http://kong-admin:8001/upstreams/a/targets -d target=b:80\\n"
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: gateways, namespace: ops}
spec: {groups: [{name: a, rules: [{alert: A, expr: "sum(rate(kong_http_status[1m])) > 1"}]}]}
---
apiVersion: helm.toolkit.fluxcd.io/v2beta1
kind: HelmRelease
metadata: {name: edge, namespace: ops}
spec:
  chart: {spec: {chart: kong, version: 2.6.1}}
  values: {image: {repository: kong, tag: 2.8-alpine}, env: {client_max_body_size: 8m}}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: sync-28500
  namespace: ops
  ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: sync, uid: "1"}]
spec: {template: {spec: {containers: [{name: deck, image: "kong/deck:v1.4.0"}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: other, namespace: ops}
spec: {template: {spec: {containers: [{name: a, image: "busybox:1"}]}}}
"""


def test_what_runs_beside_the_gateways_is_gathered_as_a_folder_has_it(tmp_path: Path) -> None:
    there = [one for _, one in loose_documents(MORE) if isinstance(one, dict)]
    (tmp_path / "kubernetes").mkdir()
    (tmp_path / "kubernetes/all.yaml").write_text(MORE)
    folder = kong_lts.read_evidence(tmp_path).kubernetes

    gathered = kong_lts.gather(DEPLOYMENT, seeing(*there)).kubernetes

    paths = [file.path.removeprefix("kubernetes/ops/") for file in gathered]
    assert sorted(paths) == [
        *("ConfigMap/scripts.yaml", "CronJob/sync.yaml"),
        *("HelmRelease/edge.yaml", "PrometheusRule/gateways.yaml"),
    ]
    found = set(said(gathered))
    assert found == set(said(folder)) > set(said(()))
    assert {"metric-prometheus-http-status", "helm-chart-too-old"} <= found


def test_each_object_is_a_file_of_its_own() -> None:
    assert sorted(files_of(kong_lts.gather(DEPLOYMENT, seeing(*objects())))) == [
        "kong/ConfigMap/stamp.yaml",
        "kong/Deployment/proxy.yaml",
        "shop/Ingress/orders.yaml",
        "shop/KongIngress/old.yaml",
        "shop/KongPlugin/staff.yaml",
    ]


def test_a_failing_kind_is_a_gap_and_hides_no_other() -> None:
    adapters = seeing(*objects(), forbidden=frozenset({"KongPlugin", "DaemonSet", "IngressClass"}))

    evidence = kong_lts.gather(DEPLOYMENT, adapters)

    assert len(files_of(evidence)) == 4
    assert sorted(gap.source for gap in evidence.gaps if "Kubernetes" in gap.source) == [
        "Kubernetes DaemonSet",
        "Kubernetes IngressClass",
        "Kubernetes KongPlugin",
    ]
    not_checked = kong_lts.assess(DEPLOYMENT, evidence).not_checked
    assert "gather: Kubernetes KongPlugin" in {entry.rule for entry in not_checked}


def test_kinds_that_say_the_same_are_one_gap() -> None:
    """Where nobody answers, one line is enough; where rights are missing, each is named."""
    before = Gap(source="Kubernetes KongPlugin", reason="an earlier look")
    kinds = frozenset({"KongPlugin", "KongIngress", "Ingress", "Service", "HTTPRoute"})
    adapters = seeing(*objects(), forbidden=kinds)

    known = kong_lts.Evidence(gaps=(before,))
    evidence = kong_lts.gather(DEPLOYMENT, adapters, known=known)

    earlier, *others = (gap for gap in evidence.gaps if gap.source.startswith("Kubernetes"))
    assert earlier == before
    assert others == [
        Gap(
            source="Kubernetes",
            reason="reading any kind of Kubernetes: forbidden"
            " (Ingress, Service, HTTPRoute, KongPlugin, KongIngress)",
        )
    ]


def test_a_config_map_that_cannot_be_read_is_named() -> None:
    evidence = kong_lts.gather(DEPLOYMENT, seeing(*objects(), forbidden=frozenset({"ConfigMap"})))

    (gap,) = (gap for gap in evidence.gaps if "Kubernetes" in gap.source)
    assert (gap.source, "kong/stamp" in gap.reason) == ("Kubernetes ConfigMap", True)


def test_what_is_known_stays_and_is_not_there_twice() -> None:
    known = kong_lts.TextFile(path="kubernetes/all.yaml", text=MANIFESTS)
    more = {**objects()[1], "metadata": {"name": "more", "namespace": "shop"}}

    evidence = kong_lts.gather(
        DEPLOYMENT, seeing(*objects(), more), known=kong_lts.Evidence(kubernetes=(known,))
    )

    assert files_of(evidence) == ["all.yaml", "shop/KongPlugin/more.yaml"]


def test_without_an_adapter_no_cluster_is_asked() -> None:
    adapters = attrs.evolve(seeing(*objects()), manifests=None)

    assert kong_lts.gather(DEPLOYMENT, adapters).kubernetes == ()


def with_secrets() -> list[Object]:
    """The same, with secrets where people leave them."""
    found = objects()
    pod = found[3]["spec"]["template"]["spec"]
    pod["containers"][0]["env"] += [
        {"name": "KONG_PG_PASSWORD", "value": MARK},
        {"value": MARK, "name": "KONG_LICENSE_DATA"},
        {"name": "UPSTREAM", "value": f"https://kong:{MARK}@shop.test"},
    ]
    pod["containers"][1]["args"] = [f"--kong-admin-token={MARK}"]
    found[4]["data"] |= {
        "kong.conf": f"pg_password = {MARK}\n",
        "kong.yml": f'_format_version: "1.1"\nconsumers:\n- jwt_secrets:\n  - secret: {MARK}\n',
        "my.env": f"ADMIN_TOKEN={MARK}\nA=1\n",
    }
    found[1]["config"]["client_secret"] = MARK
    last = "kubectl.kubernetes.io/last-applied-configuration"
    found[1]["metadata"]["annotations"] = {last: f'{{"client_secret": "{MARK}"}}'}
    return found


def test_no_secret_is_saved() -> None:
    evidence = kong_lts.gather(DEPLOYMENT, seeing(*with_secrets()))

    saved = kong_lts.redacted(evidence)

    assert MARK in evidence.to_json()
    assert MARK not in saved.to_json()
    assert said(saved.kubernetes) == said(evidence.kubernetes)
    assert MARK not in repr(evidence)


@pytest.mark.parametrize("name", ["KONG_PG_HOST", "KONG_PLUGINS", "KONG_SSL_CERT_KEY"])
def test_a_variable_that_is_no_secret_keeps_its_value(name: str) -> None:
    text = f"kind: Pod\nspec:\n  env:\n  - name: {name}\n    value: /etc/some-value\n"
    file = kong_lts.TextFile(path="kubernetes/pod.yaml", text=text)

    assert kong_lts.redacted(kong_lts.Evidence(kubernetes=(file,))).kubernetes == (file,)


# --- which objects, and how -----------------------------------------------------------------------


def test_the_server_s_own_notes_are_left_out() -> None:
    found = objects()[1]
    found["status"] = {"conditions": []}
    found["metadata"] |= {
        "managedFields": [{}], "uid": "1", "resourceVersion": "7",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
    }  # fmt: skip

    file = as_file(found)

    ((_, back),) = loose_documents(file.text)
    expected = objects()[1]
    expected["metadata"]["annotations"] = {"a": "b"}
    assert back == expected


def workload(image: str) -> Object:
    return {"kind": "Deployment", "spec": {"containers": [{"image": image}]}}


def service(**annotations: str) -> Object:
    return {"kind": "Service", "metadata": {"annotations": annotations}}


def ingress(name: str | None, *, by_annotation: bool = False) -> Object:
    if by_annotation:
        return {
            "kind": "Ingress",
            "metadata": {"annotations": {"kubernetes.io/ingress.class": name}},
        }
    return {"kind": "Ingress", "spec": {"ingressClassName": name} if name else {}}


CLASSES = (
    {"metadata": {"name": "inner"}, "spec": {"controller": "ingress-controllers.konghq.com/kong"}},
    {"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}},
)


@pytest.mark.parametrize(
    "one",
    [
        workload("nginx:1.25"),
        service(),
        service(**{"example.com/konghq.com": "x"}),
        ingress("nginx"),
        ingress("nginx", by_annotation=True),
    ],
)
def test_what_is_not_of_kong_is_left_out(one: Object) -> None:
    assert not is_of_kong(one, CLASSES)


@pytest.mark.parametrize(
    "one",
    [
        workload("registry.test/Kong-gateway:2.8"),
        service(**{"konghq.com/plugins": "x"}),
        service(**{"configuration.konghq.com": "x"}),
        ingress("inner"),
        ingress("unknown"),
        ingress(None),
        {"kind": "KongPlugin"},
    ],
)
def test_what_may_be_of_kong_is_kept(one: Object) -> None:
    assert is_of_kong(one, CLASSES)


def test_an_object_that_is_nested_without_end_is_a_gap() -> None:
    deep: Object = {}
    for _ in range(200):
        deep = {"a": deep or 1}
    plugin = {**objects()[1], "config": deep}

    evidence = kong_lts.gather(DEPLOYMENT, seeing(plugin, objects()[2]))

    assert files_of(evidence) == ["shop/KongIngress/old.yaml"]
    assert any("nested too deep" in gap.reason for gap in evidence.gaps)


@pytest.mark.parametrize(
    "name",
    [
        "kubectl.kubernetes.io/last-applied-configuration",
        "objectset.rio.cattle.io/applied",
        "kapp.k14s.io/original",
        "kapp.k14s.io/original-diff-full",
        "banzaicloud.com/last-applied",
        "kopf.zalando.org/last-handled-configuration",
    ],
)
def test_what_a_tool_keeps_of_an_object_in_it_is_left_out(name: str) -> None:
    found = objects()[1]
    found["metadata"]["annotations"] = {name: MARK, "konghq.com/plugins": "staff"}

    text = as_file(found).text

    assert MARK not in text
    assert "konghq.com/plugins: staff" in text


_TEXTS = (
    st.text(st.sampled_from("ab \n\t:#-'\"\\{}|>~0é\u2028\x07😀%@"), max_size=14)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["no", "1e3", "0x1", "a: b", "1:30", "---\nx", "...", " \n a\n", "x\n\n"])
)
_VALUES = st.recursive(
    _TEXTS | st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
)


@settings(max_examples=counted(1000), deadline=None)
@given(document=st.dictionaries(_TEXTS, _VALUES, min_size=1, max_size=4))
def test_a_document_comes_back_as_it_was(document: Object) -> None:
    assert YAML(typ="safe", pure=True).load(as_yaml(document)) == document
    assert [found for _, found in loose_documents(as_yaml(document))] == [document]


def test_a_manifest_in_one_line_may_have_addresses() -> None:
    """As the parser of Kubernetes takes it; that of YAML 1.1 does not."""
    text = "source: {repoURL: https://charts.example.com, chart: kong}\n"

    assert [one for _, one in loose_documents(text)] == [
        {"source": {"repoURL": "https://charts.example.com", "chart": "kong"}}
    ]
    assert list(loose_documents("a: {b: {{ .Values.c }}}\n")) == []
