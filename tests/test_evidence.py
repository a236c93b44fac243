"""Evidence: gathered through adapters, or read from a folder of files."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kong_lts
from kong_lts.database import Lock, RouteRow, SchemaMeta, ServiceRow
from kong_lts.deployment import Side
from kong_lts.errors import AdminApiError, FormatError, UnreadableFileError
from kong_lts.evidence.node_reader import NodeReader
from kong_lts.protocols import Finished, NodeStatus
from kong_lts.testing.fakes import FakeAdminApi, fake_adapters
from kong_lts.testing.fakes.reading import read
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World

DEPLOYMENT = ALL["traditional-dual-cluster"]


def test_an_empty_folder_is_evidence_of_nothing(tmp_path: Path) -> None:
    assert kong_lts.read_evidence(tmp_path) == kong_lts.Evidence()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such folder"):
        kong_lts.read_evidence(tmp_path / "bundle")


def test_one_kong_conf_is_for_all_nodes(tmp_path: Path) -> None:
    (tmp_path / "kong.conf").write_text("log_level = debug\n")

    evidence = kong_lts.read_evidence(tmp_path)

    assert {node: str(conf) for node, conf in evidence.kong_conf.items()} == {
        "": "log_level = debug\n"
    }


def test_each_node_may_have_its_own(tmp_path: Path) -> None:
    (tmp_path / "kong.conf.d").mkdir()
    for node in ("cp-1", "dp-1"):
        (tmp_path / f"kong.conf.d/{node}.conf").write_text(f"# of {node}\n")

    evidence = kong_lts.read_evidence(tmp_path)

    assert sorted(evidence.kong_conf) == ["cp-1", "dp-1"]


def test_files_under_other_names_are_told(tmp_path: Path) -> None:
    for name in ("logs/access.log", "plugins/a/b/handler.lua", "kubernetes/x.txt", ".git/config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    for name in ("deployment.yaml", "kong.conf", "kong.yml", "prefix.txt"):
        (tmp_path / name).write_text("")
    assert kong_lts.read_evidence(tmp_path).gaps == ()

    for name in ("my-deck.yaml", "logs/access.log.1", "k8s/values.yaml", "kong.conf.d/gw.conf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")

    (gap,) = kong_lts.read_evidence(tmp_path).gaps
    assert gap.reason == (
        "a name that a bundle has, for k8s/, kong.conf, my-deck.yaml, logs/access.log.1"
    )
    for number in range(30):
        (tmp_path / f"{number:02}.txt").write_text("")
    (gap,) = kong_lts.read_evidence(tmp_path).gaps
    assert gap.reason.endswith("18.txt, 19.txt and 14 more")


def test_a_manifest_that_is_no_yaml_is_told(tmp_path: Path) -> None:
    (tmp_path / "kubernetes").mkdir()
    text = "apiVersion: v1\nkind: Service\n---\nkind: [a, b\n"
    (tmp_path / "kubernetes/service.yaml").write_text(text)

    told = kong_lts.assess(DEPLOYMENT, kong_lts.read_evidence(tmp_path)).not_checked

    assert [one.missing for one in told if one.rule == "manifests: kubernetes/service.yaml"] == [
        "YAML from line 3 on (render a template: helm template)"
    ]


def test_the_environment_counts_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "environ").write_text("# of the container\nKONG_DATABASE=cassandra\nPATH=/bin\n")

    assessment = kong_lts.assess(DEPLOYMENT, kong_lts.read_evidence(tmp_path))

    assert any(f.subject == "database" for f in assessment.blockers)


def test_state_files_keep_their_bytes_and_names(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/default.yaml").write_bytes(b'\xef\xbb\xbf_format_version: "1.1"\r\n')
    (tmp_path / "kong.yml").write_bytes(b'_format_version: "2.1"\n')

    files = kong_lts.read_evidence(tmp_path).declarative

    assert [(f.path, f.data) for f in files] == [
        ("kong.yml", b'_format_version: "2.1"\n'),
        ("state/default.yaml", b'\xef\xbb\xbf_format_version: "1.1"\r\n'),
    ]


def test_database_json_may_come_from_queries(tmp_path: Path) -> None:
    document = {
        "server_version": "13.11",
        "schema": "public",
        "tables": ["routes", "services"],
        "schema_meta": [
            {"key": "schema_meta", "subsystem": "core", "executed": ["000_base"], "pending": None}
        ],
        "locks": [{"key": "migrations", "owner": "node", "ttl": "2026-01-01 00:00:00+00"}],
        "plugins": [{"name": "acl", "count": 2}],
        "routes": [{"id": "r1", "name": None, "paths": ["/x"], "hosts": ["a"]}],
        "encrypted_values": 3,
    }
    (tmp_path / "database.json").write_text(json.dumps(document))

    facts = kong_lts.read_evidence(tmp_path).database

    assert facts is not None
    assert facts.tables == {"routes": 0, "services": 0}
    assert facts.schema_meta == (SchemaMeta(subsystem="core", executed=("000_base",)),)
    assert facts.locks == (Lock(key="migrations", owner="node", held=True),)
    assert facts.plugins == {"acl": 2}
    assert facts.routes == (RouteRow(id="r1", paths=("/x",), hosts=("a",)),)


def test_a_route_of_an_export_has_all_that_decides_which_one_wins(tmp_path: Path) -> None:
    row = {
        "id": "r1",
        "created_at": "2026-11-23T10:00:00+00:00",
        "service_id": "s1",
        "protocols": ["https"],
        "headers": {"x-a": ["1"]},
        "regex_priority": 5,
        "tags": None,
    }
    service = {"id": "s1", "name": "s", "host": "up.test", "port": 8080, "retries": 5}
    document = {"routes": [row, {**row, "created_at": "soon"}], "services": [service]}
    (tmp_path / "database.json").write_text(json.dumps(document))

    facts = kong_lts.read_evidence(tmp_path).database

    assert facts is not None
    assert facts.routes == (
        RouteRow(
            id="r1",
            created_at=1795428000.0,
            service="s1",
            protocols=("https",),
            headers={"x-a": ("1",)},
            regex_priority=5,
        ),
        RouteRow(id="r1"),
    )
    assert facts.services == (ServiceRow(id="s1", name="s", host="up.test", port=8080),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "no JSON"),
        ("[]", "not a JSON object"),
        ('{"tables": 5}', "tables"),
        ('{"routes": [{"name": "x"}]}', r"missing @ \$\.routes\[0\]\.id"),
        ('{"schema_meta": ["core"]}', "schema_meta"),
    ],
)
def test_a_database_json_of_another_shape_is_an_error(
    tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "database.json").write_text(text)

    with pytest.raises(FormatError, match=problem):
        kong_lts.read_evidence(tmp_path)


def test_gathering_adds_the_database_and_keeps_what_is_known() -> None:
    known = kong_lts.Evidence(declarative=b'_format_version: "1.1"\n')
    adapters = fake_adapters(World.of(DEPLOYMENT))

    evidence = kong_lts.gather(DEPLOYMENT, adapters, known=known)

    assert evidence.declarative == known.declarative
    assert evidence.database is not None
    assert evidence.database.name == "kong"


def test_no_database_is_asked_of_a_deployment_without_one() -> None:
    db_less = ALL["db-less-rolling"]

    assert kong_lts.gather(db_less, fake_adapters(World.of(db_less))).database is None


def test_the_nodes_and_their_entities_are_asked() -> None:
    world = World.of(DEPLOYMENT)
    world.cluster(Side.CURRENT).entities["plugins/p1"] = {"id": "p1", "name": "acl"}

    evidence = kong_lts.gather(DEPLOYMENT, fake_adapters(world))

    assert evidence.admin["/plugins"] == {"data": [{"id": "p1", "name": "acl"}]}
    assert evidence.admin["/"] == {"version": str(DEPLOYMENT.current.version)}


def test_data_planes_are_asked_in_hybrid_mode() -> None:
    hybrid = ALL["hybrid-dual-cluster"]

    evidence = kong_lts.gather(hybrid, fake_adapters(World.of(hybrid)))

    assert "/clustering/data-planes" in evidence.admin


@attrs.define
class FilesOnNode:
    """A node on which only files can be read."""

    files: Mapping[str, str]

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        return read(self.files, argv, statuses)


def test_kong_conf_and_the_operating_system_are_read_on_the_nodes() -> None:
    adapters = fake_adapters(World.of(DEPLOYMENT))
    node = FilesOnNode({"/etc/kong/kong.conf": "log_level = debug\n"})
    current = attrs.evolve(adapters.current, nodes={"gw-1": node})

    evidence = kong_lts.gather(DEPLOYMENT, attrs.evolve(adapters, current=current))

    assert str(evidence.kong_conf["gw-1"]) == "log_level = debug\n"
    gap = next(gap for gap in evidence.gaps if gap.source == "operating system of gw-1")
    assert "No such file" in gap.reason
    not_checked = kong_lts.assess(DEPLOYMENT, evidence).not_checked
    assert "gather: operating system of gw-1" in {entry.rule for entry in not_checked}


@attrs.define
class SlowNode:
    """A node that never answers."""

    asked: threading.Event
    never: threading.Event

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        self.asked.set()
        self.never.wait()
        return Finished(status=0)


def test_a_source_that_takes_too_long_holds_up_nobody() -> None:
    adapters = fake_adapters(World.of(DEPLOYMENT))
    slow = SlowNode(threading.Event(), threading.Event())
    current = attrs.evolve(adapters.current, nodes={"gw-1": slow})

    evidence = kong_lts.gather(
        DEPLOYMENT, attrs.evolve(adapters, current=current), time_limit_s=0.2
    )

    slow.never.set()
    assert evidence.database is not None
    assert {gap.reason for gap in evidence.gaps} == {"no answer within 0.2 s"}


def test_a_late_source_takes_no_time_of_others() -> None:
    """Though one is asked after the other, each has all of its time."""
    adapters = fake_adapters(World.of(DEPLOYMENT))
    slow = SlowNode(threading.Event(), threading.Event())
    current = attrs.evolve(adapters.current, nodes={"gw-1": slow})
    alone = attrs.evolve(adapters, current=current, at_once=1)

    evidence = kong_lts.gather(DEPLOYMENT, alone, time_limit_s=0.05)

    slow.never.set()
    assert evidence.database is not None
    assert evidence.deck == "1.55.0"
    assert {gap.source.partition(" of ")[2] for gap in evidence.gaps} == {"gw-1"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_foreign_error_of_an_adapter_is_a_gap_at_once() -> None:
    class Broken(FilesOnNode):
        def run(
            self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
        ) -> Finished:
            raise ValueError(argv)

    adapters = fake_adapters(World.of(DEPLOYMENT))
    current = attrs.evolve(adapters.current, nodes={"gw-1": Broken({})})
    begun = time.monotonic()

    evidence = kong_lts.gather(DEPLOYMENT, attrs.evolve(adapters, current=current))

    assert time.monotonic() - begun < 30
    assert evidence.database is not None
    assert {gap.reason for gap in evidence.gaps} == {
        "its adapter raised an error of its own, which is on standard error"
    }


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({"x-1": "2.8.5", "x-2": "2.8.5"}, "2.8.5"),
        ({"x-1": "2.8.5", "x-2": "2.7.2"}, "2.7.2"),
        ({"x-1": "2.7.2", "x-2": "2.8.5"}, "2.7.2"),
        ({"x-1": "2.7.2"}, "2.7.2"),
    ],
)
def test_a_node_of_another_version_and_one_that_is_silent_are_told(
    versions: Mapping[str, str], said: str
) -> None:
    class Api(FakeAdminApi):
        def status(self, node: str) -> NodeStatus:
            if node not in versions:
                raise AdminApiError(f"asking node {node}", "nobody answers")
            return NodeStatus(version=versions[node], ready=True, database_reachable=True)

    world = World.of(DEPLOYMENT)
    adapters = fake_adapters(world)
    current = attrs.evolve(adapters.current, admin=Api(world, Side.CURRENT), nodes={})

    evidence = kong_lts.gather(DEPLOYMENT, attrs.evolve(adapters, current=current))

    root = evidence.admin["/"]
    assert isinstance(root, Mapping)
    assert root["version"] == said
    nodes = {node.name for node in DEPLOYMENT.current.nodes}
    assert {gap.source for gap in evidence.gaps} == {f"node {x}" for x in nodes - versions.keys()}


def test_gathering_changes_nothing() -> None:
    world = World.of(DEPLOYMENT)

    kong_lts.gather(DEPLOYMENT, fake_adapters(world))

    assert world.effects == []


@given(
    lines=st.lists(st.text("ab ", max_size=9), max_size=40),
    most=st.integers(1, 200),
    chunk=st.integers(1, 60),
)
def test_the_end_of_a_log_is_whole_lines_of_it(lines: list[str], most: int, chunk: int) -> None:
    text = "".join(f"{line}\n" for line in lines)
    reader = NodeReader("gw-1", FilesOnNode({"/log": text}), chunk_bytes=chunk)

    found = b"".join(reader.last_lines("/log", most)).decode()

    assert text.endswith(found)
    assert found == text or (len(found) <= most and text[: -len(found) or None].endswith("\n"))


def test_settings_of_a_container_are_its_variables() -> None:
    class Container(FilesOnNode):
        def run(
            self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
        ) -> Finished:
            if argv == ("env",):
                variables = "KONG_DATABASE=off\nKONG_NO_KEY=x\nHOME=/\nAWS_REGION=eu\n"
                return Finished(status=0, stdout=variables)
            return read(self.files, argv, statuses)

    adapters = fake_adapters(World.of(DEPLOYMENT))
    current = attrs.evolve(adapters.current, nodes={"gw-1": Container({})})

    evidence = kong_lts.gather(DEPLOYMENT, attrs.evolve(adapters, current=current))

    assert evidence.kong_conf["gw-1"].environ == {"KONG_DATABASE": "off", "AWS_REGION": "eu"}


def test_the_version_of_deck_is_asked() -> None:
    assert kong_lts.gather(DEPLOYMENT, fake_adapters(World.of(DEPLOYMENT))).deck == "1.55.0"


def test_the_key_of_a_certificate_is_not_kept() -> None:
    world = World.of(DEPLOYMENT)
    row = {"id": "c1", "cert": "public", "key": "private", "key_alt": "private"}
    world.cluster(Side.CURRENT).entities["certificates/c1"] = row

    evidence = kong_lts.gather(DEPLOYMENT, fake_adapters(world))

    assert evidence.admin["/certificates"] == {"data": [{"id": "c1", "cert": "public"}]}


def test_the_file_of_a_node_without_a_database_is_read() -> None:
    db_less = ALL["db-less-rolling"]
    state = '_format_version: "1.1"\n'
    files = {
        "/etc/kong/kong.conf": "database = off\ndeclarative_config = /srv/a.yml\n",
        "/srv/a.yml": state,
    }
    adapters = fake_adapters(World.of(db_less))
    nodes = {"gw-1": FilesOnNode(files), "gw-2": FilesOnNode(files)}
    current = attrs.evolve(adapters.current, nodes=nodes)

    evidence = kong_lts.gather(db_less, attrs.evolve(adapters, current=current))

    assert [f.data for f in evidence.declarative] == [state.encode()]


def test_rows_of_a_database_are_read_in_time_that_grows_with_their_number(tmp_path: Path) -> None:
    rows = [{"id": f"r-{n}", "name": f"n-{n}", "paths": [f"/{n}"]} for n in range(5_000)]
    (tmp_path / "database.json").write_text(json.dumps({"routes": rows}))

    began = time.process_time()
    evidence = kong_lts.read_evidence(tmp_path)

    assert time.process_time() - began < 4  # a converter for each row took ten
    assert evidence.database is not None
    assert len(evidence.database.routes) == 5_000
