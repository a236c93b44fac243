"""What is promised of gateways: nodes, the Admin API, decK, traffic, and metrics."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from kong_lts.events import TrafficCount
from kong_lts.protocols.probes import Answer, Probe
from kong_lts.protocols.values import (
    Finished,
    KeyringKeys,
    NodeStatus,
    Recovered,
)
from kong_lts.state_files import Changes, DeckAbility, DumpedFile, StateDump

__all__ = [
    "AdminApi",
    "Deck",
    "Keyring",
    "LoadBalancer",
    "Metrics",
    "ProcessRunner",
    "Proxy",
]


class Deck(Protocol):
    """The `deck` program against the Admin API of one cluster.

    It may have one method more, which the default has: `program_version()`, the version of the
    program, as in "1.55.0"; it raises `DeckError` where there is none.
    """

    def ping(self) -> str:
        """The version of Kong that answers, as `KongVersion.parse` takes it.

        Raises:
            DeckError: None does.
        """

    def abilities(self) -> frozenset[DeckAbility]:
        """What the installed program knows.

        Raises:
            DeckError: It cannot be run.
        """

    def dump(self, folder: str, *, tags: Sequence[str] = ()) -> StateDump:
        """Write the configuration into a new folder, which appears only when it is complete.

        On Enterprise each workspace gets a file of its own, and each workspace's roles get another.

        Args:
            folder: Where to.
            tags: One file for each of these, with what has the tag; what has none of them is left
                out. Empty is everything.

        Raises:
            DeckError: It failed, or the folder is there.
        """

    def validate(self, file: DumpedFile, *, online: bool) -> tuple[str, ...]:
        """Look at a file without its basic-auth credentials, which some releases refuse always.

        Args:
            file: What to look at.
            online: Whether each entity is shown to the gateway, which changes nothing in it.

        Returns:
            What is wrong with it.

        Raises:
            DeckError: It could not be looked at.
        """

    def diff(self, file: DumpedFile) -> Changes:
        """What `sync` would do, `Changes.left_out` included.

        Of a basic-auth credential that is there, nobody compares the password.

        Raises:
            DeckError: It could not be found out.
        """

    def sync(self, file: DumpedFile) -> Changes:
        """Make the gateway hold what a file holds, and delete what it does not hold.

        Basic-auth credentials are neither created nor changed; `Changes.left_out` names them. What
        the gateway refuses is in `Changes.errors`, and what was done before stays done.

        Raises:
            DeckError: It could not be begun, or nobody knows how it ended.
        """


class ProcessRunner(Protocol):
    """Runs commands on one node, never through a shell."""

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        """Run a command to its end.

        Args:
            argv: Program and arguments; no secret stands in them.
            timeout_s: Seconds after which it is ended.
            statuses: Exit statuses that are no failure.

        Raises:
            ProcessNotRunError: It could not be started, or did not end in time.
            ProcessFailedError: It ended with another status.
        """


class LoadBalancer(Protocol):
    """Divides the proxy traffic between the current and the new cluster.

    It may have attributes more, which the defaults have: `precision_percent`, how far in points the
    share may be from the one asked for, `delay_s`, the seconds that a change takes,
    `keeps_clients`, whether a client stays on its side while the share does not change,
    `keeps_hosts`, the hosts whose clients do where others do not, and `session_way`, a
    `kong_lts.traffic.SessionWay`: how it can treat such hosts.
    """

    def set_weight(self, new_percent: int) -> None:
        """Send *new_percent* (0 to 100) to the new cluster, the rest to the current one.

        Raises:
            LoadBalancerError: It refused, or could not be reached.
        """

    def weight(self) -> int:
        """The share of the new cluster that is in force, in percent.

        Raises:
            LoadBalancerError: It could not be reached.
        """


class AdminApi(Protocol):
    """The Admin API or status listener of each node of one cluster."""

    def status(self, node: str) -> NodeStatus:
        """How a node is.

        Raises:
            AdminApiError: It does not answer.
        """

    def root(self) -> Mapping[str, object]:
        """What `GET /` of the Admin API says: version, plugins, the configuration of one node.

        Raises:
            AdminApiError: No node has an Admin API that answers.
        """

    def workspaces(self) -> tuple[str, ...]:
        """The names of all workspaces; none on open source.

        Raises:
            AdminApiError: No node has an Admin API that answers.
        """

    def entities(
        self, path: str, *, workspace: str | None = None
    ) -> tuple[Mapping[str, object], ...]:
        """All entities of a collection, from its first page to its last.

        Args:
            path: As in `licenses` or `rbac/users`.
            workspace: Where to look; None is the default one.

        Raises:
            AdminApiError: There is no such collection, or no answer.
        """

    def put(self, path: str, entity: Mapping[str, object], *, workspace: str | None = None) -> None:
        """Create an entity, or replace it.

        Args:
            path: Collection and id, as in `licenses/0c5b...`.
            entity: What it is.
            workspace: Where; None is the default one.

        Raises:
            AdminApiError: It was refused, or no answer came.
        """


class Keyring(Protocol):
    """The keys with which Kong Enterprise encrypts fields of the database."""

    def keys(self) -> KeyringKeys:
        """Which keys it holds.

        Raises:
            KeyringError: It does not answer, or there is none.
        """

    def export(self, path: str) -> tuple[str, ...]:
        """Write all keys, encrypted by the keyring's public key, to a new file of its owner alone.

        Returns:
            The ids of the keys in it.

        Raises:
            KeyringError: The file is there, or the keys cannot be had.
        """

    def load(self, path: str) -> None:
        """Import the keys of an export; nothing for keys that are there.

        Raises:
            KeyringError: The file cannot be read, or the private key does not open it.
        """

    def recover(self, private_key: str) -> Recovered:
        """Open the keys that the database holds, as far as that goes.

        Args:
            private_key: Reference of the recovery key, `file:PATH` or `env:NAME`.

        Raises:
            KeyringError: It was refused; that some keys stay closed is no error here.
        """

    def activate(self, key_id: str) -> None:
        """Encrypt new values with this key: after a recovery, nothing is written without it.

        Raises:
            KeyringError: There is no such key, or it was refused.
        """


class Proxy(Protocol):
    """The proxy listener of one cluster, beside the load balancer."""

    def send(self, probe: Probe) -> Answer:
        """Send one request.

        Raises:
            ProxyError: No answer came.
        """


class Metrics(Protocol):
    """Proxied requests of one cluster, in its own release's names."""

    def count(self) -> TrafficCount:
        """All requests since the nodes started; the mean latency is over all of them.

        Raises:
            MetricsError: The metrics cannot be read, or the families that hold this are off.
        """
