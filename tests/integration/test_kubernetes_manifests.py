"""Objects of Kubernetes, read from a real kube-apiserver by an account that may do little."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

import attrs
import pytest

import kong_lts
from kong_lts.adapters import KubernetesManifests
from kong_lts.adapters.kubernetes_manifests import _KINDS
from kong_lts.adapters.system import SystemClock
from kong_lts.errors import ManifestsError
from kong_lts.serialization import loose_documents
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.contracts.manifests import (
    Make,
    ManifestsContract,
    Object,
    an_object,
    deployed,
)
from tests.integration.kubernetes_servers import KINDS, Document, KubernetesServer
from tests.test_secrets import MARK

DEPLOYMENT = ALL["traditional-dual-cluster"]
PAGE = Path(__file__).parents[2] / "docs/how-to/assess-a-deployment.md"
LAST = "kubectl.kubernetes.io/last-applied-configuration"
_PATHS = {"Secret": "/api/v1/{}/secrets"} | {
    kind: f"/api{'s' if '/' in known.versions[0] else ''}/{known.versions[0]}/{{}}/{known.plural}"
    for kind, known in _KINDS.items()
}


def documented_role() -> Document:
    """What the page says that an account needs."""
    found = re.search(r"```yaml\n(apiVersion: rbac.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    ((_, role),) = loose_documents(found[1])
    assert isinstance(role, dict)
    return role


@pytest.fixture(scope="module")
def server(kubernetes: KubernetesServer) -> KubernetesServer:
    """With some of Kong's kinds, and without the others."""
    kubernetes.define(*(kind for _, kind, *_ in KINDS if kind != "HTTPRoute"))
    for name in ("kong", "shop"):
        kubernetes.namespace(name)
    return kubernetes


def without(role: Document, plurals: Collection[str], name: str) -> Document:
    """The role but for some kinds."""
    rules = [
        {**rule, "resources": [one for one in rule["resources"] if one not in plurals]}
        for rule in role["rules"]
    ]
    return {**role, "metadata": {"name": name}, "rules": [r for r in rules if r["resources"]]}


@attrs.define
class Accounts:
    """Makes accounts with the rights of the page, or fewer."""

    server: KubernetesServer
    count: int = 0

    def reader(
        self, *closed: str, within: str = "", namespaces: tuple[str, ...] = ()
    ) -> KubernetesManifests:
        """An account that may read all but some kinds, everywhere or in a namespace."""
        self.count += 1
        name = f"reader-{self.count}"
        plurals = {_KINDS[kind].plural for kind in closed}
        token = self.server.account(name, "kong")
        self.server.bind(without(documented_role(), plurals, name), "kong", name, within)
        place = f"namespaces/{within}/services" if within else "services"
        self.server.wait_for(f"/api/v1/{place}", token)
        return KubernetesManifests(
            url=self.server.url, ca_file=self.server.ca_file, namespaces=namespaces,
            token="env:TOKEN", environ={"TOKEN": token},
        )  # fmt: skip


@pytest.fixture(scope="module")
def accounts(server: KubernetesServer) -> Accounts:
    return Accounts(server)


@pytest.fixture
def there(server: KubernetesServer) -> Iterator[list[str]]:
    """The paths of what a test makes, which go with it."""
    paths: list[str] = []
    yield paths
    for path in paths:
        server.ask("DELETE", path)


def make_all(server: KubernetesServer, objects: Collection[Object], paths: list[str]) -> None:
    for one in objects:
        namespace = one["metadata"].get("namespace")
        if namespace:
            server.namespace(namespace)
        folder = _PATHS[one["kind"]].format(f"namespaces/{namespace}" if namespace else "")
        folder = folder.replace("//", "/")
        server.made(folder, one)
        paths.append(f"{folder}/{one['metadata']['name']}")


class TestKubernetesManifests(ManifestsContract):
    @pytest.fixture
    def make(self, server: KubernetesServer, accounts: Accounts, there: list[str]) -> Make:
        def make(objects: Collection[Object], closed: Collection[str]) -> KubernetesManifests:
            make_all(server, objects, there)
            return accounts.reader(*closed)

        return make


# --- what gather makes of it ----------------------------------------------------------------------


