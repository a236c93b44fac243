"""The runtime API of HAProxy: one line in, lines out, over a stream socket."""

import contextlib
import socket

import attrs

from kong_lts.errors import LoadBalancerError

__all__ = ["HaproxySocket", "ServerState"]

_MAX_BYTES = 16 << 20
_MAINTENANCE = 0x01 | 0x02 | 0x20
_DRAIN = 0x08 | 0x10


@attrs.frozen(kw_only=True)
class ServerState:
    """One server of a backend."""

    name: str
    weight: int
    admin_state: int

    @property
    def in_use(self) -> bool:
        """Nobody has taken it out; whether it answers is another matter."""
        return not self.admin_state & (_MAINTENANCE | _DRAIN)

    @property
    def share(self) -> int:
        """The weight that counts."""
        return self.weight if self.in_use else 0


@attrs.frozen(kw_only=True)
class HaproxySocket:
    """Asks one HAProxy.

    Args:
        address: Path of its socket, or `HOST:PORT`.
        timeout_s: Seconds for one question.

    Source:
        HAProxy 2.6 management guide, "Unix Socket commands".
    """

    address: str
    timeout_s: float

    def ask(self, commands: str, doing: str) -> str:
        """What it prints to one line, in which `;` divides commands.

        Raises:
            LoadBalancerError: No answer, or not in time.
        """
        try:
            with contextlib.closing(self._connect()) as connection:
                connection.sendall(commands.encode() + b"\n")
                answer = bytearray()
                while chunk := connection.recv(1 << 16):
                    answer += chunk
                    if len(answer) > _MAX_BYTES:
                        raise LoadBalancerError(doing, "the answer does not end")
        except (OSError, ValueError) as exc:
            why = getattr(exc, "strerror", None) or str(exc)
            raise LoadBalancerError(f"{doing} through {self.address}", why) from exc
        return answer.decode(errors="replace")

    def change(self, commands: tuple[str, ...], doing: str) -> None:
        """Give commands that print nothing when they succeed.

        Raises:
            LoadBalancerError: One of them was refused.
        """
        if said := " ".join(self.ask(";".join(commands), doing).split()):
            raise LoadBalancerError(doing, f"HAProxy says: {said}")

    def servers(self, backend: str, doing: str) -> dict[str, ServerState]:
        """The servers of a backend, by name.

        Raises:
            LoadBalancerError: There is no such backend.
        """
        lines = self.ask(f"show servers state {backend}", doing).splitlines()
        if len(lines) < 2 or not lines[1].startswith("# "):
            raise LoadBalancerError(doing, f"HAProxy says: {' '.join(' '.join(lines).split())}")
        names = lines[1].removeprefix("# ").split()
        rows = [dict(zip(names, line.split(), strict=False)) for line in lines[2:] if line.strip()]
        try:
            return {
                row["srv_name"]: ServerState(
                    name=row["srv_name"],
                    weight=int(row["srv_uweight"]),
                    admin_state=int(row["srv_admin_state"]),
                )
                for row in rows
            }
        except (KeyError, ValueError) as exc:
            raise LoadBalancerError(doing, "the state of its servers cannot be read") from exc

    def sessions(self, backend: str, server: str, doing: str) -> int:
        """Requests that a server has in hand.

        Raises:
            LoadBalancerError: It is not among the statistics.
        """
        lines = self.ask(f"show stat {backend} 4 -1", doing).splitlines()
        names = lines[0].removeprefix("# ").split(",") if lines else []
        for line in lines[1:]:
            row = dict(zip(names, line.split(","), strict=False))
            if row.get("svname") == server and row.get("scur", "").isdigit():
                return int(row["scur"])
        raise LoadBalancerError(doing, f"HAProxy has no statistics of {backend}/{server}")

    def _connect(self) -> socket.socket:
        if not self.address.startswith(("/", ".")):
            host, _, port = self.address.rpartition(":")
            return socket.create_connection((host.strip("[]"), int(port)), self.timeout_s)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout_s)
            connection.connect(self.address)
        except BaseException:
            connection.close()
            raise
        return connection
