"""The guide's prerequisites, as far as the deployment itself tells."""

import attrs
import pytest

import kong_lts
from kong_lts.testing.scenarios import ALL

OSS = ALL["traditional-dual-cluster"]
HYBRID = ALL["hybrid-dual-cluster"]
NEVER_ABOVE_INFO: list[str] = []


def rules(deployment: kong_lts.Deployment) -> list[str]:
    assessment = kong_lts.assess(deployment, kong_lts.Evidence())
    return [f.rule for f in assessment.findings if f.severity is not kong_lts.Severity.INFO]


def between(current: str, new: str | None) -> kong_lts.Deployment:
    """The deployment with other versions on either side."""
    assert OSS.new is not None
    parse = kong_lts.KongVersion.parse
    return attrs.evolve(
        OSS,
        current=attrs.evolve(OSS.current, version=parse(current)),
        new=None if new is None else attrs.evolve(OSS.new, version=parse(new)),
    )


@pytest.mark.parametrize(
    "name",
    ["traditional-dual-cluster", "traditional-in-place", "hybrid-dual-cluster", "db-less-rolling"],
)
def test_a_deployment_of_the_guide_has_no_finding(name: str) -> None:
    assert rules(ALL[name]) == NEVER_ABOVE_INFO


@pytest.mark.parametrize(
    ("current", "new", "expected"),
    [
        ("2.8.2", "3.4.2", []),
        ("2.8.1", "3.4.2", ["current-patch-too-old"]),
        ("2.8.5", None, ["new-version-missing"]),
        ("2.8.5", "3.4.3.5", ["edition-changes"]),
        ("2.7.2", "3.4.2", ["version-pair-unsupported"]),
        ("2.8.5", "3.5.0", ["version-pair-unsupported"]),
        ("3.4.2", "3.4.2", ["version-pair-unsupported"]),
    ],
)
def test_only_2_8_to_3_4_of_one_edition_is_upgraded(
    current: str, new: str | None, expected: list[str]
) -> None:
    assert rules(between(current, new)) == expected


def test_cassandra_has_to_be_left_first() -> None:
    assert rules(ALL["cassandra"]) == ["cassandra-unsupported"]


def test_a_keyring_has_to_be_exported() -> None:
    assert rules(ALL["enterprise-keyring"]) == ["keyring-needs-export"]


def test_two_clusters_on_one_database_are_a_contradiction() -> None:
    assert OSS.new is not None
    same = attrs.evolve(OSS, new=attrs.evolve(OSS.new, database=OSS.current.database))

    assert rules(same) == ["one-database-for-both-clusters"]


def test_hybrid_mode_needs_a_control_plane() -> None:
    only_data = tuple(n for n in HYBRID.current.nodes if n.role is kong_lts.NodeRole.DATA_PLANE)
    without = attrs.evolve(HYBRID, current=attrs.evolve(HYBRID.current, nodes=only_data))

    assert rules(without) == ["hybrid-without-control-plane"]
