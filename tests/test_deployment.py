"""An inventory is read strictly, and each of its faults is told with line and field."""

import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_lts.deployment import (
    Cluster,
    DatabaseKind,
    DatabaseSettings,
    Deployment,
    DeploymentMode,
    LoadBalancerKind,
    LoadBalancerSettings,
    Node,
    NodeRole,
    Resources,
    Side,
    Tools,
    contradictions,
    parse_deployment,
    read_deployment,
)
from kong_lts.errors import DeploymentError, FormatError, UnreadableFileError
from kong_lts.testing import scenarios
from kong_lts.testing.generators import deployments
from kong_lts.testing.scenarios import ALL
from kong_lts.versions import KongVersion
from tests.conftest import counted

INVENTORY = """\
mode: hybrid                      # traditional, hybrid, db-less, konnect
current:
  version: 2.8.4.14               # four parts are Enterprise
  nodes:
  - {name: cp-1, role: control_plane}
  - {name: dp-1, role: data_plane, operating_system: "debian 10"}
  database: {kind: postgres, server_version: "13.4", url: "env:KONG_DATABASE_URL"}
  keyring: false
new: {version: 3.4.3.5}
tools: {deck: 1.55.0, kic: 2.12.0}
resources: {second_cluster: true, downtime_acceptable: false, decommissioning_allowed: true}
load_balancer: {kind: nginx, upstream: kong}
"""
LEAST = "mode: traditional\ncurrent: {version: 2.8.5}\n"
MARK = "S3CR3T-marked"
URL = f"postgres://kong:{MARK}@db.internal/kong"


def refused(text: str) -> DeploymentError:
    with pytest.raises(DeploymentError) as error:
        parse_deployment(text, path="inventory.yaml")
    return error.value


@settings(max_examples=counted(500))
@given(deployment=deployments())
def test_a_deployment_comes_back_from_its_json(deployment: Deployment) -> None:
    assert Deployment.from_json(deployment.to_json()) == deployment


@settings(max_examples=counted(200))
@given(deployment=deployments())
def test_the_json_of_a_deployment_is_an_inventory_too(deployment: Deployment) -> None:
    """JSON is YAML, but for characters that YAML wants escaped."""
    text = json.dumps(json.loads(deployment.to_json()))
    if "\\u" in text:
        return

    assert parse_deployment(text) == deployment


def test_an_inventory_is_read() -> None:
    deployment = parse_deployment(INVENTORY)

    assert deployment == Deployment(
        mode=DeploymentMode.HYBRID,
        current=Cluster(
            version=KongVersion((2, 8, 4, 14)),
            nodes=(
                Node(name="cp-1", role=NodeRole.CONTROL_PLANE),
                Node(name="dp-1", role=NodeRole.DATA_PLANE, operating_system="debian 10"),
            ),
            database=DatabaseSettings(server_version="13.4", url="env:KONG_DATABASE_URL"),
        ),
        new=Cluster(version=KongVersion((3, 4, 3, 5))),
        tools=Tools(deck="1.55.0", kic="2.12.0"),
        resources=Resources(
            second_cluster=True, downtime_acceptable=False, decommissioning_allowed=True
        ),
        load_balancer=LoadBalancerSettings(kind=LoadBalancerKind.NGINX, upstream="kong"),
    )


def test_what_is_not_said_is_unknown_and_not_guessed() -> None:
    deployment = parse_deployment(LEAST)

    assert deployment.new is None
    assert deployment.current.database is None
    assert deployment.resources == Resources(
        second_cluster=None, downtime_acceptable=None, decommissioning_allowed=None
    )


def test_an_inventory_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(INVENTORY, encoding="utf-8")

    assert read_deployment(file) == parse_deployment(INVENTORY)


def test_a_missing_inventory_is_an_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError):
        read_deployment(tmp_path / "none.yaml")


