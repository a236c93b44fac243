"""Objects of Kubernetes, read from a stand-in that answers as the real API server does."""

import re
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

import kong_lts
from kong_lts.adapters import KubernetesManifests
from kong_lts.adapters.kubernetes_manifests import _KINDS
from kong_lts.errors import ManifestsError
from kong_lts.evidence.kubernetes_objects import CONFIG_MAPS, KINDS
from kong_lts.testing.fakes import FakeClock, fake_adapters
from kong_lts.testing.kong_gateway import Gateway
from kong_lts.testing.kong_listeners import Certificate, serving
from kong_lts.testing.kubernetes_api import KubernetesApi
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.adapters.servers import Reply, Serve
from tests.certificates import Authority
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


def test_a_list_without_end_is_left_and_what_was_read_of_it_counts(api: KubernetesApi) -> None:
    api.page = 1
    fill(api, [an_object("KongPlugin", f"p{n}") for n in range(3)])

    found = manifests_of(api, clock=_Hurried(), timeout_s=90).objects("KongPlugin")

    assert names(found.objects) == [("kong", "p0")]
    (why,) = found.unread
    assert re.search(r"KongPlugin.*1 were read.*there are more", why)


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


# --- what gets in the way -------------------------------------------------------------------------


def test_a_list_that_grew_too_old_is_begun_anew(api: KubernetesApi) -> None:
    api.page = 2
    fill(api, [an_object("KongPlugin", f"p{n}") for n in range(5)])
    times = iter(range(2))

    def change(path: str) -> None:
        if next(times, None) is not None:
            api.forget()

    api.after_get = change
    found = manifests_of(api).objects("KongPlugin")

    assert [name for _, name in names(found.objects)] == ["p0", "p1", "p2", "p3", "p4"]
    assert found.unread == ()


def test_a_list_that_grows_old_each_time_is_told_and_left(api: KubernetesApi) -> None:
    api.page = 2
    fill(api, [an_object("KongPlugin", f"p{n}") for n in range(5)])
    api.after_get = lambda _: api.forget()

    found = manifests_of(api).objects("KongPlugin")

    assert len(found.objects) == 2
    (why,) = found.unread
    assert "status 410" in why
    assert "name fewer namespaces" in why
    assert len(api.requests) == 6


def test_a_busy_server_is_asked_again_when_it_wants_to_be(api: KubernetesApi) -> None:
    fill(api, [an_object("KongPlugin", "p")])
    clock = FakeClock(World.of(ALL["traditional-dual-cluster"]))
    begun = clock.now()
    api.busy = 2

    found = manifests_of(api, clock=clock).objects("KongPlugin")

    assert len(found.objects) == 1
    assert clock.now() - begun == timedelta(seconds=2)


def test_a_server_that_stays_busy_is_told(api: KubernetesApi) -> None:
    api.busy = 1000
    clock = FakeClock(World.of(ALL["traditional-dual-cluster"]))

    with pytest.raises(ManifestsError, match=r"429: Too many requests.*try it again later"):
        manifests_of(api, clock=clock).objects("KongPlugin")

    assert len(api.requests) == 10


def test_an_answer_that_is_too_long_is_asked_for_in_smaller_parts(api: KubernetesApi) -> None:
    text = "x" * 3000
    fill(api, [an_object("KongPlugin", f"p{n}", note=text) for n in range(60)])
    reader = manifests_of(api)._reader
    small = attrs.evolve(reader, client=attrs.evolve(reader.client, max_bytes=50_000))

    read = small.list("/apis/configuration.konghq.com/v1/kongplugins", "reading")

    assert (len(read.objects), read.problem) == (60, None)


def test_one_object_that_is_too_long_is_told(api: KubernetesApi) -> None:
    fill(api, [an_object("KongPlugin", "p", note="x" * 70_000)])
    reader = manifests_of(api)._reader
    small = attrs.evolve(reader, client=attrs.evolve(reader.client, max_bytes=50_000))

    read = small.list("/apis/configuration.konghq.com/v1/kongplugins", "reading")

    assert read.objects == ()
    assert "the answer has more than" in str(read.problem)


def test_a_namespace_that_is_not_there_is_told(api: KubernetesApi) -> None:
    fill(api, [an_object("KongPlugin", "p", "shop")])
    manifests = manifests_of(api, namespaces=("shop", "shpo", "kogn"))

    found = manifests.objects("Namespace")

    assert [one["metadata"]["name"] for one in found.objects] == ["shop"]  # type: ignore[index] # an object
    assert ["there is no namespace shpo" in found.unread[0], len(found.unread)] == [True, 2]
    assert names(manifests.objects("KongPlugin").objects) == [("shop", "p")]


