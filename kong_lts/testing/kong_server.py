"""The process behind the stand-in's `kong start`: two listeners on what the database describes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import psycopg

from kong_lts.testing.kong_gateway import Gateway, Reply, read_gateway
from kong_lts.testing.kong_listeners import Certificate, listener, proxied
from kong_lts.testing.kong_settings import Settings

__all__ = ["running_pid", "start", "write_environment"]

_ENVIRONMENT = ".kong_env"
_PID = "pids/nginx.pid"
_READY = "ready"
_TRIES = 5
"""How often Kong's nginx says that an address is taken."""


def running_pid(prefix: Path) -> int | None:
    """The process of a prefix, None where none lives."""
    try:
        pid = int((prefix / _PID).read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    # A process that ended and was not waited for still takes signals.
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return None if state == "Z" else pid
    return pid


def write_environment(settings: Settings) -> None:
    """Keep the settings for the process, as Kong does; they hold a password, so 0600."""
    file = settings.prefix / _ENVIRONMENT
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as env:
        os.fchmod(descriptor, 0o600)  # it may have been there, and open to others
        json.dump({"release": settings.release, "keys": dict(settings.keys)}, env)


def start(settings: Settings) -> str:
    """Start the process and wait until it listens.

    Returns:
        Why it does not, empty when it does.
    """
    prefix = settings.prefix
    for folder in ("pids", "logs"):
        (prefix / folder).mkdir(exist_ok=True)
    write_environment(settings)
    with (prefix / "logs/error.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, str(prefix)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            text=True,
        )
    with process:
        said = process.stdout.readline() if process.stdout else ""
        if said == f"{_READY}\n":
            process.returncode = 0  # it goes on without us; nobody waits for it
            return ""
        said += process.stdout.read() if process.stdout else ""
    return said or "it ended at once; see logs/error.log"


@attrs.frozen
class _Address:
    """One address of a listen key."""

    host: str
    port: int
    tls: bool


@attrs.define
class _Node:
    """The listeners of one node, and what they answer."""

    prefix: Path
    release: str
    keys: dict[str, str] = attrs.field(repr=False)
    gateway: Gateway = attrs.field(init=False)
    servers: list[ThreadingHTTPServer] = attrs.field(factory=list, init=False)

    def load(self) -> None:
        """Read the settings and the database again."""
        self.keys = json.loads((self.prefix / _ENVIRONMENT).read_text(encoding="utf-8"))["keys"]
        with psycopg.connect(
            host=self.keys.get("pg_host") or "127.0.0.1",
            port=self.keys.get("pg_port") or "5432",
            user=self.keys.get("pg_user") or "kong",
            password=self.keys.get("pg_password", ""),
            dbname=self.keys.get("pg_database") or "kong",
            application_name=f"stand-in for kong {self.release}",
            options="-c default_transaction_read_only=on",
        ) as connection:
            flavor = self.keys.get("router_flavor") or "traditional_compatible"
            self.gateway = read_gateway(
                connection,
                self.release,
                router_flavor=flavor,
                allow_debug_header=self.keys.get("allow_debug_header") == "on",
            )
        for route in self.gateway.not_added:
            _log(f"could not add route: {route}, err: regex parse error")

    def listen(self) -> None:
        """Open the listeners; an address in use is an OSError."""
        answers = {
            "proxy_listen": lambda h: proxied(lambda: self.gateway, h),
            "status_listen": lambda h: self.gateway.status(h.path.partition("?")[0]),
        }
        for key, answer in answers.items():
            for address in _addresses(self.keys.get(key) or "off"):
                if not address.tls or self._certificate is not None:
                    self.servers.append(self._listener(address, answer))

    def _listener(
        self, address: _Address, answer: Callable[[BaseHTTPRequestHandler], Reply]
    ) -> ThreadingHTTPServer:
        place = (address.host, address.port)
        certificate = self._certificate if address.tls else None
        try:
            return listener(place, f"kong/{self.release}", answer, certificate)
        except OSError as exc:
            where = f"{address.host}:{address.port}"
            raise OSError(exc.errno, os.strerror(exc.errno or 0), where) from exc

    @property
    def _certificate(self) -> Certificate | None:
        """That of kong.conf; the stand-in makes none of its own, and does not listen then."""
        chain, key = self.keys.get("ssl_cert"), self.keys.get("ssl_cert_key")
        return Certificate(certificate=chain, key=key) if chain and key else None

    def serve(self) -> None:
        """Answer until a signal ends it."""
        threads = [threading.Thread(target=s.serve_forever, args=(0.05,)) for s in self.servers]
        for thread in threads:
            thread.start()
        ends = {signal.SIGTERM, signal.SIGQUIT, signal.SIGINT}
        while signal.sigwait({*ends, signal.SIGHUP}) not in ends:
            try:
                self.load()
            except (OSError, psycopg.Error) as exc:  # it goes on with what it has
                _log(f"not reloaded: {type(exc).__name__}")
        for server in self.servers:
            server.shutdown()
            server.server_close()
        (self.prefix / _PID).unlink(missing_ok=True)


def _log(line: str) -> None:
    """A line of logs/error.log, which is this process's stderr."""
    sys.stderr.write(f"{time.strftime('%Y/%m/%d %H:%M:%S')} [error] {line}\n")
    sys.stderr.flush()


def _addresses(listen: str) -> Iterator[_Address]:
    """The addresses of a listen key; flags but `ssl` are passed over."""
    for part in listen.split(","):
        address, *flags = part.split() or ["off"]
        if address != "off":
            host, _, port = address.rpartition(":")
            yield _Address(host or "0.0.0.0", int(port), "ssl" in flags)


def _main(prefix: Path) -> int:
    kept = json.loads((prefix / _ENVIRONMENT).read_text(encoding="utf-8"))
    node = _Node(prefix=prefix, release=kept["release"], keys=kept["keys"])
    signals = {signal.SIGTERM, signal.SIGQUIT, signal.SIGINT, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # taken by sigwait
    line = "64" if kept["release"].startswith("2.") else "98"
    try:
        node.load()
        node.listen()
    except OSError as exc:
        failed = f"nginx: [emerg] bind() to {exc.filename} failed ({exc.errno}: {exc.strerror})\n"
        tries = failed * _TRIES + "nginx: [emerg] still could not bind()\n"
        sys.stdout.write(f"./kong/cmd/start.lua:{line}: {tries}")
        return 1
    except psycopg.Error as exc:
        sys.stdout.write(f"[PostgreSQL error] {type(exc).__name__}\n")
        return 1
    (prefix / _PID).write_text(str(os.getpid()))
    sys.stdout.write(f"{_READY}\n")
    sys.stdout.close()
    node.serve()
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