def test_the_file_of_a_fault_is_named(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text("mode: hybrid\n", encoding="utf-8")

    with pytest.raises(DeploymentError, match=f"^{file}:1: current: it is missing"):
        read_deployment(file)


@pytest.mark.parametrize(
    ("text", "line", "field", "reason"),
    [
        ("", 1, None, "the inventory is no mapping"),
        ("- mode: hybrid\n", 1, None, "the inventory is no mapping"),
        (LEAST + "mode: hybrid\n", 3, None, "mode is given twice"),
        (LEAST + "tools: *x\n", 3, None, "no YAML: found undefined alias"),
        (LEAST + "tools: {kic: &x 1, deck: *x}\n", 3, None, "tools.deck is an alias, *x"),
        (LEAST + "resource: {}\n", 3, "resource", "unknown field resource (known: mode, "),
        (LEAST + "tools:\n  deck: 1.55\n", 4, "tools.deck", "1.55 is no string; quote it"),
        (LEAST + "tools: []\n", 3, "tools", "a list is no mapping"),
        (LEAST + "new:\n  version: 3.4\n", 4, "new.version", "3.4 is no version; quote it"),
        (LEAST + "new:\n  version: 3.4.x\n", 4, "new.version", "'3.4.x' is no Kong version"),
        (LEAST + "new: {}\n", 3, "new.version", "it is missing"),
        (LEAST + "name:\n", 3, "name", "null is no string"),
        (
            LEAST + "new:\n  version: 3.4.2\n  nodes:\n  - name: y-1\n    rule: x\n",
            7,
            "new.nodes[0].rule",
            "unknown field rule (known: name, role, operating_system, version)",
        ),
        (
            LEAST + "new:\n  version: 3.4.2\n  nodes: y-1\n",
            5,
            "new.nodes",
            '"y-1" is no list',
        ),
        (
            LEAST + "resources:\n  second_cluster: 1\n",
            4,
            "resources.second_cluster",
            "1 is no boolean",
        ),
        (
            LEAST + "load_balancer:\n  kind: f5\n",
            4,
            "load_balancer.kind",
            "'f5' is not a valid LoadBalancerKind; give one of nginx, dns, kubernetes, haproxy,",
        ),
        (LEAST + "format_version: 2\n", 3, "format_version", "this library reads 1, not 2"),
    ],
)
def test_a_fault_is_told_with_line_and_field(
    text: str, line: int, field: str | None, reason: str
) -> None:
    error = refused(text)

    assert (error.line, error.field, error.path) == (line, field, "inventory.yaml")
    assert error.reason.startswith(reason)


def test_all_faults_are_told_at_once() -> None:
    error = refused("mode: tradition\ncurrent:\n  version: 2.8\n  keyring: no\n")

    assert str(error) == (
        "inventory.yaml:1: mode: 'tradition' is not a valid DeploymentMode; give one of"
        " traditional, hybrid, db-less, konnect; line 3: current.version: 2.8 is no version;"
        ' quote it and give all its parts; line 4: current.keyring: "no" is no boolean'
    )


def test_an_inventory_may_say_its_format_version() -> None:
    assert parse_deployment(LEAST + "format_version: 1\n") == parse_deployment(LEAST)


@settings(max_examples=counted(500))
@given(
    where=st.integers(0, len(INVENTORY)),
    what=st.text("{}[]:,-&*#'\"\n a1", min_size=1, max_size=3),
    instead_of=st.integers(0, 12),
)
def test_a_damaged_inventory_is_read_or_refused_in_words(
    where: int, what: str, instead_of: int
) -> None:
    text = INVENTORY[:where] + what + INVENTORY[where + instead_of :]

    try:
        said = str(parse_deployment(text, path="inventory.yaml").mode)
    except DeploymentError as exc:
        said = str(exc)

    assert said


def test_the_json_of_another_format_version_is_refused() -> None:
    text = parse_deployment(LEAST).to_json().replace('"format_version": 1', '"format_version": 2')

    with pytest.raises(FormatError, match="its format_version is 2, not 1"):
        Deployment.from_json(text)


@pytest.mark.parametrize("url", [URL, MARK, f"env:{URL}", f"file:{URL}", f" env:{MARK}", ""])
def test_a_url_in_place_of_a_reference_is_refused_and_not_repeated(url: str) -> None:
    text = LEAST.replace("2.8.5}", f"2.8.5, database: {{url: '{url}'}}}}")

    error = refused(text)

    assert (error.line, error.field) == (2, "current.database.url")
    assert error.reason == "give a reference, env:NAME or file:PATH, not the URL itself"
    assert MARK not in repr(error)


def test_a_url_in_json_is_not_repeated_either() -> None:
    document = json.loads(scenarios.ALL["traditional-dual-cluster"].to_json())
    document["current"]["database"]["url"] = URL

    with pytest.raises(FormatError) as error:
        Deployment.from_json(json.dumps(document))

    assert MARK not in str(error.value) + repr(error.value)
    assert error.value.__cause__ is None


def test_the_value_class_itself_takes_no_url() -> None:
    with pytest.raises(ValueError, match="give a reference") as error:
        DatabaseSettings(url=URL)

    assert MARK not in str(error.value)


@pytest.mark.parametrize("url", ["env:KONG_DATABASE_URL", "file:/run/secrets/url", None])
def test_a_reference_is_taken(url: str | None) -> None:
    assert DatabaseSettings(url=url).url == url


def test_a_cluster_has_a_side() -> None:
    deployment = scenarios.ALL["traditional-dual-cluster"]

    assert deployment.cluster(Side.CURRENT) is deployment.current
    assert deployment.cluster(Side.NEW) is deployment.new
    assert attrs.evolve(deployment, new=None).cluster(Side.NEW) is None


def test_only_two_modes_have_a_database_of_their_own() -> None:
    assert [mode for mode in DeploymentMode if mode.has_database] == ["traditional", "hybrid"]


def test_a_database_may_be_off() -> None:
    """`off` is a text in YAML 1.2, not the opposite of on."""
    deployment = parse_deployment(LEAST.replace("2.8.5}", "2.8.5, database: {kind: off}}"))

    assert deployment.current.database == DatabaseSettings(kind=DatabaseKind.OFF)


# --- contradictions -----------------------------------------------------------------------------


def contradicting(deployment: Deployment) -> list[str]:
    return [finding.rule for finding in contradictions(deployment)]


@pytest.mark.parametrize("name", [name for name in ALL if name != "cassandra"])
def test_a_scenario_does_not_contradict_itself(name: str) -> None:
    assert contradicting(ALL[name]) == []


@pytest.mark.parametrize(
    ("version", "found"),
    [("2.8.1.0", []), ("2.8.4.20", []), ("2.7.0.0", []), ("3.4.3.5", ["data-plane-newer"])],
)
def test_a_data_plane_is_not_newer_than_its_control_plane(version: str, found: list[str]) -> None:
    """But for the patch, which does not count."""
    deployment = ALL["hybrid-dual-cluster"]
    *others, plane = deployment.current.nodes
    nodes = (*others, attrs.evolve(plane, version=KongVersion.parse(version)))
    current = attrs.evolve(deployment.current, nodes=nodes)

    assert contradicting(attrs.evolve(deployment, current=current)) == found


def test_two_clusters_do_not_have_one_database_unless_they_are_one() -> None:
    def sharing(name: str) -> Deployment:
        new = ALL[name].new
        assert new is not None
        return attrs.evolve(ALL[name], new=attrs.evolve(new, database=ALL[name].current.database))

    assert contradicting(sharing("traditional-dual-cluster")) == ["one-database"]
    assert contradicting(sharing("traditional-in-place")) == []
