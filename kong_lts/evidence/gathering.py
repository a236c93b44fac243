"""gather(): the facts of a running deployment, through its adapters, reading only."""

import threading
from collections.abc import Callable, Iterator, Mapping

import attrs

from kong_lts import kong_conf
from kong_lts.deployment import Deployment, DeploymentMode
from kong_lts.errors import KongLtsError
from kong_lts.evidence.values import Evidence, Gap
from kong_lts.protocols import Adapters, AdminApi, ProcessRunner
from kong_lts.versions import Edition

__all__ = ["gather"]

TIME_LIMIT_S = 60.0
_COMMAND_S = 20.0
_COLLECTIONS = ("routes", "services", "plugins", "upstreams", "certificates", "ca_certificates")
_OF_ENTERPRISE = ("consumer_groups",)
_DATA_PLANES = "clustering/data-planes"
_CONF = "/etc/kong/kong.conf"
_OS_RELEASE = "/etc/os-release"

Source = Callable[[Evidence], Evidence]
"""What one source found, put into evidence."""


def gather(
    deployment: Deployment,
    adapters: Adapters,
    *,
    known: Evidence | None = None,
    time_limit_s: float = TIME_LIMIT_S,
    conf_path: str = _CONF,
) -> Evidence:
    """Look at the current cluster through the adapters, reading only and all at once.

    The database within one read-only transaction, the Admin API by GET, the nodes by `cat`. A
    source that fails, or takes longer than its time, is a gap of the evidence and stops no other.

    Args:
        deployment: What is upgraded.
        adapters: Those that are there are asked.
        known: Evidence that came from elsewhere, and stays.
        time_limit_s: Seconds for each source.
        conf_path: Where the nodes keep their kong.conf.

    Returns:
        The evidence, with what the adapters showed.

    Raises:
        DatabaseError: The database cannot be reached.
    """
    evidence = known or Evidence()
    tasks = [
        _Task(name, look) for name, look in _sources(deployment, adapters, evidence, conf_path)
    ]
    for task in tasks:
        task.start()
    for task in tasks:
        evidence = task.put_into(evidence, time_limit_s)
    return evidence


@attrs.define(eq=False)
class _Task:
    """One source, asked in a thread of its own, which nobody waits for beyond its time."""

    name: str
    look: Callable[[], Source]
    _found: Source | None = None
    _failure: KongLtsError | None = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"gather {self.name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._found = self.look()
        except KongLtsError as exc:
            self._failure = exc

    def put_into(self, evidence: Evidence, time_limit_s: float) -> Evidence:
        """The evidence with what this source found, or with the gap that it leaves."""
        assert self._thread is not None  # it has been started
        self._thread.join(time_limit_s)
        if self._found is not None:
            return self._found(evidence)
        if self.name == _DATABASE and self._failure is not None:
            raise self._failure
        reason = f"no answer within {time_limit_s:g} s" if self._failure is None else self._failure
        gap = Gap(source=self.name, reason=str(reason))
        return attrs.evolve(evidence, gaps=(*evidence.gaps, gap))


_DATABASE = "database"


def _sources(
    deployment: Deployment, adapters: Adapters, known: Evidence, conf_path: str
) -> Iterator[tuple[str, Callable[[], Source]]]:
    current = adapters.current
    database, admin = current.database, current.admin
    if deployment.mode.has_database and database is not None:
        yield _DATABASE, lambda: _with(database=database.facts())
    if admin is not None:
        yield "nodes", lambda: _nodes(deployment, admin)
        yield "Admin API", lambda: _entities(deployment, admin)
        if deployment.mode is DeploymentMode.HYBRID:
            yield "data planes", lambda: _rows({f"/{_DATA_PLANES}": admin.entities(_DATA_PLANES)})
    for node, runner in current.nodes.items():
        if not known.kong_conf:
            yield f"kong.conf of {node}", _conf_of(node, runner, conf_path)
        yield f"operating system of {node}", _system_of(node, runner)


def _with(**fields: object) -> Source:
    def put(evidence: Evidence) -> Evidence:
        return attrs.evolve(evidence, **fields)  # type: ignore[arg-type] # the callers know them

    return put


def _rows(collections: Mapping[str, tuple[Mapping[str, object], ...]]) -> Source:
    answers = {path: {"data": list(rows)} for path, rows in collections.items()}

    def put(evidence: Evidence) -> Evidence:
        return attrs.evolve(evidence, admin={**answers, **evidence.admin})

    return put


def _nodes(deployment: Deployment, admin: AdminApi) -> Source:
    """The version that the nodes give; one that is another than the deployment's comes first."""
    expected = str(deployment.current.version)
    found = [admin.status(node.name).version for node in deployment.current.nodes]
    versions = sorted(filter(None, found), key=lambda version: version == expected)

    def put(evidence: Evidence) -> Evidence:
        if not versions:
            return evidence
        return attrs.evolve(evidence, admin={"/": {"version": versions[0]}, **evidence.admin})

    return put


def _entities(deployment: Deployment, admin: AdminApi) -> Source:
    """The collections that an assessment reads, of every workspace."""
    enterprise = deployment.current.version.edition is Edition.ENTERPRISE
    names = (*_COLLECTIONS, *(_OF_ENTERPRISE if enterprise else ()))
    found = {}
    for workspace in admin.workspaces() or (None,):
        for name in names:
            path = f"/{name}" if workspace in (None, "default") else f"/{workspace}/{name}"
            found[path] = admin.entities(name, workspace=workspace)
    return _rows({path: rows for path, rows in found.items() if rows})


def _conf_of(node: str, runner: ProcessRunner, path: str) -> Callable[[], Source]:
    def look() -> Source:
        text = runner.run(("cat", path), timeout_s=_COMMAND_S).stdout
        conf = kong_conf.parse(text, path=f"{node}:{path}")

        def put(evidence: Evidence) -> Evidence:
            return attrs.evolve(evidence, kong_conf={**evidence.kong_conf, node: conf})

        return put

    return look


def _system_of(node: str, runner: ProcessRunner) -> Callable[[], Source]:
    def look() -> Source:
        text = runner.run(("cat", _OS_RELEASE), timeout_s=_COMMAND_S).stdout

        def put(evidence: Evidence) -> Evidence:
            return attrs.evolve(evidence, platform={**evidence.platform, node: text})

        return put

    return look
