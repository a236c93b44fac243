"""What is run on a node in the place of Kong's own commands, where something else manages it."""

from collections.abc import Sequence

import attrs

from kong_lts.deny_list import refuse_denied
from kong_lts.errors import ProcessFailedError
from kong_lts.protocols import Finished, ProcessRunner

__all__ = ["ManagedNode", "NodeCommands"]

Argv = tuple[str, ...]
_KONG = "kong"
_STOPS = ("quit", "stop")
_POD_S = 5


def _commands(given: Sequence[Sequence[str]]) -> tuple[Argv, ...]:
    return tuple(tuple(argv) for argv in given)


@attrs.frozen(kw_only=True)
class NodeCommands:
    """Commands in the place of `kong start`, `kong quit` and `kong health`, and before all others.

    Args:
        start: Run one after the other; after the last of them the node may still be starting.
        stop: Likewise; after the last of them no request is lost.
        health: Ends with 0 as long as the node is there; whatever else it ends with, it is not.
        before_others: Goes before every other command, as `kubectl exec deploy/kong --` does.
    """

    start: tuple[Argv, ...] = attrs.field(default=(("kong", "start"),), converter=_commands)
    stop: tuple[Argv, ...] = attrs.field(default=(("kong", "quit"),), converter=_commands)
    health: Argv = attrs.field(default=("kong", "health"), converter=tuple[str, ...])
    before_others: Argv = attrs.field(default=(), converter=tuple[str, ...])

    @classmethod
    def systemd(cls, unit: str = "kong", *, before: Sequence[str] = ()) -> "NodeCommands":
        """Of a unit that the packages of Kong install, as `kong-enterprise-edition.service`.

        Args:
            unit: Its name.
            before: As `sudo -n`, before each command of systemd.
        """
        systemctl = (*before, "systemctl")
        return cls(
            start=((*systemctl, "start", unit),),
            stop=((*systemctl, "stop", unit),),
            health=(*systemctl, "is-active", "--quiet", unit),
        )

    @classmethod
    def kubernetes(
        cls,
        workload: str,
        *,
        namespace: str,
        replicas: int,
        container: str = "proxy",
        kubectl: Sequence[str] = ("kubectl",),
        timeout_s: int = 300,
    ) -> "NodeCommands":
        """Of a Deployment or StatefulSet; here all of its pods are one node.

        Args:
            workload: As `deployment/kong`.
            namespace: Where it is.
            replicas: How many pods it has when it is started.
            container: In which other commands run; `proxy` in Kong's chart.
            kubectl: How it is called.
            timeout_s: Seconds within which all pods are ready, or gone.
        """
        call = (*kubectl, "--namespace", namespace)
        # Of a workload without pods `exec` waits a minute for one, longer than a look may take.
        quickly = f"--pod-running-timeout={_POD_S}s"
        inside = (*call, "exec", quickly, workload, "--container", container, "--")
        limit = f"--timeout={timeout_s}s"
        return cls(
            start=(
                (*call, "scale", workload, f"--replicas={replicas}"),
                (*call, "rollout", "status", workload, limit),
            ),
            stop=(
                (*call, "scale", workload, "--replicas=0"),
                (*call, "rollout", "status", workload, limit),
            ),
            health=(*inside, "kong", "health"),
            before_others=inside,
        )


@attrs.frozen
class ManagedNode:
    """Runs the commands of a node's manager where a step calls `kong`.

    Args:
        runner: Where they run.
        commands: What is run.
    """

    runner: ProcessRunner
    commands: NodeCommands

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        command = argv[1] if len(argv) > 1 and argv[0].rpartition("/")[2] == _KONG else ""
        if command == "start":
            return self._in_order(self.commands.start, timeout_s, statuses)
        if command in _STOPS:
            return self._in_order(self.commands.stop, timeout_s, statuses)
        if command == "health":
            return self._health(timeout_s, statuses)
        return self._one([*self.commands.before_others, *argv], timeout_s, statuses)

    def _one(self, argv: Sequence[str], timeout_s: float, statuses: Sequence[int]) -> Finished:
        refuse_denied(argv)
        return self.runner.run(argv, timeout_s=timeout_s, statuses=statuses)

    def _in_order(
        self, commands: Sequence[Argv], timeout_s: float, statuses: Sequence[int]
    ) -> Finished:
        done = Finished(status=0)
        for argv in commands:
            done = self._one(argv, timeout_s, statuses)
            if done.status:
                break
        return done

    def _health(self, timeout_s: float, statuses: Sequence[int]) -> Finished:
        """With 1 where the node is not there, as `kong health` says it."""
        try:
            return self._one(self.commands.health, timeout_s, (0,))
        except ProcessFailedError as exc:
            if 1 not in statuses:
                raise
            return Finished(status=1, stdout=exc.stdout, stderr=exc.reason)
