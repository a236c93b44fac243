"""What it costs that both clusters serve for a while is said before it is done."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.adapters import NginxLoadBalancer
from kong_lts.assessment import assess
from kong_lts.evidence import Evidence, StateFile
from kong_lts.planning import plan
from kong_lts.strategies import Settings
from kong_lts.testing.scenarios import ALL
from kong_lts.traffic import DivertTraffic, MixedWindow, RampStage, RateLimit, rate_limits
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
    window = MixedWindow(stages=RAMP, hold_s=3600, limits=(LIMIT,), sessions=True, vitals=True)

    found = list(window.findings())

    assert rules(found) == [
        "mixed-window",
        "mixed-window-over-admission",
        "mixed-window-vitals",
        "mixed-window-sessions",
    ]
    assert "for 150 s at least, and for 7350 s where" in found[0].message
    assert "a client has 200 in a window, and 400 too many in 150 s" in found[1].message
    assert "at 50% it is not refused before 200" in found[1].message


def test_a_ramp_of_one_stage_costs_nothing() -> None:
    window = MixedWindow(stages=(RampStage(100),), limits=(LIMIT,), sessions=True)

    assert list(window.findings()) == []


def test_a_plan_says_it_and_takes_sessions_from_its_assessment() -> None:
    text = "_format_version: '1.1'\nplugins:\n- name: session\n  config: {secret: a}\n"
    evidence = Evidence(declarative=(StateFile(path="kong.yml", data=text.encode()),))

    made = plan(
        DUAL, assessment=assess(DUAL, evidence), ramp=RAMP, settings=Settings(rate_limits=(LIMIT,))
    )

    assert {"mixed-window", "mixed-window-over-admission", "mixed-window-sessions"} <= set(
        rules(made.findings)
    )
    diverted = [step for step in made.steps if isinstance(step, DivertTraffic)]
    assert all(step.keeps_clients for step in diverted)


def test_without_sessions_clients_may_be_divided() -> None:
    made = plan(DUAL, ramp=RAMP)

    assert "mixed-window-sessions" not in rules(made.findings)
    assert not any(s.keeps_clients for s in made.steps if isinstance(s, DivertTraffic))


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
