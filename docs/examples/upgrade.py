"""The whole upgrade on one machine: find, plan, rehearse, execute, get killed, resume, report.

Everything is real but the gateways: PostgreSQL with its own tools, processes, HTTP, the journal.
`kong` is a stand-in, which runs the real migrations and serves the routes of its database.

    python docs/examples/upgrade.py [--database DUMP.sql] [--folder FOLDER]
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import psycopg

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
    SqliteJournal,
    SystemClock,
)
from kong_lts.deployment import Side
from kong_lts.events import StepStarted
from kong_lts.protocols import Question
from kong_lts.testing import SMALL_DATABASE
from kong_lts.testing.kong_program import install_kong
from kong_lts.testing.ports import free_ports
from kong_lts.testing.postgres_server import PostgresServer
from kong_lts.testing.traffic import Clients, MemoryLoadBalancer

SHOP = Path(__file__).parent / "shop"
KILL_AT = "migrations-up"
DEBUG_HEADER: Mapping[str, Mapping[str, str]] = {
    "allow-debug-header": {"KONG_ALLOW_DEBUG_HEADER": "on"},
    "withdraw-debug-header": {},
}
"""Staging asks which route took a request; 3.4 tells it only where this is on."""
METRICS_ON = (
    "UPDATE plugins SET config = config"
    " || '{\"status_code_metrics\": true, \"latency_metrics\": true}' WHERE name = 'prometheus'"
)


@attrs.frozen(kw_only=True)
class Site:
    """Where everything of this example is."""

    folder: Path
    database_url: str = attrs.field(repr=False)
    new_database_url: str = attrs.field(repr=False)
    bin_dir: str
    ports: Mapping[str, int]
    paths: Sequence[str]
    """What the probes and the clients ask for; each is answered with 200."""
    refused: Sequence[str]
    """What key-auth refuses without a key."""

    def url(self, listener: str) -> str:
        """Of one listener of one side, as `current-proxy`."""
        return f"http://127.0.0.1:{self.ports[listener]}"

    def environ(self, side: Side) -> dict[str, str]:
        """What the nodes of one side are started with."""
        url = self.database_url if side is Side.CURRENT else self.new_database_url
        settings = psycopg.conninfo.conninfo_to_dict(url)
        return {
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
            "KONG_ADMIN_LISTEN": "off",
        }


def main() -> int:
    """Run the example in a folder of its own, or the part that is killed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--database", type=Path, default=SMALL_DATABASE)
    options.add_argument("--folder", type=Path)
    options.add_argument("--paths", nargs="+", default=["/status", "/users/7"])
    options.add_argument("--refused", nargs="*", default=["/orders"])
    options.add_argument("--execute", action="store_true", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.execute:
        return execute_until_killed(asked.folder)
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="kong_lts-"))
    with PostgresServer.start() as server:
        return upgrade(prepare(server, folder, asked))


def prepare(server: PostgresServer, folder: Path, asked: argparse.Namespace) -> Site:
    """A 2.8 database, a running 2.8 gateway, and room for a 3.4 one."""
    heading(f"A 2.8 gateway on PostgreSQL {server.major}")
    url = server.create_database("kong")
    server.load("kong", asked.database)
    listeners = [f"{side}-{what}" for side in Side for what in ("proxy", "status")]
    site = Site(
        folder=folder,
        database_url=url,
        new_database_url=psycopg.conninfo.make_conninfo(url, dbname="kong34"),
        bin_dir=str(server.bin_dir),
        ports=dict(zip(listeners, free_ports(len(listeners)), strict=True)),
        paths=asked.paths,
        refused=asked.refused,
    )
    install_kong(folder / Side.CURRENT, version="2.8.5")
    install_kong(folder / Side.NEW, version="3.4.2")
    node(site, Side.CURRENT).run(["kong", "start"], timeout_s=30)
    return site


def upgrade(site: Site) -> int:
    """The way that a user takes."""
    deployment = kong_lts.read_deployment(SHOP / "deployment.yaml")
    balancer = MemoryLoadBalancer()
    adapters = adapters_of(site, balancer)
    journal = SqliteJournal(site.folder / "journal.sqlite")

    heading("Assess")
    evidence = kong_lts.gather(deployment, adapters, known=kong_lts.read_evidence(SHOP))
    assessment = kong_lts.assess(deployment, evidence)
    print(kong_lts.render(assessment, "text"))

    heading("Choose and plan")
    print(kong_lts.render(kong_lts.choose_strategy(deployment), "text"))
    conversion = kong_lts.declarative.convert((SHOP / "kong.yml").read_bytes())
    rewritten = kong_lts.kong_conf.rewrite(
        kong_lts.kong_conf.read(SHOP / "kong.conf"), edition="oss"
    )
    (site.folder / "kong.yml").write_bytes(conversion.data)
    (site.folder / "kong.conf").write_text(rewritten.text)
    print(rewritten.patch())
    prepared = attrs.evolve(evidence, declarative=conversion.data)
    assessment = kong_lts.assess(deployment, prepared)  # with the converted file nothing blocks
    plan = make_plan(site, deployment, assessment)
    print(kong_lts.render(plan, "text"))
    (site.folder / "plan.json").write_text(plan.to_json())

    heading("Rehearse")
    rehearsal = kong_lts.rehearse(plan)
    print(kong_lts.render(rehearsal, "text"))

    heading(f"Execute, and be killed at {KILL_AT}")
    kill_in_the_middle(site)

    heading("Resume")
    proxies = {side: site.url(f"{side}-proxy") for side in Side}
    with Clients(balancer=balancer, proxies=proxies, paths=site.paths) as clients:
        run = kong_lts.resume(journal, adapters)
    print(f"{clients.sent} requests were sent meanwhile, {clients.lost} were lost")

    heading("Report")
    print(kong_lts.render(run, "text"))
    for name, form in (("report.md", "markdown"), ("report.html", "html")):
        (site.folder / name).write_text(kong_lts.render(run, form), encoding="utf-8")
        print(f"written: {site.folder / name}")
    node(site, Side.NEW).run(["kong", "quit"], timeout_s=30)
    return 0 if run.ok and rehearsal.ok and not clients.lost else 1


