"""Objects of Kubernetes, read from a stand-in that answers as the real API server does."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

import kong_lts
from kong_lts.adapters import KubernetesManifests
from kong_lts.adapters.kubernetes_manifests import _KINDS
from kong_lts.errors import ManifestsError
from kong_lts.evidence.kubernetes_objects import CONFIG_MAPS, KINDS
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.kubernetes_api import KubernetesApi
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.contracts.manifests import Make, ManifestsContract, Object, an_object, names

TOKEN = "t0ken-marker"


def fill(api: KubernetesApi, objects: Collection[Object]) -> None:
    for one in objects:
        version, metadata = one["apiVersion"], one["metadata"]
        plural = _KINDS[one["kind"]].plural if one["kind"] in _KINDS else "secrets"
        root = "/apis" if "/" in version else "/api"
        within = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        api.create(f"{root}/{version}{within}/{plural}/{metadata['name']}", one)


def manifests_of(api: KubernetesApi, **changes: Any) -> KubernetesManifests:
    found = KubernetesManifests(url=api.url, token="env:TOKEN", environ={"TOKEN": TOKEN})
    return attrs.evolve(found, **changes)


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi(token=TOKEN) as api:
        yield api


class TestKubernetesManifests(ManifestsContract):
    @pytest.fixture
    def make(self) -> Iterator[Make]:
        with ExitStack() as stack:

            def make(objects: Collection[Object], closed: Collection[str]) -> KubernetesManifests:
                forbidden = frozenset(_KINDS[kind].plural for kind in closed)
                api = stack.enter_context(KubernetesApi(token=TOKEN, forbidden=forbidden))
                fill(api, objects)
                return manifests_of(api)

            yield make


def test_every_kind_that_is_evidence_can_be_read() -> None:
    assert {*KINDS, CONFIG_MAPS} == set(_KINDS)


def test_nothing_is_asked_but_by_get_and_no_secret(api: KubernetesApi) -> None:
    fill(api, [an_object("Secret", "pg"), an_object("Deployment", "proxy")])
    manifests = manifests_of(api)

    for kind in KINDS:
        manifests.objects(kind)

    assert {request.partition(" ")[0] for request in api.requests} == {"GET"}
    assert not [request for request in api.requests if "secrets" in request]


def test_a_long_list_comes_in_pages(api: KubernetesApi) -> None:
    api.page = 7
    fill(api, [an_object("KongPlugin", f"p{n}") for n in range(50)])

    found = manifests_of(api).objects("KongPlugin")

    assert len(found.objects) == 50
    assert len(api.requests) == 8


@attrs.define
class _Hurried:
    """A clock on which a minute goes by at each look."""

    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(minutes=1)
        return self.time

    def sleep(self, duration_s: float) -> None:
        self.time += timedelta(seconds=duration_s)


def test_a_list_without_end_is_left(api: KubernetesApi) -> None:
    api.page = 1
    fill(api, [an_object("KongPlugin", f"p{n}") for n in range(3)])

    with pytest.raises(ManifestsError, match=r"KongPlugin.*1 were read.*there are more"):
        manifests_of(api, clock=_Hurried()).objects("KongPlugin")


def test_only_the_namespaces_that_count_are_read(api: KubernetesApi) -> None:
    fill(api, [an_object("KongPlugin", "p", namespace) for namespace in ("a", "b", "c")])
    everywhere = an_object("KongClusterPlugin", "all")
    del everywhere["metadata"]["namespace"]
    fill(api, [everywhere])
    manifests = manifests_of(api, namespaces=("a", "b"))

    assert names(manifests.objects("KongPlugin").objects) == [("a", "p"), ("b", "p")]
    assert len(manifests.objects("KongClusterPlugin").objects) == 1


def test_an_older_version_of_a_kind_is_found(api: KubernetesApi) -> None:
    route = an_object("HTTPRoute", "r") | {"apiVersion": "gateway.networking.k8s.io/v1alpha2"}
    fill(api, [route])

    (found,) = manifests_of(api).objects("HTTPRoute").objects

    assert found["apiVersion"] == "gateway.networking.k8s.io/v1alpha2"


def test_a_server_without_deployments_is_no_api_server(api: KubernetesApi) -> None:
    manifests = manifests_of(api, url=f"{api.url}/elsewhere")

    with pytest.raises(ManifestsError, match="no API server"):
        manifests.objects("Deployment")


@pytest.mark.parametrize("namespace", ["", "a/../../secrets", "../x", "A b"])
def test_a_namespace_is_a_name(namespace: str) -> None:
    with pytest.raises(ValueError, match="namespaces"):
        KubernetesManifests(url="http://127.0.0.1:1", namespaces=(namespace,))


@pytest.mark.parametrize("name", ["", "..", "a/b", "x?y", "A"])
def test_a_config_map_of_an_odd_name_is_not_asked_for(api: KubernetesApi, name: str) -> None:
    with pytest.raises(ManifestsError, match="no name"):
        manifests_of(api).named("ConfigMap", "kong", name)
    assert api.requests == []


def test_the_token_is_shown_nowhere(api: KubernetesApi) -> None:
    wrong = manifests_of(api, environ={"TOKEN": "wr0ng-marker"})
    nobody = manifests_of(api, url="http://127.0.0.1:1")

    said = [repr(wrong), repr(nobody)]
    for manifests in (wrong, nobody):
        with pytest.raises(ManifestsError) as caught:
            manifests.objects("Ingress")
        said += [str(caught.value), repr(caught.value)]

    assert "status 401" in said[2]
    assert "marker" not in "".join(said)


def test_a_kind_that_may_not_be_read_is_a_gap_and_hides_no_other(api: KubernetesApi) -> None:
    api.forbidden = frozenset({"daemonsets", "kongplugins"})
    container = {"name": "proxy", "image": "kong:2.8"}
    spec = {"template": {"spec": {"containers": [container]}}}
    fill(api, [an_object("Deployment", "proxy", spec=spec), an_object("KongPlugin", "p")])
    deployment = ALL["traditional-dual-cluster"]
    adapters = attrs.evolve(fake_adapters(World.of(deployment)), manifests=manifests_of(api))

    found = kong_lts.gather(deployment, adapters)

    assert [file.path for file in found.kubernetes] == ["kubernetes/kong/Deployment/proxy.yaml"]
    gaps = {gap.source: gap.reason for gap in found.gaps if gap.source.startswith("Kubernetes")}
    assert sorted(gaps) == ["Kubernetes DaemonSet", "Kubernetes KongPlugin"]
    assert 'cannot list resource "daemonsets"' in gaps["Kubernetes DaemonSet"]