def with_secrets() -> list[Object]:
    """A proxy and what it uses, with secrets where people leave them."""
    env = [
        {"name": "KONG_PG_PASSWORD", "value": MARK},
        {"name": "KONG_DATABASE", "value": "postgres"},
    ]
    spec = deployed("kong:2.8")
    pod = spec["template"]["spec"]
    pod["containers"][0]["env"] = env
    pod["volumes"] = [{"name": "conf", "configMap": {"name": "conf"}}]
    proxy = an_object("Deployment", "proxy", spec=spec)
    proxy["metadata"]["annotations"] = {LAST: f'{{"env":[{{"value":"{MARK}"}}]}}'}
    plugin = an_object("KongPlugin", "acl", "shop", plugin="acl", config={"whitelist": ["staff"]})
    plugin["config"] |= {"client_secret": MARK}
    plugin["metadata"]["annotations"] = {LAST: f'{{"config":{{"client_secret":"{MARK}"}}}}'}
    return [
        proxy,
        plugin,
        an_object("ConfigMap", "conf", data={"kong.conf": f"pg_password = {MARK}\n"}),
        an_object("ConfigMap", "unused", data={"a": MARK}),
        an_object("Secret", "sh.helm.release.v1.kong.v1", stringData={"release": MARK}),
    ]


def gathered(manifests: KubernetesManifests) -> kong_lts.Evidence:
    adapters = fake_adapters(World.of(DEPLOYMENT))
    return kong_lts.gather(DEPLOYMENT, attrs.evolve(adapters, manifests=manifests))


def gaps_of(evidence: kong_lts.Evidence) -> dict[str, str]:
    return {
        gap.source.removeprefix("Kubernetes "): gap.reason
        for gap in evidence.gaps
        if gap.source.startswith("Kubernetes")
    }


def files_of(evidence: kong_lts.Evidence) -> list[str]:
    return sorted(file.path.removeprefix("kubernetes/") for file in evidence.kubernetes)


def test_the_rights_of_the_page_are_enough_and_all_is_read_by_get(
    server: KubernetesServer, accounts: Accounts, there: list[str]
) -> None:
    make_all(server, with_secrets(), there)
    manifests = accounts.reader()
    user = f"system:serviceaccount:kong:reader-{accounts.count}"
    before = len(server.asked_by(user))

    found = gathered(manifests)

    expected = ["kong/ConfigMap/conf.yaml", "kong/Deployment/proxy.yaml"]
    assert files_of(found) == [*expected, "shop/KongPlugin/acl.yaml"]
    assert gaps_of(found) == {}
    asked = server.asked_by(user)[before:]
    assert {event["verb"] for event in asked} <= {"get", "list"}
    assert "secrets" not in {event["objectRef"]["resource"] for event in asked}
    assert {event["responseStatus"]["code"] for event in asked} <= {200, 404}


def test_no_secret_of_the_server_is_saved(
    server: KubernetesServer, accounts: Accounts, there: list[str]
) -> None:
    make_all(server, with_secrets(), there)

    found = gathered(accounts.reader())

    assert "managedFields" not in found.to_json()
    assert LAST not in found.to_json()
    assert MARK not in kong_lts.redacted(found).to_json()
    assert "plugin-acl-whitelist" in {f.rule for f in kong_lts.assess(DEPLOYMENT, found).findings}


def test_each_right_that_is_missing_is_a_gap_of_its_own(
    server: KubernetesServer, accounts: Accounts, there: list[str]
) -> None:
    make_all(server, with_secrets(), there)

    found = gathered(accounts.reader("KongPlugin", "ConfigMap", "DaemonSet", "HTTPRoute"))

    gaps = gaps_of(found)
    assert sorted(gaps) == ["ConfigMap", "DaemonSet", "KongPlugin"]  # there are no HTTPRoutes
    assert 'cannot get resource "configmaps"' in gaps["ConfigMap"]
    assert "name the namespaces that it may read" in gaps["DaemonSet"]
    assert files_of(found) == ["kong/Deployment/proxy.yaml"]


def test_an_account_of_one_namespace_reads_that(
    server: KubernetesServer, accounts: Accounts, there: list[str]
) -> None:
    make_all(server, with_secrets(), there)
    found = gathered(accounts.reader(within="kong", namespaces=("kong",)))

    assert files_of(found) == ["kong/ConfigMap/conf.yaml", "kong/Deployment/proxy.yaml"]
    assert sorted(gaps_of(found)) == ["IngressClass", "KongClusterPlugin"]