def test_where_no_namespaces_are_named_none_is_asked_for(api: KubernetesApi) -> None:
    assert manifests_of(api).objects("Namespace").objects == ()
    assert api.requests == []


@pytest.mark.parametrize(("there", "unread"), [(True, 0), (False, 1)])
def test_a_namespace_that_may_not_be_read_is_known_by_what_each_has(
    api: KubernetesApi, there: bool, unread: int
) -> None:
    fill(api, [an_object("ConfigMap", "kube-root-ca.crt", "shop" if there else "other")])
    fill(api, [an_object("KongPlugin", "p", "shop")])
    api.forbidden = frozenset({"namespaces"})
    manifests = manifests_of(api, namespaces=("shop",))

    try:
        found = manifests.objects("Namespace").unread
    except ManifestsError as exc:
        found = (str(exc),)

    assert len(found) == unread
    assert all('namespaces "shop" is forbidden' in why for why in found)


def test_a_kind_that_is_not_there_is_no_gap_for_who_may_not_read_it(api: KubernetesApi) -> None:
    """The server looks at rights first, so that it says 403 of what nobody has."""
    api.forbidden = frozenset({"kongvaults", "httproutes", "kongplugins"})
    fill(api, [an_object("KongPlugin", "p")])
    manifests = manifests_of(api)

    assert manifests.objects("KongVault").objects == ()
    assert manifests.objects("HTTPRoute").objects == ()
    with pytest.raises(ManifestsError, match=r"give its account the right.*namespaces that it may"):
        manifests.objects("KongPlugin")


@pytest.mark.parametrize("kind", ["Deployment", "KongPlugin", "Namespace"])
def test_without_a_token_it_is_said(api: KubernetesApi, kind: str) -> None:
    manifests = manifests_of(api, token=None, namespaces=("kong",))

    with pytest.raises(ManifestsError, match="no token was given"):
        manifests.objects(kind)


@pytest.mark.parametrize(
    ("reply", "match"),
    [
        (Reply(200, b"{" * 50, pauses_s=0.05), "no complete answer within 0.3 s"),
        (Reply(200, b"{", {"Content-Length": "9", "Connection": "close"}), "peer closed"),
        (Reply(200, b"<html>"), "no JSON object, so this is no API server"),
        (Reply(200, b"[]"), "no JSON object, so this is no API server"),
        (Reply(302, b"", {"Location": "https://a.test"}), "it leads elsewhere: give the address"),
        (
            Reply(400, b"Client sent an HTTP request to an HTTPS server."),
            "HTTP request to an HTTPS",
        ),
        (Reply(500, b"x" * 900), r"status 500$"),
    ],
)
def test_whatever_answers_in_its_place_is_an_error_of_ours(
    serve: Serve, reply: Reply, match: str
) -> None:
    manifests = KubernetesManifests(url=serve(lambda _: reply).url, timeout_s=0.3)

    with pytest.raises(ManifestsError, match=match):
        manifests.objects("KongPlugin")


def test_nobody_waits_longer_than_the_time_for_one_kind(serve: Serve) -> None:
    """However many namespaces there are."""
    url = serve(lambda _: Reply(200, b" " * 1000, pauses_s=0.1)).url
    names = tuple(f"n{number}" for number in range(20))
    begun = time.monotonic()

    with pytest.raises(ManifestsError, match=r"and 15 more"):
        KubernetesManifests(url=url, timeout_s=0.5, namespaces=names).objects("KongPlugin")

    assert time.monotonic() - begun < 5


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_whom_not_to_trust_is_said_with_what_to_give(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "no.pem").write_text("nothing")
    pair = authority.certificate("localhost")
    shown = Certificate(certificate=pair, key=pair, client_ca=None)
    known = {
        None: "give the certificate that signed it as ca_file",
        Authority(tmp_path / "other").file: "that name, is not in ca_file",
        str(tmp_path / "no.pem"): "no.pem holds no certificate in PEM",
        "/nonexistent/ca.crt": "ca_file /nonexistent/ca.crt: No such file",
        authority.file: "Hostname mismatch|IP address mismatch",
    }
    with serving(Gateway(release="3.4.2", routes=()), shown) as url:
        for ca_file, why in known.items():
            with pytest.raises(ManifestsError, match=why):
                KubernetesManifests(url=url, ca_file=ca_file).objects("KongPlugin")


def test_https_to_a_listener_without_it_is_said(api: KubernetesApi) -> None:
    with pytest.raises(ManifestsError, match="is it http:// there"):
        manifests_of(api, url=api.url.replace("http://", "https://")).objects("KongPlugin")


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

    assert "status 401: Unauthorized; the token has run out" in said[2]
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
