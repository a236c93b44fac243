"""What it costs that both clusters serve for a while is said before it is done."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.adapters import NginxLoadBalancer
from kong_lts.assessment import assess
from kong_lts.deployment import Deployment, LoadBalancerKind, LoadBalancerSettings
from kong_lts.evidence import Evidence, StateFile
from kong_lts.monitoring import WatchMetrics
from kong_lts.planning import Plan, plan
from kong_lts.strategies import Settings
from kong_lts.testing.scenarios import ALL
from kong_lts.traffic import DivertTraffic, MixedWindow, RampStage, RateLimit, rate_limits
from kong_lts.unshared import limits_of
from tests.conftest import counted
from tests.worlds import rules

LIMIT = RateLimit(
    plugin="rate-limiting", where="service shop", limit=100, window_s=60, store="cluster"
)
RAMP = (RampStage(10, bake_s=90), RampStage(50, bake_s=60), RampStage(100, bake_s=600))
DUAL = ALL["traditional-dual-cluster"]


def test_a_client_may_use_up_its_limit_on_both_sides_in_every_window() -> None:
    assert LIMIT.over_admission(150) == 100 * 4  # 3 windows, and the one begun before
    assert LIMIT.over_admission(0) == 0


@pytest.mark.parametrize(
    ("percent", "requests"), [(0, 100), (1, 101), (10, 111), (50, 200), (75, 133), (100, 100)]
)
def test_how_much_gets_through_without_a_refusal_depends_on_the_share(
    percent: int, requests: int
) -> None:
    assert LIMIT.unrefused(percent) == requests


@settings(max_examples=counted(500))
@given(limit=st.integers(1, 1000), percent=st.integers(0, 100), sent=st.integers(0, 3000))
def test_nobody_gets_more_through_than_that(limit: int, percent: int, sent: int) -> None:
    """The requests of one window, divided exactly: each side lets *limit* of its part through."""
    one = RateLimit(plugin="p", where="w", limit=limit, window_s=60, store="cluster")
    to_new = sent * percent // 100
    admitted = min(to_new, limit) + min(sent - to_new, limit)

    assert admitted <= limit + one.over_admission(1)
    if sent > one.unrefused(percent) + 2:
        assert admitted < sent


def test_counters_in_redis_are_shared() -> None:
    shared = RateLimit(plugin="p", where="w", limit=9, window_s=60, store="redis")

    assert (shared.over_admission(1e6), shared.unrefused(50)) == (0, 9)


def test_every_limit_of_a_document_is_found() -> None:
    def plugin(name: str, **config: object) -> dict[str, object]:
        return {"name": name, "config": config}

    config: dict[str, object] = {
        "plugins": [
            plugin("rate-limiting", minute=5, hour=None, policy="redis"),
            {**plugin("rate-limiting", day=9, policy="local"), "consumer": {"name": "jane"}},
            {**plugin("rate-limiting", day=9), "enabled": False},
            plugin("key-auth"),
        ],
        "services": [
            {
                "name": "shop",
                "plugins": [
                    plugin("rate-limiting-advanced", limit=[10, 90], window_size=[60, 3600]),
                    plugin("response-ratelimiting", limits={"sms": {"second": 3}}),
                ],
                "routes": [{"id": "r-1", "plugins": [plugin("rate-limiting", month=7)]}],
            }
        ],
    }

    found = [(one.where, one.limit, one.window_s, one.store) for one in rate_limits(config)]

    assert found == [
        ("everything", 5, 60, "redis"),
        ("consumer jane", 9, 86400, "local"),
        ("service shop", 10, 60, "cluster"),
        ("service shop", 90, 3600, "cluster"),
        ("service shop", 3, 1, "cluster"),
        ("route r-1", 7, 2592000, "cluster"),
    ]


@settings(max_examples=counted(500))
@given(
    config=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["plugins", "services", "routes", "name", "config", "minute", "limit"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_no_document_breaks_it(config: object) -> None:
    rate_limits({"plugins": config, "services": config})


def test_the_cost_is_said() -> None:
    window = MixedWindow(stages=RAMP, hold_s=3600, limits=(LIMIT,), vitals=True)

    found = list(window.findings())

    assert rules(found) == ["mixed-window", "mixed-window-over-admission", "mixed-window-vitals"]
    assert "for 150 s at least, and for 7350 s where" in found[0].message
    said = found[1].message
    assert "a client has 200 in a window, and 400 too many in 150 s, 12400 in 7350 s" in said
    assert "at 10% it is not refused before 111, and has 300 too many in 90 s at worst" in said
    assert "at 50% it is not refused before 200, and has 200 too many in 60 s at worst" in said


def test_the_limit_of_the_window_caps_what_it_costs() -> None:
    window = MixedWindow(
        stages=RAMP, hold_s=3600, limits=(LIMIT,), most_s=600, at_the_end="it ends"
    )

    found = list(window.findings())

    assert "for 600 s where gates prolong" in found[0].message
    assert found[0].message.endswith("after 600 s, whatever it waits for, it ends.")
    assert "1100 in 600 s" in found[1].message


def test_a_limit_that_is_shorter_than_the_stages_is_told() -> None:
    assert "mixed-window-too-short" in rules(MixedWindow(stages=RAMP, most_s=149).findings())
    assert "mixed-window-too-short" not in rules(MixedWindow(stages=RAMP, most_s=150).findings())


def test_where_each_node_counts_every_new_node_admits_more() -> None:
    local = attrs.evolve(LIMIT, store="local")

    assert local.over_admission(150, new_nodes=3) == 3 * LIMIT.over_admission(150)
    assert LIMIT.over_admission(150, new_nodes=3) == LIMIT.over_admission(150)
    assert local.unrefused(50, current_nodes=2, new_nodes=2) == 400
    assert local.unrefused(10, current_nodes=3, new_nodes=1) == 333
    (said,) = [
        f.message
        for f in MixedWindow(stages=RAMP, limits=(local,), current_nodes=2, new_nodes=3).findings()
        if f.rule == "mixed-window-over-admission"
    ]
    assert "counts in each node (local): at worst a client has 500 in a window" in said


@pytest.mark.parametrize(
    ("name", "config", "store"),
    [
        ("rate-limiting", {"minute": 5}, "cluster"),
        ("rate-limiting", {"minute": 5, "policy": "local"}, "local"),
        ("rate-limiting", {"minute": 5, "policy": "redis", "sync_rate": -1}, "redis"),
        ("rate-limiting-advanced", {"limit": [5], "window_size": [60], "sync_rate": -1}, "local"),
        (
            "rate-limiting-advanced",
            {"limit": [5], "window_size": [60], "strategy": "redis", "sync_rate": 0},
            "redis",
        ),
        ("response-ratelimiting", {"limits": {"a": {"minute": 5}}, "policy": "redis"}, "redis"),
    ],
)
def test_where_a_plugin_counts(name: str, config: dict[str, object], store: str) -> None:
    assert list(limits_of(name, config, "w")) == [
        RateLimit(plugin=name, where="w", limit=5, window_s=60, store=store)
    ]


def test_many_plugins_with_one_limit_are_told_once() -> None:
    limits = [attrs.evolve(LIMIT, where=f"route {n}") for n in range(7)]

    (said,) = [
        f.message
        for f in MixedWindow(stages=RAMP, limits=limits).findings()
        if f.rule == "mixed-window-over-admission"
    ]

    assert said.startswith(
        "rate-limiting of route 0, route 1, route 2, route 3, route 4 and 2 more"
    )


def test_a_ramp_of_one_stage_costs_nothing() -> None:
    assert list(MixedWindow(stages=(RampStage(100),), limits=(LIMIT,)).findings()) == []


SHOP = """
_format_version: '1.1'
services:
- name: shop
  url: http://shop
  routes:
  - name: login
    hosts: [Login.example.com:8443, "*.id.example.com"]
    plugins:
    - {name: session, config: {secret: a}}
  - {name: rest, paths: [/rest]}
  plugins:
  - {name: rate-limiting, config: {minute: 100, policy: cluster}}
