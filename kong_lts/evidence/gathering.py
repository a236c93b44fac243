"""gather(): the facts of a running deployment, through its adapters, reading only."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial

import attrs

from kong_lts import kong_conf
from kong_lts.deployment import Deployment, DeploymentMode
from kong_lts.errors import KongLtsError
from kong_lts.evidence.kubernetes_sources import of_cluster, of_workloads, together
from kong_lts.evidence.node_reader import NodeReader
from kong_lts.evidence.node_sources import (
    Look,
    Source,
    of_configuration,
    of_node,
    with_gaps,
)
from kong_lts.evidence.running import settings_elsewhere
from kong_lts.evidence.values import Evidence, Gap
from kong_lts.protocols import Adapters, AdminApi, ClusterAdapters, Deck
from kong_lts.versions import Edition

__all__ = ["gather"]

TIME_LIMIT_S = 60.0
LOG_BYTES = 64 << 20
"""So much of the end of each log is read."""
_COLLECTIONS = ("routes", "services", "plugins", "upstreams", "certificates", "ca_certificates")
_OF_ENTERPRISE = ("consumer_groups",)
_KEYS = ("key", "key_alt")
"""Of a certificate: these are never kept."""
_DATA_PLANES = "clustering/data-planes"
_CONF = "/etc/kong/kong.conf"
_DATABASE = "database"

_Task = tuple[str, Look, "Future[Source]"]


def gather(
    deployment: Deployment,
    adapters: Adapters,
    *,
    known: Evidence | None = None,
    time_limit_s: float = TIME_LIMIT_S,
    conf_path: str = _CONF,
    log_bytes: int = LOG_BYTES,
) -> Evidence:
    """Look at the current cluster through the adapters, reading only and all at once.

    The database within one read-only transaction, the Admin API by GET, decK for its version; of
    each node its kong.conf and environment, its operating system, and what that configuration
    names: logs, custom plugins, certificates without keys, nginx templates, the declarative file,
    the prefix; of the Kubernetes cluster the objects that say how Kong runs in it, but no Secret.
    A source that fails, or takes longer than its time, is a gap of the evidence and
    stops no other.

    Args:
        deployment: What is upgraded.
        adapters: Those that are there are asked.
        known: Evidence that came from elsewhere, and stays: manifests, state files, scripts.
        time_limit_s: Seconds for each source.
        conf_path: Where the nodes keep their kong.conf.
        log_bytes: How much of the end of each log counts.

    Returns:
        The evidence, with what the adapters showed.
    """
    given = known or Evidence()
    first = _sources(deployment, adapters, given, conf_path)
    evidence = _asked(given, first, time_limit_s, adapters.at_once)
    named = list(_named(deployment, adapters.current, evidence, given, log_bytes))
    if adapters.manifests is not None:
        named += of_workloads(adapters.manifests, evidence.kubernetes)
    found = _asked(evidence, named, time_limit_s, adapters.at_once)
    gaps = [*together(found.gaps[len(given.gaps) :])]
    gaps += settings_elsewhere(found, deployment.current.version.edition)
    return attrs.evolve(found, gaps=(*given.gaps, *gaps))


def _asked(
    evidence: Evidence, sources: Iterable[tuple[str, Look]], time_limit_s: float, at_once: int
) -> Evidence:
    """Ask all of them, so many at once; nobody waits for one beyond its time."""
    tasks: list[_Task] = [(name, look, Future()) for name, look in sources]
    waiting: queue.SimpleQueue[_Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    workers = [
        _started(lambda: _work(waiting, time_limit_s), f"gather {number}")
        for number in range(min(at_once, len(tasks)))
    ]
    for worker in workers:
        worker.join()
    for name, _, found in tasks:
        late = Gap(source=name, reason=f"no answer within {time_limit_s:g} s")
        source = found.result() if found.done() else _gap(late)
        evidence = source(evidence)
    return evidence


def _started(act: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=act, name=name, daemon=True)
    thread.start()
    return thread


def _work(waiting: "queue.SimpleQueue[_Task]", time_limit_s: float) -> None:
    """Have one source after the other asked, until none is left; a late one is left behind."""
    while True:
        try:
            name, look, found = waiting.get_nowait()
        except queue.Empty:
            return
        thread = _started(partial(_ask, name, look, found), f"gather {name}")
        thread.join(time_limit_s)
        if not thread.is_alive() and not found.done():  # the thread's own hook has told of it
            said = "its adapter raised an error of its own, which is on standard error"
            found.set_result(_gap(Gap(source=name, reason=said)))


def _ask(name: str, look: Look, found: "Future[Source]") -> None:
    try:
        source = look()
    except KongLtsError as exc:
        source = _gap(Gap(source=name, reason=str(exc)))
    found.set_result(source)


def _gap(gap: Gap) -> Source:
    return with_gaps(gap.source, (gap.reason,), lambda evidence: evidence)


def _sources(
    deployment: Deployment, adapters: Adapters, known: Evidence, conf_path: str
) -> Iterator[tuple[str, Look]]:
    current = adapters.current
    database, admin, deck = current.database, current.admin, current.deck
    if deployment.mode.has_database and database is not None:
        yield _DATABASE, lambda: _with(database=database.facts())
    if admin is not None:
        yield "nodes", lambda: _root(admin)
        expected = "" if "/" in known.admin else str(deployment.current.version)
        for one in deployment.current.nodes:
            yield f"node {one.name}", partial(_node, admin, one.name, expected)
        yield "Admin API", lambda: _entities(deployment, admin)
        if deployment.mode is DeploymentMode.HYBRID:
            yield "data planes", lambda: _rows({f"/{_DATA_PLANES}": admin.entities(_DATA_PLANES)})
    if deck is not None and known.deck is None:
        yield "decK", lambda: _deck(deck)
    for node, runner in current.nodes.items():
        yield from of_node(NodeReader(node, runner), conf_path, conf_wanted=not known.kong_conf)
    if adapters.manifests is not None:
        yield from of_cluster(adapters.manifests, known.kubernetes)


def _named(
    deployment: Deployment, current: ClusterAdapters, found: Evidence, given: Evidence, most: int
) -> Iterator[tuple[str, Look]]:
    """What the configuration of each node names; the default one's where none could be read."""
    edition = deployment.current.version.edition
    for node, runner in current.nodes.items():
        conf = found.kong_conf.get(node) or found.kong_conf.get("") or kong_conf.parse("")
        yield from of_configuration(NodeReader(node, runner), conf, edition, given, most)


