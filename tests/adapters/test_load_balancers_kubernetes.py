"""Kubernetes objects as load balancers, against a stand-in that answers as the real API does."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import httpx
import pytest

from kong_lts.adapters import (
    HttpRouteWeights,
    IngressCanaryWeight,
    KubernetesLoadBalancer,
    ReplicaRatio,
)
from kong_lts.adapters.load_balancers.kubernetes_kinds import Kind
from kong_lts.errors import LoadBalancerError
from kong_lts.protocols import LoadBalancer
from kong_lts.testing.fakes import FakeClock
from kong_lts.testing.kubernetes_api import KubernetesApi
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from tests.contracts.load_balancer import LoadBalancerContract
from tests.integration.balancers.kubernetes_answers import (
    CANARY,
    DEPLOYMENTS,
    INGRESSES,
    ROUTES,
    Document,
    backend,
    deployment,
    held,
    ingress,
    recorded,
    route,
    rule,
)

TOKEN = "t0ken-marker"
ROUTE = HttpRouteWeights(name="proxy", current="kong-current", new="kong-new")
INGRESS = IngressCanaryWeight(name="canary")
RATIO = ReplicaRatio(current="kong-current", new="kong-new", replicas=10)
KINDS = {"HTTPRoute": ROUTE, "Ingress": INGRESS, "replicas": RATIO}
RAMP = (0, 1, 5, 25, 50, 100, 50, 25, 5, 1, 0)
CURRENT, NEW = f"{DEPLOYMENTS}/kong-current", f"{DEPLOYMENTS}/kong-new"


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi(token=TOKEN) as api:
        weights = backend("kong-current", 100), backend("kong-new", 0)
        shop = route("proxy", rule("/", *weights), rule("/status", backend("monitor", 1)))
        api.create(f"{ROUTES}/proxy", shop)
        api.create(f"{INGRESSES}/canary", ingress("canary", {CANARY: "true"}))
        api.create(f"{INGRESSES}/main", ingress("main", {}))
        api.create(CURRENT, deployment("kong-current", 10))
        api.create(NEW, deployment("kong-new", 0))
        yield api


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(World.of(next(iter(ALL.values()))))


def balancer_of(
    kind: Kind, api: KubernetesApi, clock: FakeClock, **changes: Any
) -> KubernetesLoadBalancer:
    balancer = KubernetesLoadBalancer(
        url=api.url, kind=kind, token="env:TOKEN", environ={"TOKEN": TOKEN}, clock=clock
    )
    return attrs.evolve(balancer, **changes)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
class TestKubernetes(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, kind: Kind, api: KubernetesApi, clock: FakeClock) -> LoadBalancer:
        return balancer_of(kind, api, clock)


def test_the_stand_in_answers_as_the_real_one_did() -> None:
    with KubernetesApi(token=TOKEN) as api, httpx.Client(trust_env=False) as client:

        def send(
            method: str, path: str, headers: Mapping[str, str], body: Document | None
        ) -> tuple[int, Document]:
            content = None if body is None else json.dumps(body).encode()
            answer = client.request(method, api.url + path, headers=headers, content=content)
            return answer.status_code, answer.json()

        assert held(send, f"Bearer {TOKEN}") == recorded()


# --- what all kinds have in common ----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_ramp_goes_up_and_down(kind: Kind, api: KubernetesApi, clock: FakeClock) -> None:
    balancer = balancer_of(kind, api, clock)
    found = []
    for percent in RAMP:
        balancer.set_weight(percent)
        found.append(balancer.weight())

    assert tuple(found) == RAMP


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_change_by_somebody_else_is_read_and_kept(
    kind: Kind, api: KubernetesApi, clock: FakeClock
) -> None:
    changes = iter(range(2))

    def write(path: str) -> None:
        if (number := next(changes, None)) is not None:
            api.edit(path, lambda found: found["metadata"].update(labels={"n": str(number)}))  # type: ignore[attr-defined] # an object

    api.after_get = write
    balancer = balancer_of(kind, api, clock)
    balancer.set_weight(25)

    paths = [request.split()[1] for request in api.requests if request.startswith("PATCH")]
    labels = [api.read(path)["metadata"].get("labels") for path in dict.fromkeys(paths)]  # type: ignore[attr-defined] # an object
    assert balancer.weight() == 25
    assert {"n": "1"} in labels
    assert len(paths) > len(set(paths)), "nothing was tried again"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_somebody_who_never_stops_is_an_error(
    kind: Kind, api: KubernetesApi, clock: FakeClock
) -> None:
    count = iter(range(1000))

    def write(path: str) -> None:
        api.edit(path, lambda found: found["metadata"].update(labels={"n": str(next(count))}))  # type: ignore[attr-defined] # an object

    api.after_get = write

    with pytest.raises(LoadBalancerError, match="somebody else keeps changing it"):
        balancer_of(kind, api, clock).set_weight(25)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_it_is_waited_until_the_data_path_follows(
    kind: Kind, api: KubernetesApi, clock: FakeClock
) -> None:
    start = clock.now()
    balancer = balancer_of(kind, api, clock, settle_s=7.0)
    balancer.set_weight(1)

    assert (clock.now() - start).total_seconds() == balancer.delay_s == 7.0


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"environ": {"TOKEN": "another-marker"}}, "status 401: Unauthorized"),
        ({"environ": {}}, "no such variable"),
        ({"environ": {"TOKEN": "a-marker\nb"}}, "what HTTP does not allow"),
        ({"token": "a-marker"}, "no reference was given"),
        ({"token": None}, "status 403.*no token was given"),
        ({"url": "http://127.0.0.1:1"}, r"127\.0\.0\.1:1\): .*refused"),
        ({"url": "ftp://127.0.0.1"}, "write http"),
        ({"url": "http://user:a-marker@127.0.0.1"}, "write http"),
        ({"url": "http://a-marker:x:y"}, "cannot be read"),
        ({"url": "https://127.0.0.1:1", "ca_file": "/nonexistent"}, "No such file"),
        ({"namespace": "elsewhere"}, 'status 404: ingresses.networking.k8s.io "canary" not found'),
    ],
)
def test_a_failure_says_why_and_shows_no_secret(
    api: KubernetesApi, clock: FakeClock, changes: dict[str, Any], match: str
) -> None:
    balancer = balancer_of(INGRESS, api, clock, **changes)
    for act in (balancer.weight, lambda: balancer.set_weight(5)):
        with pytest.raises(LoadBalancerError, match=match) as caught:
            act()

        assert "marker" not in str(caught.value) + repr(caught.value) + repr(balancer)


def test_no_share_beyond_a_hundred(api: KubernetesApi, clock: FakeClock) -> None:
    with pytest.raises(LoadBalancerError, match="0 to 100 percent, not 101"):
        balancer_of(INGRESS, api, clock).set_weight(101)


# --- HTTPRoute ------------------------------------------------------------------------------------


def rules_of(api: KubernetesApi) -> Any:
    return api.read(f"{ROUTES}/proxy")["spec"]["rules"]  # type: ignore[index] # an object


def test_only_the_weights_of_the_route_change(api: KubernetesApi, clock: FakeClock) -> None:
    before = rules_of(api)
    balancer_of(ROUTE, api, clock).set_weight(25)

    after = rules_of(api)
    assert [ref["weight"] for ref in after[0]["backendRefs"]] == [75, 25]
    assert after[0] | {"backendRefs": 0} == before[0] | {"backendRefs": 0}
    assert after[1:] == before[1:]


@pytest.mark.parametrize(
    ("gateway_accepts", "match"),
    [(False, "a gateway refuses it: Accepted"), (None, "no gateway has taken it")],
)
def test_a_route_that_no_gateway_takes_is_put_back(
    api: KubernetesApi, clock: FakeClock, gateway_accepts: bool | None, match: str
) -> None:
    before = rules_of(api)
    api.gateway_accepts = gateway_accepts
    api.edit(f"{ROUTES}/proxy", lambda found: found.update(status={}))

    with pytest.raises(LoadBalancerError, match=match):
        balancer_of(ROUTE, api, clock).set_weight(25)

    assert rules_of(api) == before


@pytest.mark.parametrize(
    ("rules", "match"),
    [
        ([rule("/", backend("monitor", 1))], "no rule names kong-current and kong-new"),
        ([rule("/", backend("kong-current", 1))], "rule 1 names kong-current, not"),
        (
            [rule("/", *(backend(f"kong-{n}", 1) for n in ("current", "new", "third")))],
            "kong-third, not",
        ),
        ([rule("/", backend("kong-current", 0), backend("kong-new", 0))], "nobody is served"),
    ],
)
def test_a_route_that_is_not_ours_is_refused(
    api: KubernetesApi, clock: FakeClock, rules: list[Document], match: str
) -> None:
    api.edit(f"{ROUTES}/proxy", lambda found: found.update(spec={"rules": rules}))
    balancer = balancer_of(ROUTE, api, clock)

    for act in (balancer.weight, lambda: balancer.set_weight(5)):
        with pytest.raises(LoadBalancerError, match=match):
            act()

    assert rules_of(api) == rules


def test_rules_that_differ_have_no_share(api: KubernetesApi, clock: FakeClock) -> None:
    rules = [rule("/", backend("kong-current", w), backend("kong-new", 9)) for w in (1, 9)]
    api.edit(f"{ROUTES}/proxy", lambda found: found.update(spec={"rules": rules}))

    with pytest.raises(LoadBalancerError, match="different shares: 50, 90"):
        balancer_of(ROUTE, api, clock).weight()


# --- Ingress --------------------------------------------------------------------------------------


def test_an_ingress_that_is_no_canary_is_refused(api: KubernetesApi, clock: FakeClock) -> None:
    balancer = balancer_of(IngressCanaryWeight(name="main"), api, clock)
    for act in (balancer.weight, lambda: balancer.set_weight(5)):
        with pytest.raises(LoadBalancerError, match=r"no annotation .*canary"):
            act()


@pytest.mark.parametrize(("total", "weight"), [("100", "25"), ("1000", "250")])
def test_the_weight_is_of_its_total(
    api: KubernetesApi, clock: FakeClock, total: str, weight: str
) -> None:
    def edit(found: Document) -> None:
        found["metadata"]["annotations"][f"{CANARY}-weight-total"] = total

    api.edit(f"{INGRESSES}/canary", edit)
    balancer = balancer_of(INGRESS, api, clock)
    balancer.set_weight(25)

    metadata: Any = api.read(f"{INGRESSES}/canary")["metadata"]
    assert metadata["annotations"][f"{CANARY}-weight"] == weight
    assert balancer.weight() == 25


@pytest.mark.parametrize(
    ("ending", "value", "match"), [("-weight", "x", "no number"), ("-weight-total", "7", "total")]
)
def test_a_weight_that_means_nothing_is_refused(
    api: KubernetesApi, clock: FakeClock, ending: str, value: str, match: str
) -> None:
    def edit(found: Document) -> None:
        found["metadata"]["annotations"][CANARY + ending] = value

    api.edit(f"{INGRESSES}/canary", edit)

    with pytest.raises(LoadBalancerError, match=match):
        balancer_of(INGRESS, api, clock).weight()


# --- Deployments ----------------------------------------------------------------------------------


def replicas(api: KubernetesApi) -> tuple[int, int]:
    found: list[Any] = [api.read(path)["spec"] for path in (CURRENT, NEW)]
    return found[0]["replicas"], found[1]["replicas"]


@pytest.mark.parametrize(
    ("percent", "counts"), [(0, (10, 0)), (1, (10, 0)), (25, (8, 2)), (60, (4, 6)), (100, (0, 10))]
)
def test_replicas_are_as_near_as_their_number_allows(
    api: KubernetesApi, clock: FakeClock, percent: int, counts: tuple[int, int]
) -> None:
    balancer_of(RATIO, api, clock).set_weight(percent)

    assert replicas(api) == counts


def test_what_is_started_serves_before_anything_ends(api: KubernetesApi, clock: FakeClock) -> None:
    balancer = balancer_of(RATIO, api, clock)
    balancer.set_weight(50)
    changed = [r.rpartition("/")[2] for r in api.requests if r.startswith("PATCH")]

    assert changed == ["kong-new", "kong-new", "kong-current"]  # the note, then the replicas


def test_pods_that_do_not_start_are_taken_back(api: KubernetesApi, clock: FakeClock) -> None:
    api.pods = 3

    with pytest.raises(LoadBalancerError, match="kong-new has 3 of 5 replicas that serve"):
        balancer_of(RATIO, api, clock).set_weight(50)

    assert replicas(api) == (10, 0)


def test_replicas_that_somebody_changed_are_what_counts(
    api: KubernetesApi, clock: FakeClock
) -> None:
    balancer = balancer_of(RATIO, api, clock)
    balancer.set_weight(20)
    api.edit(CURRENT, lambda found: found.update(spec={"replicas": 2}))

    assert balancer.weight() == 50


def test_no_replicas_at_all_is_an_error(api: KubernetesApi, clock: FakeClock) -> None:
    api.edit(CURRENT, lambda found: found.update(spec={"replicas": 0}))

    with pytest.raises(LoadBalancerError, match="nobody is served"):
        balancer_of(RATIO, api, clock).weight()


def test_precision_follows_from_the_number_of_replicas() -> None:
    assert RATIO.precision_percent == 5
    assert attrs.evolve(RATIO, replicas=100).precision_percent == 0