def make_plan(
    site: Site, deployment: kong_lts.Deployment, assessment: kong_lts.Assessment
) -> kong_lts.Plan:
    """A short ramp, so that the example ends within a minute; a real one bakes for hours."""
    return kong_lts.plan(
        deployment,
        assessment=assessment,
        ramp=[kong_lts.RampStage(10, bake_s=2), kong_lts.RampStage(100, bake_s=2, approval=True)],
        gates=[kong_lts.Gate(max_more=0.1)],  # so few requests can tell no less
        probes=[
            *(kong_lts.Probe(name=f"GET {path}", path=path) for path in site.paths),
            *(
                kong_lts.Probe(name=f"GET {path} without a key", path=path, expect_status=401)
                for path in site.refused
            ),
        ],
        settings=kong_lts.Settings(
            backup_folder=str(site.folder / "backup"),
            run_deck=False,  # the stand-in for Kong has no Admin API
            watch_interval_s=0.5,
            watch_afterwards_s=1,
        ),
    )


def adapters_of(site: Site, balancer: MemoryLoadBalancer) -> kong_lts.Adapters:
    """The defaults for everything but the load balancer."""
    return kong_lts.Adapters(
        current=cluster_of(site, Side.CURRENT, site.database_url, "gw-1"),
        new=cluster_of(site, Side.NEW, site.new_database_url, "new-1"),
        load_balancer=balancer,
        backups=BackupFolders(),
        clock=SystemClock(),
        approver=CallableApprover(person(site), by="the example"),
        observer=LoggingObserver(),
    )


def cluster_of(site: Site, side: Side, url: str, name: str) -> kong_lts.ClusterAdapters:
    """What reaches one cluster."""
    status = {name: site.url(f"{side}-status")}
    return kong_lts.ClusterAdapters(
        database=PostgresDatabase.at(url),
        archive=PostgresArchive.at(url, bin_dir=site.bin_dir),
        write_guard=PostgresWriteGuard.at(url),
        admin=HttpAdminApi(status),
        proxy=HttpProxy(site.url(f"{side}-proxy")),
        metrics=KongMetrics(status),
        nodes={name: node(site, side)},
    )


def node(site: Site, side: Side) -> LocalProcessRunner:
    """Where the commands of one side's only node run."""
    return LocalProcessRunner(environ=site.environ(side))


def person(site: Site) -> Callable[[Question], bool]:
    """Does what the plan asks a person for; here, what the gates need to see."""

    def answer(question: Question) -> bool:
        print(f"  by hand: {question.title}")
        if question.step == "customize":
            with psycopg.connect(site.new_database_url) as connection:
                connection.execute(METRICS_ON)
        if question.step in DEBUG_HEADER:
            environ = {**site.environ(Side.NEW), **DEBUG_HEADER[question.step]}
            LocalProcessRunner(environ=environ).run(["kong", "reload"], timeout_s=30)
        return True

    return answer


def kill_in_the_middle(site: Site) -> None:
    """Execute in a process of its own, and end that with SIGKILL once a step has begun."""
    # The URLs hold a password: by environment, never in an argument or a file.
    secrets = {
        "SHOP_DATABASE_URL": site.database_url,
        "SHOP_NEW_DATABASE_URL": site.new_database_url,
    }
    (site.folder / "site.json").write_text(
        json.dumps(
            {
                "bin_dir": site.bin_dir,
                "ports": dict(site.ports),
                "paths": site.paths,
                "refused": site.refused,
            }
        )
    )
    child = subprocess.Popen(
        [sys.executable, __file__, "--execute", "--folder", str(site.folder)],
        env={**os.environ, **secrets},
    )
    journal = SqliteJournal(site.folder / "journal.sqlite")
    while child.poll() is None:
        if any(isinstance(e, StepStarted) and e.step == KILL_AT for e in journal.events()):
            child.send_signal(signal.SIGKILL)
            break
        time.sleep(0.01)
    print(f"the process ended with {child.wait()}; {len(journal.events())} events are on the disk")


def execute_until_killed(folder: Path) -> int:
    """What the child process does."""
    site = Site(
        folder=folder,
        database_url=os.environ["SHOP_DATABASE_URL"],
        new_database_url=os.environ["SHOP_NEW_DATABASE_URL"],
        **json.loads((folder / "site.json").read_text()),
    )
    plan = kong_lts.Plan.from_json((folder / "plan.json").read_text())
    adapters = adapters_of(site, MemoryLoadBalancer())
    run = kong_lts.execute(plan, adapters, journal=SqliteJournal(folder / "journal.sqlite"))
    print(kong_lts.render(run, "text"))
    return 1


def heading(text: str) -> None:
    """A line between the parts."""
    print(f"\n=== {text} ===", flush=True)


if __name__ == "__main__":
    sys.exit(main())