def _deck(deck: Deck) -> Source:
    """The version of the program, where the adapter tells it."""
    tell = getattr(deck, "program_version", None)
    return _with(deck=tell()) if callable(tell) else lambda evidence: evidence


def _with(**fields: object) -> Source:
    def put(evidence: Evidence) -> Evidence:
        return attrs.evolve(evidence, **fields)  # type: ignore[arg-type] # the callers know them

    return put


def _rows(collections: Mapping[str, tuple[Mapping[str, object], ...]]) -> Source:
    return _answer({path: {"data": list(rows)} for path, rows in collections.items()})


def _root(admin: AdminApi) -> Source:
    """What `GET /` says."""
    return _answer({"/": dict(admin.root())})


def _node(admin: AdminApi, name: str, expected: str) -> Source:
    """Its version; where that is another than the expected one, it is what `GET /` said."""
    found = admin.status(name).version

    def put(evidence: Evidence) -> Evidence:
        root = evidence.admin.get("/")
        said = str(root.get("version", "")) if isinstance(root, Mapping) else ""
        is_told = said and not said.startswith(expected)
        if not expected or not found or is_told or said.startswith(found):
            return evidence
        more = root if isinstance(root, Mapping) else {}
        return attrs.evolve(evidence, admin={**evidence.admin, "/": {**more, "version": found}})

    return put


def _answer(answers: Mapping[str, object]) -> Source:
    def put(evidence: Evidence) -> Evidence:
        return attrs.evolve(evidence, admin={**answers, **evidence.admin})

    return put


def _entities(deployment: Deployment, admin: AdminApi) -> Source:
    """The collections that an assessment reads, of every workspace."""
    enterprise = deployment.current.version.edition is Edition.ENTERPRISE
    names = (*_COLLECTIONS, *(_OF_ENTERPRISE if enterprise else ()))
    found, gaps = {}, []
    for workspace in admin.workspaces() or (None,):
        for name in names:
            path = f"/{name}" if workspace in (None, "default") else f"/{workspace}/{name}"
            try:
                found[path] = tuple(map(_public, admin.entities(name, workspace=workspace)))
            except KongLtsError as exc:
                gaps.append(str(exc))
    return with_gaps("Admin API", gaps, _rows({path: rows for path, rows in found.items() if rows}))


def _public(row: Mapping[str, object]) -> Mapping[str, object]:
    """Without the private key of a certificate."""
    return {name: value for name, value in row.items() if name not in _KEYS}
