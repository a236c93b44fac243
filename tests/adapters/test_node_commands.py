"""A node that systemd or Kubernetes manages is started, stopped and asked by their commands."""

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from kong_lts.adapters import LocalProcessRunner, ManagedNode, NodeCommands
from kong_lts.errors import ProcessFailedError
from kong_lts.protocols import Finished, ProcessRunner
from tests.contracts.process_runner import Commands, ProcessRunnerContract

KUBERNETES = NodeCommands.kubernetes("deployment/kong", namespace="edge", replicas=3)

INSIDE = (
    "kubectl --namespace edge exec --pod-running-timeout=5s deployment/kong --container proxy --"
)


@attrs.define
class Recorder:
    """Remembers every command, and ends it with a status."""

    ends_with: int = 0
    seen: list[str] = attrs.Factory(list)

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        self.seen.append(" ".join(argv))
        if self.ends_with not in statuses:
            raise ProcessFailedError("running it", "no such unit", self.ends_with)
        return Finished(status=self.ends_with)


class TestManagedNode(ProcessRunnerContract):
    @pytest.fixture
    def commands(self, tmp_path: Path) -> Commands:
        node: ProcessRunner = ManagedNode(LocalProcessRunner(), NodeCommands.systemd())
        return Commands(
            runner=node,
            says_hello=("echo", "hello"),
            ends_with_3=("sh", "-c", "echo sorry >&2; exit 3"),
            is_missing=("/nonexistent/kong", "version"),
            never_ends=("sleep", "60"),
        )


def called(commands: NodeCommands, *words: str) -> list[str]:
    recorder = Recorder()
    ManagedNode(recorder, commands).run(words, timeout_s=5)
    return recorder.seen


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("kong", "start", "-c", "/etc/kong/kong.conf"), ["sudo -n systemctl start kong"]),
        (("/usr/local/bin/kong", "quit"), ["sudo -n systemctl stop kong"]),
        (("kong", "stop"), ["sudo -n systemctl stop kong"]),
        (("kong", "health"), ["sudo -n systemctl is-active --quiet kong"]),
        (("kong", "migrations", "up"), ["kong migrations up"]),
        (("kong",), ["kong"]),
        (("nginx", "start"), ["nginx start"]),
    ],
)
def test_systemd(words: tuple[str, ...], wanted: list[str]) -> None:
    assert called(NodeCommands.systemd(before=("sudo", "-n")), *words) == wanted


def test_kubernetes_waits_for_the_pods() -> None:
    assert called(KUBERNETES, "kong", "start") == [
        "kubectl --namespace edge scale deployment/kong --replicas=3",
        "kubectl --namespace edge rollout status deployment/kong --timeout=300s",
    ]
    assert called(KUBERNETES, "kong", "quit") == [
        "kubectl --namespace edge scale deployment/kong --replicas=0",
        "kubectl --namespace edge rollout status deployment/kong --timeout=300s",
    ]
    assert called(KUBERNETES, "kong", "health") == [f"{INSIDE} kong health"]
    assert called(KUBERNETES, "kong", "migrations", "up") == [f"{INSIDE} kong migrations up"]


def test_each_can_be_overridden() -> None:
    own = attrs.evolve(NodeCommands.systemd(), start=[["/opt/start-kong"], ["/opt/warm-up"]])

    assert called(own, "kong", "start") == ["/opt/start-kong", "/opt/warm-up"]
    assert called(own, "kong", "quit") == ["systemctl stop kong"]
    assert called(NodeCommands(), "kong", "start") == ["kong start"]


def test_after_a_failure_nothing_more_is_run() -> None:
    recorder = Recorder(ends_with=1)

    with pytest.raises(ProcessFailedError):
        ManagedNode(recorder, KUBERNETES).run(("kong", "start"), timeout_s=5)

    assert len(recorder.seen) == 1


def test_a_node_that_is_not_there_is_told_as_kong_tells_it() -> None:
    """systemd says 3."""
    node = ManagedNode(Recorder(ends_with=3), NodeCommands.systemd())

    assert node.run(("kong", "health"), timeout_s=5, statuses=(0, 1)).status == 1
    with pytest.raises(ProcessFailedError):
        node.run(("kong", "health"), timeout_s=5)