"""
EVERYWHERE = "_format_version: '1.1'\nplugins:\n- {name: session, config: {secret: a}}\n"


def evidence_of(text: str) -> Evidence:
    return Evidence(declarative=(StateFile(path="kong.yml", data=text.encode()),))


def behind(kind: str | None, deployment: Deployment = DUAL) -> Deployment:
    """The same behind another load balancer."""
    balancer = LoadBalancerSettings(kind=LoadBalancerKind(kind)) if kind else None
    return attrs.evolve(deployment, load_balancer=balancer)


def diversions(made: Plan) -> list[DivertTraffic]:
    return [step for step in made.steps if isinstance(step, DivertTraffic)]


@pytest.mark.parametrize("by", ["assessment", "evidence"])
def test_limits_and_hosts_with_sessions_come_from_what_was_seen(by: str) -> None:
    seen = evidence_of(SHOP)
    made = (
        plan(behind("nginx"), assessment=assess(DUAL, seen), ramp=RAMP)
        if by == "assessment"
        else plan(behind("nginx"), evidence=seen, ramp=RAMP)
    )

    costs = [f.message for f in made.findings if f.rule == "mixed-window-over-admission"]
    assert [cost.partition(" allows")[0] for cost in costs] == ["rate-limiting of service shop"]
    assert {step.keeps_hosts for step in diversions(made)} == {
        ("login.example.com", "*.id.example.com")
    }
    assert not any(step.keeps_clients for step in diversions(made))
    (said,) = [f for f in made.findings if f.rule == "mixed-window-sessions"]
    assert "kept on one side, client by client" in said.message
    assert "sticky_hosts" in said.action


def test_the_callers_own_values_win() -> None:
    own = RateLimit(plugin="p", where="w", limit=7, window_s=1, store="cluster")
    seen = assess(DUAL, evidence_of(SHOP))

    made = plan(
        DUAL, assessment=seen, ramp=RAMP, settings=Settings(rate_limits=(own,), sessions=False)
    )
    none = plan(DUAL, assessment=seen, ramp=RAMP, settings=Settings(rate_limits=()))
    named = plan(DUAL, ramp=RAMP, settings=Settings(session_hosts=("a.example.com",)))

    costs = [f.message for f in made.findings if f.rule == "mixed-window-over-admission"]
    assert [cost.partition(" allows")[0] for cost in costs] == ["p of w"]
    assert "mixed-window-sessions" not in rules(made.findings)
    assert "mixed-window-over-admission" not in rules(none.findings)
    assert {step.keeps_hosts for step in diversions(named)} == {("a.example.com",)}


@pytest.mark.parametrize(
    ("kind", "shares", "keeps"),
    [
        ("nginx", [10, 50, 100], True),
        ("haproxy", [10, 50, 100], True),
        ("kubernetes", [10, 50, 100], True),
        (None, [10, 50, 100], True),
        ("dns", [100], False),
    ],
)
def test_sessions_on_every_host_are_sticky_or_one_shot(
    kind: str | None, shares: list[int], keeps: bool
) -> None:
    made = plan(behind(kind), evidence=evidence_of(EVERYWHERE), ramp=RAMP)

    assert [step.new_percent for step in diversions(made)] == shares
    assert {step.keeps_clients for step in diversions(made)} == {keeps}
    assert "mixed-window-sessions" in rules(made.findings)
    assert made.steps[-1].id == plan(DUAL, ramp=RAMP).steps[-1].id
    watched = [s.watch_s for s in made.steps if isinstance(s, WatchMetrics) and s.share_percent]
    assert max(watched) == 600


def test_hosts_that_only_move_as_a_whole_are_told_so() -> None:
    made = plan(behind("dns"), evidence=evidence_of(SHOP), ramp=RAMP)

    (said,) = [f for f in made.findings if f.rule == "mixed-window-sessions"]
    assert "login.example.com, *.id.example.com move in one step" in said.message
    assert "OneShotHosts" in said.action
    assert [step.new_percent for step in diversions(made)] == [10, 50, 100]


def test_sessions_do_not_change_how_nodes_are_replaced_one_by_one() -> None:
    rolling = ALL["db-less-rolling"]

    made = plan(behind("dns", rolling), evidence=evidence_of(EVERYWHERE))

    assert [s.id for s in made.steps] == [s.id for s in plan(rolling).steps]
    assert all(step.keeps_clients for step in diversions(made))


def test_a_rolling_upgrade_is_mixed_for_as_long_as_its_batches_take() -> None:
    made = plan(ALL["db-less-rolling"], ramp=(RampStage(100, bake_s=60),))
    shares = [step.new_percent for step in diversions(made) if step.new_percent < 100]

    (said,) = [f.message for f in made.findings if f.rule == "mixed-window"]
    assert shares
    assert f"for {60 * len(shares)} s at least" in said


def test_without_sessions_clients_may_be_divided() -> None:
    made = plan(DUAL, ramp=RAMP)

    assert "mixed-window-sessions" not in rules(made.findings)
    assert not any(step.keeps_clients or step.keeps_hosts for step in diversions(made))


@pytest.mark.parametrize(
    ("key", "keeps"),
    [
        ("$remote_addr", True),
        ("$http_x_client", True),
        ("$request_id", False),
        ("$remote_addr$request_id", False),
        ("${connection}x", False),
    ],
)
def test_nginx_keeps_a_client_whose_key_stays(key: str, keeps: bool) -> None:
    assert NginxLoadBalancer(file="f", current="a", new="b", key=key).keeps_clients is keeps
