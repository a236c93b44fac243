"""In which order plugins run under both releases, and which pairs change theirs."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from kong_lts import catalog
from kong_lts.checks.in_use import PluginInUse, may_meet
from kong_lts.checks.plugin_order import bundled, execution_order, swapped
from kong_lts.versions import Edition, Release

SCOPES = st.builds(
    lambda service, route, consumer: PluginInUse(
        name="a", service=service, route=route, consumer=consumer
    ),
    *[st.sampled_from([None, "1", "2"])] * 3,
)


def test_89_pairs_of_enterprise_swap_and_none_of_open_source() -> None:
    def pairs(edition: Edition) -> int:
        places = bundled(edition)
        names = [
            name
            for name, place in places.items()
            if edition is Edition.ENTERPRISE or name in OPEN_SOURCE
        ]
        return sum(
            before_and_after(places[one].in_2_8, places[other].in_2_8)
            * before_and_after(places[one].in_3_4, places[other].in_3_4)
            < 0
            for one, other in itertools.combinations(names, 2)
        )

    assert pairs(Edition.ENTERPRISE) == 89
    assert pairs(Edition.OSS) == 0


def before_and_after(one: int | None, other: int | None) -> int:
    return 0 if one is None or other is None else one - other


OPEN_SOURCE = {row.plugin for row in catalog.plugin_order() if row.edition in ("", "oss")}


def test_the_order_of_a_chain_under_both_releases() -> None:
    plugins = ("own", "key-auth", "jwt", "acl")
    custom = {"own": 1200}

    old = execution_order(plugins, release=Release.V2_8, edition=Edition.OSS, custom=custom)
    new = execution_order(plugins, release=Release.V3_4, edition=Edition.OSS, custom=custom)

    assert old == ("own", "jwt", "key-auth", "acl")
    assert new == ("jwt", "key-auth", "own", "acl")


def test_equal_priorities_run_by_name_the_last_first() -> None:
    plugins = ("rate-limiting", "rate-limiting-advanced")

    found = execution_order(plugins, release=Release.V3_4, edition=Edition.ENTERPRISE)

    assert found == ("rate-limiting-advanced", "rate-limiting")


def test_what_one_release_lacks_is_swapped_with_nothing() -> None:
    places = bundled(Edition.ENTERPRISE)

    assert not any(swapped(places["saml"], place) for place in places.values())


@given(st.lists(SCOPES, max_size=6), st.lists(SCOPES, max_size=6))
def test_plugins_meet_where_every_part_of_their_scopes_allows_it(
    some: list[PluginInUse], others: list[PluginInUse]
) -> None:
    meets = any(
        all(None in pair or pair[0] == pair[1] for pair in zip(a.scope, b.scope, strict=True))
        for a in some
        for b in others
    )

    assert may_meet(some, others) == meets
