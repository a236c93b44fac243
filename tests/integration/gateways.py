"""Stand-in gateways on a real database, and the adapters that reach them."""

import os
from collections.abc import Callable
from pathlib import Path

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict

import kong_lts
from kong_lts.adapters import (
    BackupFolders,
    CallableApprover,
    HttpAdminApi,
    HttpProxy,
    KongMetrics,
    LocalProcessRunner,
    LoggingObserver,
    PostgresArchive,
    PostgresDatabase,
    PostgresWriteGuard,
    SystemClock,
)
from kong_lts.deployment import Side
from kong_lts.protocols import Question
from kong_lts.testing.kong_program import install_kong
from kong_lts.testing.ports import free_ports
from kong_lts.testing.traffic import MemoryLoadBalancer

METRICS_ON = (
    b"UPDATE plugins SET config = config"
    b" || '{\"status_code_metrics\": true, \"latency_metrics\": true}' WHERE name = 'prometheus'"
)
VERSIONS = {Side.CURRENT: "2.8.5", Side.NEW: "3.4.2"}


@attrs.define
class Gateways:
    """One stand-in node of each side; `urls` are their databases."""

    folder: Path
    urls: dict[Side, str]
    ports: dict[str, int] = attrs.field(factory=dict)
    """By side and listener; chosen and installed where they are not given."""

    def __attrs_post_init__(self) -> None:
        if self.ports:
            return
        names = [f"{side}-{listener}" for side in Side for listener in ("proxy", "status")]
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        for side, version in VERSIONS.items():
            install_kong(self.folder / side, version=version)

    def node(self, side: Side) -> LocalProcessRunner:
        settings = conninfo_to_dict(self.urls[side])
        return LocalProcessRunner(
            environ={
                **os.environ,
                "PATH": f"{self.folder / side}{os.pathsep}{os.environ['PATH']}",
                "KONG_PREFIX": str(self.folder / f"{side}-prefix"),
                "KONG_PG_HOST": str(settings["host"]),
                "KONG_PG_PORT": str(settings["port"]),
                "KONG_PG_USER": str(settings["user"]),
                "KONG_PG_PASSWORD": str(settings["password"]),
                "KONG_PG_DATABASE": str(settings["dbname"]),
                "KONG_PROXY_LISTEN": f"127.0.0.1:{self.ports[f'{side}-proxy']}",
                "KONG_STATUS_LISTEN": f"127.0.0.1:{self.ports[f'{side}-status']}",
            }
        )

    def start(self) -> None:
        """The current cluster, as it is before an upgrade."""
        self.node(Side.CURRENT).run(["kong", "start"], timeout_s=30)

    def end(self) -> None:
        for side in Side:
            runner = self.node(side)
            if runner.run(["kong", "health"], timeout_s=30, statuses=(0, 1)).status == 0:
                runner.run(["kong", "quit"], timeout_s=30)

    def url(self, listener: str) -> str:
        return f"http://127.0.0.1:{self.ports[listener]}"

    def adapters(self, answer: Callable[[Question], bool] | None = None) -> kong_lts.Adapters:
        return kong_lts.Adapters(
            current=self._cluster(Side.CURRENT),
            new=self._cluster(Side.NEW),
            load_balancer=MemoryLoadBalancer(),
            backups=BackupFolders(),
            clock=SystemClock(),
            approver=CallableApprover(answer or self.customize, by="the test"),
            observer=LoggingObserver(),
        )

    def customize(self, question: Question) -> bool:
        """Does what is asked of a person: the gates need 3.4's metrics."""
        if question.step == "customize":
            with psycopg.connect(self.urls[Side.NEW]) as connection:
                connection.execute(METRICS_ON)
        return True

    def _cluster(self, side: Side) -> kong_lts.ClusterAdapters:
        url, name = self.urls[side], f"{'gw' if side is Side.CURRENT else 'new'}-1"
        status = {name: self.url(f"{side}-status")}
        return kong_lts.ClusterAdapters(
            database=PostgresDatabase.at(url),
            archive=PostgresArchive.at(url),
            write_guard=PostgresWriteGuard.at(url),
            admin=HttpAdminApi(status),
            proxy=HttpProxy(self.url(f"{side}-proxy")),
            metrics=KongMetrics(status),
            nodes={name: self.node(side)},
        )
