"""What a node's own files do while they are read, or are of an odd kind."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import pytest

import kong_lts
from kong_lts.adapters import LocalProcessRunner
from kong_lts.errors import ProcessFailedError, UnreadableFileError
from kong_lts.evidence.node_reader import NodeReader
from kong_lts.protocols import Finished, ProcessRunner
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.simulation import World

LINE = b'10.1.4.20 - - [12/Feb/2024:06:00:01 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"\n'
DEPLOYMENT = kong_lts.parse_deployment(
    "mode: traditional\ncurrent: {version: 2.8.5}\nnew: {version: 3.4.2}\n"
)


@attrs.define
class Node:
    """This machine; before the n-th command of a kind something happens."""

    program: str = ""
    acts: dict[int, Callable[[], None]] = attrs.field(factory=dict)
    fails: frozenset[str] = frozenset()
    count: int = 0

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        if argv[0] in self.fails:
            raise ProcessFailedError(f"running {argv[0]}", "no such command", 127)
        if argv[0] == self.program:
            self.count += 1
            self.acts.get(self.count, lambda: None)()
        runner = LocalProcessRunner(environ={"PATH": os.defpath, "LANG": "C"})
        return runner.run(argv, timeout_s=timeout_s, statuses=statuses)


def gathered(node: ProcessRunner, conf: Path) -> kong_lts.Evidence:
    adapters = fake_adapters(World.of(DEPLOYMENT))
    current = attrs.evolve(
        adapters.current, database=None, admin=None, deck=None, nodes={"gw-1": node}
    )
    adapters = attrs.evolve(adapters, current=current)
    return kong_lts.gather(DEPLOYMENT, adapters, conf_path=str(conf))


def gaps_of(evidence: kong_lts.Evidence) -> dict[str, str]:
    return {gap.source: gap.reason for gap in evidence.gaps}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_bytes(LINE * 300)
    return path


def cut(log: Path) -> None:
    """As `copytruncate` does."""
    log.write_bytes(LINE)


def renamed(log: Path) -> None:
    log.rename(log.with_suffix(".1"))
    log.write_bytes(LINE * 3000)


@pytest.mark.parametrize("rotate", [cut, renamed])
def test_a_log_that_is_rotated_while_it_is_read_is_told(
    log: Path, rotate: Callable[[Path], None]
) -> None:
    reader = NodeReader("gw-1", Node("dd", {3: lambda: rotate(log)}), chunk_bytes=4096)

    with pytest.raises(UnreadableFileError, match="rotated while it was read"):
        list(reader.last_lines(str(log), 1 << 20))


def test_a_log_that_grows_while_it_is_read_is_as_long_as_it_was(log: Path) -> None:
    def grow() -> None:
        with log.open("ab") as file:
            file.write(LINE * 100)

    reader = NodeReader("gw-1", Node("dd", {3: grow}), chunk_bytes=4096)

    assert b"".join(reader.last_lines(str(log), 1 << 20)).count(b"\n") >= 300


def test_a_log_with_bytes_that_are_no_text_is_not_taken_for_rotated(log: Path) -> None:
    log.write_bytes(b"\xff\xe2\x82 \xf0\x9f\x98\n" * 5000)
    reader = NodeReader("gw-1", Node(), chunk_bytes=4096)

    assert b"".join(reader.last_lines(str(log), 1 << 20)).count(b"\n") == 5000


@pytest.mark.parametrize("rotate", [cut, renamed])
def test_a_log_that_is_rotated_once_is_read_again(
    tmp_path: Path, log: Path, rotate: Callable[[Path], None]
) -> None:
    conf = tmp_path / "kong.conf"
    conf.write_text(f"proxy_access_log = {log}\nadmin_access_log = off\nproxy_error_log = off\n")

    found = gathered(Node("dd", {1: lambda: rotate(log)}), conf)

    assert found.access_log is not None
    assert found.access_log.requests == log.read_bytes().count(b"\n")
    assert "access log of gw-1" not in gaps_of(found)


def test_an_environment_that_cannot_be_seen_is_a_gap(tmp_path: Path) -> None:
    conf = tmp_path / "kong.conf"
    conf.write_text("log_level = debug\n")

    found = gathered(Node(fails=frozenset({"env"})), conf)

    assert str(found.kong_conf["gw-1"]) == "log_level = debug\n"
    assert "no such command" in gaps_of(found)["environment of gw-1"]


def test_a_plugin_of_a_config_map_stands_once_and_behind_a_link_too(tmp_path: Path) -> None:
    """As Kubernetes shows it: links to links to the files of a version."""
    mount = tmp_path / "mounted"
    version = mount / "..2024_02_12"
    version.mkdir(parents=True)
    (version / "handler.lua").write_text('require "kong.plugins.base_plugin"\n')
    (mount / "..data").symlink_to("..2024_02_12")
    (mount / "handler.lua").symlink_to("..data/handler.lua")
    plugins = tmp_path / "lua/kong/plugins"
    plugins.mkdir(parents=True)
    (plugins / "stamp").symlink_to(mount)
    conf = tmp_path / "kong.conf"
    conf.write_text(f"plugins = bundled,stamp\nlua_package_path = {tmp_path}/lua/?.lua;;\n")

    found = gathered(Node(), conf)

    assert [file.path for file in found.custom_plugins] == ["plugins/stamp/handler.lua"]


def test_a_folder_of_too_many_files_is_told(tmp_path: Path) -> None:
    class Full(Node):
        def run(
            self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
        ) -> Finished:
            return Finished(status=0, stdout="".join(f"/p/{n}\n" for n in range(20_001)))

    with pytest.raises(UnreadableFileError, match="more than 20000 files"):
        NodeReader("gw-1", Full()).files("/p", depth=1)


def test_a_folder_that_may_not_be_looked_into_is_told_and_a_missing_one_is_empty() -> None:
    class Closed(Node):
        def run(
            self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
        ) -> Finished:
            return Finished(status=1, stderr="find: '/p': Permission denied\n")

    with pytest.raises(UnreadableFileError, match="gw-1:/p: Permission denied"):
        NodeReader("gw-1", Closed()).files("/p", depth=1)
    assert NodeReader("gw-1", Node()).files("/nonexistent", depth=1) == ()


def test_a_reference_to_a_vault_hides_nothing_of_a_node(tmp_path: Path, log: Path) -> None:
    conf = tmp_path / "kong.conf"
    conf.write_text(f"proxy_access_log = {log}\npg_password = {{vault://aws/kong}}\n")

    found = gathered(Node(), conf)

    assert found.access_log is not None
    assert found.access_log.requests == 300
    assert not any("vault" in reason for reason in gaps_of(found).values())