def test_a_namespace_of_another_name_is_a_gap(
    server: KubernetesServer, accounts: Accounts, there: list[str]
) -> None:
    make_all(server, with_secrets(), there)

    found = gathered(accounts.reader(namespaces=("shpo", "shop")))

    assert files_of(found) == ["shop/KongPlugin/acl.yaml"]
    (gap,) = gaps_of(found).values()
    assert "there is no namespace shpo" in gap


@pytest.mark.parametrize("has_roots", [True, False])
def test_who_may_not_read_namespaces_is_told_so_or_knows_it_by_what_each_has(
    server: KubernetesServer, accounts: Accounts, there: list[str], has_roots: bool
) -> None:
    roots = [an_object("ConfigMap", "kube-root-ca.crt", "shop", data={"ca.crt": "x"})]
    make_all(server, [*with_secrets(), *(roots if has_roots else [])], there)

    found = gathered(accounts.reader("Namespace", namespaces=("shop",)))

    assert files_of(found) == ["shop/KongPlugin/acl.yaml"]
    assert list(gaps_of(found)) == ([] if has_roots else ["Namespace"])


# --- what gets in the way -------------------------------------------------------------------------


@attrs.define
class Meddler:
    """A clock at each of whose looks, up to a number, something happens."""

    server: KubernetesServer
    times: int
    looks: int = 0

    def now(self) -> datetime:
        self.looks += 1
        if self.looks > 2 and self.times:
            self.times -= 1
            self.server.forget()
        return SystemClock().now()

    def sleep(self, duration_s: float) -> None:
        SystemClock().sleep(duration_s)


@pytest.mark.parametrize(("times", "found", "unread"), [(1, 5, 0), (1000, 2, 1)])
def test_a_list_that_grew_too_old_is_begun_anew_but_not_for_ever(
    server: KubernetesServer,
    accounts: Accounts,
    there: list[str],
    times: int,
    found: int,
    unread: int,
) -> None:
    make_all(server, [an_object("KongPlugin", f"p{n}", plugin="acl") for n in range(5)], there)
    manifests = attrs.evolve(accounts.reader(), clock=Meddler(server, times))
    reader = attrs.evolve(manifests._reader, page=2)

    read = reader.list("/apis/configuration.konghq.com/v1/kongplugins", "reading")

    assert (len(read.objects), read.problem is not None) == (found, bool(unread))
    assert not unread or "status 410: The provided continue" in str(read.problem)


def test_more_objects_than_a_page_has(
    server: KubernetesServer, accounts: Accounts, there: list[str]
) -> None:
    make_all(server, [an_object("KongPlugin", f"p{n}", plugin="acl") for n in range(7)], there)
    reader = attrs.evolve(accounts.reader()._reader, page=3)

    read = reader.list("/apis/configuration.konghq.com/v1/kongplugins", "reading")

    assert sorted(str(one["metadata"]["name"]) for one in read.objects) == [  # type: ignore[index] # an object
        f"p{n}" for n in range(7)
    ]


def test_an_account_that_is_gone_is_told_and_the_token_is_not(
    server: KubernetesServer, accounts: Accounts
) -> None:
    token = server.account("short-lived", "kong")  # not used yet: it would be known for a while
    server.ask("DELETE", "/api/v1/namespaces/kong/serviceaccounts/short-lived")
    manifests = attrs.evolve(accounts.reader(), environ={"TOKEN": token})

    with pytest.raises(ManifestsError, match="401: Unauthorized; the token has run out") as caught:
        manifests.objects("Ingress")

    assert token not in repr(caught.value)


def test_whom_not_to_trust_and_who_gives_no_token_is_told(accounts: Accounts) -> None:
    manifests = accounts.reader()

    with pytest.raises(ManifestsError, match="give the certificate that signed it as ca_file"):
        attrs.evolve(manifests, ca_file=None).objects("Ingress")
    with pytest.raises(ManifestsError, match=r"system:anonymous.*no token was given"):
        attrs.evolve(manifests, token=None).objects("Ingress")
    with pytest.raises(ManifestsError, match=r"to an HTTPS server|is it https:// there"):
        attrs.evolve(manifests, url=manifests.url.replace("https", "http")).objects("Ingress")


def test_the_names_of_kinds_are_those_that_are_defined(accounts: Accounts) -> None:
    """As the page and Kong's own definitions have them."""
    role = documented_role()
    named = {plural for rule in role["rules"] for plural in rule["resources"]}

    assert named == {known.plural for known in _KINDS.values()}
