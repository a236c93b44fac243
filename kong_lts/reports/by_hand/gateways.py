"""Nodes, migrations, tests and traffic by hand."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from kong_lts.deployment import LoadBalancerKind
from kong_lts.migrations import MigrationsBootstrap, MigrationsFinish, MigrationsUp
from kong_lts.monitoring import CheckMetrics, WatchMetrics
from kong_lts.nodes import (
    CompareConfiguration,
    DoByHand,
    GuardDataPlanes,
    InstallNodes,
    NoConnections,
    ReloadNodes,
    StartNodes,
    StopNodes,
    ValidateDeclarative,
)
from kong_lts.protocols import Probe
from kong_lts.reports.by_hand.words import ByHand, Words
from kong_lts.smoke_test import (
    DEBUG,
    AllowDebugHeader,
    CheckRoutes,
    CompareAnswers,
    RecordAnswers,
    SmokeTest,
    StagingTest,
)
from kong_lts.traffic import DivertTraffic

__all__ = ["GATEWAYS", "METRICS"]


def _migrations(
    command: str, wanted: str, proof: str, query: str
) -> Callable[[Any, Words], ByHand]:
    def how(step: MigrationsBootstrap | MigrationsUp | MigrationsFinish, words: Words) -> ByHand:
        return ByHand(
            what=f"On one node only, {words.first_node()}; never with `-f`. Its kong.conf names"
            " this database. A status of 0 proves nothing.",
            commands=(
                words.kong("migrations", command, *step.options),
                f'{words.kong("migrations", "list", *step.options)}; echo "status $?"',
                words.sql(query),
            ),
            proof=f"`migrations list` ends with {wanted}, and {proof}",
        )

    return how


def _start(step: StartNodes, words: Words) -> ByHand:
    conf = ("-c", step.configuration) if step.configuration else ()
    return ByHand(
        what=f"On {', '.join(step.nodes)}, one after the other.",
        commands=(words.kong("start", *conf), words.on_each(step.nodes, "/status")),
        proof=f"Each answers 200, with {step.version} in the header `Server`, and"
        f" {_loaded(words)}.",
    )


def _loaded(words: Words) -> str:
    """What shows that nodes have something to serve."""
    nodes = getattr(words.step, "nodes", ())
    if words.deployment.mode.has_database and not words.is_data_plane(nodes):
        return "`database` says that it is reachable"
    return "`configuration_hash`, where it tells one, is not all zeros"


def _stop(step: StopNodes, words: Words) -> ByHand:
    return ByHand(
        what=f"On {', '.join(step.nodes)}; `kong stop` returns before the process is gone.",
        commands=(
            words.kong("stop"),
            words.kong("health"),
            "pgrep -af 'nginx: master' || echo gone",
        ),
        proof="No process of Kong is left on any of them.",
    )


def _reload(step: ReloadNodes, words: Words) -> ByHand:
    return ByHand(
        what=f"On {', '.join(step.nodes)}.",
        commands=(words.kong("reload"), words.on_each(step.nodes, "/status")),
        proof="Each is ready again, and `configuration_hash` is the same on all of them, not the"
        " one of an empty configuration.",
    )


def _validate(step: ValidateDeclarative, words: Words) -> ByHand:
    conf = ("-c", step.configuration) if step.configuration else ()
    return ByHand(
        what=f"On {', '.join(step.nodes)}; it need not run.",
        commands=(words.kong("config", "parse", step.path, *conf),),
        proof="It says `parse successful`.",
    )


def _compare(step: CompareConfiguration, words: Words) -> ByHand:
    return ByHand(
        what=f"On {', '.join(step.nodes)}.",
        commands=(words.on_each(step.nodes, "/status"),),
        proof="`configuration_hash` is the same on all of them, and the one that it was before.",
    )


def _guard(step: GuardDataPlanes, words: Words) -> ByHand:
    return ByHand(
        what=f"Restart none of {', '.join(step.nodes)} before it is replaced: it would lose the"
        " configuration that it keeps.",
        commands=(words.on_each(step.nodes, "/status"),),
        proof=f"Each still answers, with {step.version} in the header `Server`, and"
        + (
            " `configuration_hash` and the `pid` of its workers are written down."
            if step.since is None
            else f" has the `configuration_hash` and the workers that step {step.since} noted."
        ),
    )


def _install(step: InstallNodes, words: Words) -> ByHand:
    return ByHand(
        what=step.instructions,
        commands=(
            words.kong("version"),
            words.kong("check"),
            "nproc",
            "grep MemTotal /proc/meminfo",
        ),
        proof=f"Each says {step.version}, takes its kong.conf, and has the CPUs and the memory"
        " that are needed.",
    )


def _no_connections(step: NoConnections, words: Words) -> ByHand:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend'"
    )
    return ByHand(
        commands=(words.sql(query),),
        proof="1: nobody but this psql is connected.",
    )


_COMMANDS_OF: Mapping[str, tuple[str, ...]] = {
    "validate-declarative": ("ssh NEW_NODE kong config parse /PATH/OF/kong.yml",),
}
"""What belongs to an instruction of the guide; a word in capitals is yours to fill in."""
_PROOFS = {
    "back-up-files": "Each node is equal to its copy; BACKUP_FOLDER is that of the other backups.",
    "evaluate": "Every line of the `diff` is one that somebody wants.",
    "convert-declarative": "Every line of the `diff` is one that somebody wants.",
    "validate-declarative": "It says `parse successful`.",
    "customize": "The second query shows what was changed.",
}


def _do_by_hand(step: DoByHand, words: Words) -> ByHand:
    commands = _COMMANDS_OF.get(step.id, ())
    if step.id == "back-up-files":
        commands = tuple(_tar(words))
    edition = words.deployment.current.version.edition
    if step.id == "evaluate":
        commands = (
            f"python3 -c 'from kong_lts import kong_conf as k; print(k.rewrite(k.read("
            f'"kong.conf"), edition="{edition}").text, end="")\' > kong-3.4.conf',
            "diff kong.conf kong-3.4.conf",
        )
    if step.id == "convert-declarative":
        commands = (
            "python3 -c 'import sys; from kong_lts import declarative as d;"
            " sys.stdout.buffer.write(d.convert(sys.stdin.buffer.read(),"
            f' mode="{words.deployment.mode}", edition="{edition}").data)\''
            " < kong.yml > kong-3.4.yml",
            "diff kong.yml kong-3.4.yml",
        )
    if step.id == "customize":
        families = "jsonb_build_object('status_code_metrics', true, 'latency_metrics', true)"
        query = f"UPDATE plugins SET config = config || {families} WHERE name = 'prometheus'"
        commands = (words.sql(query), words.sql("SELECT name, config FROM plugins ORDER BY name"))
    proof = _PROOFS.get(step.id, "Whoever did it says so.")
    return ByHand(what=step.instructions, commands=commands, proof=proof)


def _tar(words: Words) -> Iterator[str]:
    """The files of each node, but for its logs, which change while they are read."""
    cluster = words.deployment.cluster(words.step.side)
    names = [node.name for node in cluster.nodes] if cluster and cluster.nodes else ["NODE"]
    every, tar = f"for node in {shlex.join(names)}; do", 'BACKUP_FOLDER/"$node".tar'
    what = "--exclude=/usr/local/kong/logs /etc/kong /usr/local/kong"
    yield f'{every} ssh "$node" sudo tar -cf - {what} > {tar}; done'
    yield f'{every} ssh "$node" sudo tar -df - -C / < {tar} && echo "$node" equal; done'


def _requests(probes: Iterable[Probe], words: Words, *, body: bool = False) -> tuple[str, ...]:
    """One line for each; the status that is expected, where there is one, stands behind it."""
    shown = "-i" if body else "-o /dev/null -w '%{http_code}\\n'"
    return tuple(
        f"curl -sS {shown} -X {shlex.quote(probe.method)}"
        + (f" -H {shlex.quote(f'Host: {probe.host}')}" if probe.host else "")
        + "".join(_headers(probe))
        + (f" -d {_body(probe.body)}" if probe.body else "")
        + (" -H 'Kong-Debug: 1'" if "Kong-Debug" in probe.headers else "")
        + f" {_address(probe, words)}{shlex.quote(probe.path)}"
        + ("" if body else f"  # {probe.expect_status}")
        for probe in probes
    )


def _address(probe: Probe, words: Words) -> str:
    """Where a probe goes; over TLS by the name that it asks for, whatever the address."""
    if probe.scheme != "https":
        return words.proxy()
    trust = "" if probe.verifies_certificate else "--insecure "
    if probe.server_name is None:
        return f"{trust}{words.tls_proxy()}"
    name = shlex.quote(f"https://{probe.server_name}")
    return f"{trust}--connect-to ::{words.tls_address()} {name}"


_REFERENCES = ("env:", "file:")


def _body(body: str) -> str:
    return "@BODY_FILE" if body.startswith(_REFERENCES) else shlex.quote(body)


def _headers(probe: Probe) -> Iterator[str]:
    """As options of curl; one that holds a credential is read from a file, out of any argument."""
    secret = bool(probe.credential)
    for name, value in probe.headers.items():
        if value.startswith(_REFERENCES):
            secret = True
        else:
            yield f" -H {shlex.quote(f'{name}: {value}')}"
    if secret:
        yield " -H @HEADER_FILE"


def _test(step: StagingTest | SmokeTest, words: Words) -> ByHand:
    return ByHand(
        commands=_requests(step.probes, words),
        what="HEADER_FILE holds a line such as `apikey: ...`, where a credential is needed.",
        proof="Each answers with the status behind the #.",
    )


def _allow_debug_header(step: AllowDebugHeader, words: Words) -> ByHand:
    asked = (attrs.evolve(probe, headers={**probe.headers, **DEBUG}) for probe in step.probes)
    return ByHand(
        what=step.instructions,
        commands=(words.kong("reload"), *_requests(asked, words, body=True)),
        proof="An answer names the route in Kong-Route-Name."
        if step.on
        else "No answer names a route any more.",
    )


def _check_routes(step: CheckRoutes, words: Words) -> ByHand:
    log = shlex.quote(step.error_log or "/usr/local/kong/logs/error.log")
    return ByHand(
        what="A load of 3.4 succeeds while a route that its router does not take is simply not"
        " there.",
        commands=(*_requests(step.probes, words), f"grep -c 'could not add route' {log}"),
        proof="Each answers with the status behind the #, and no log tells of a route that could"
        " not be added.",
    )


def _record(step: RecordAnswers, words: Words) -> ByHand:
    return ByHand(
        what="Keep what the current cluster answers.",
        commands=_requests(step.probes, words, body=True),
        proof="There is an answer to each.",
    )


def _compare_answers(step: CompareAnswers, words: Words) -> ByHand:
    return ByHand(
        what="Hold the answers of the new cluster against those that were kept; JSON is compared"
        " as JSON.",
        commands=_requests(step.probes, words, body=True),
        proof="Status, body, and the route and service that answered are the same.",
    )


_LOAD_BALANCERS: Mapping[LoadBalancerKind, tuple[str, tuple[str, ...]]] = {
    LoadBalancerKind.NGINX: (
        " In `split_clients`, write the share before the new upstream.",
        ("sudo nginx -t && sudo nginx -s reload",),
    ),
    LoadBalancerKind.HAPROXY: (
        " For each server, by the runtime socket; shares of 256.",
        ("echo 'set server BACKEND/SERVER weight WEIGHT' | sudo socat stdio SOCKET",),
    ),
    LoadBalancerKind.DNS: (
        " As many addresses of each side as the share asks for; wait for the TTL.",
        ("nsupdate -k KEY_FILE CHANGES", "dig +short NAME"),
    ),
    LoadBalancerKind.KUBERNETES: (
        " By the weights of the HTTPRoute's backends, or of the canary Ingress.",
        ("kubectl edit httproute NAME", "kubectl get httproute NAME -o yaml"),
    ),
}


def _divert(step: DivertTraffic, words: Words) -> ByHand:
    balancer = words.deployment.load_balancer
    more, commands = _LOAD_BALANCERS.get(balancer.kind, ("", ())) if balancer else ("", ())
    return ByHand(
        what=f"Give the new cluster {step.new_percent}% at the load balancer, and the current one"
        f" {100 - step.new_percent}%.{more}",
        commands=(*commands, *METRICS),
        proof="The counters of both clusters show that share.",
    )


METRICS = (
    "ask_current /metrics | grep '^kong_http_status'",
    "ask_new /metrics | grep '^kong_http_requests_total'",
)
"""The counters of requests by status, in the names of either release."""


def _watch(step: WatchMetrics | CheckMetrics, words: Words) -> ByHand:
    both = "current.metrics" in step.needs
    watch_s = getattr(step, "watch_s", 0.0)
    clusters = "on both clusters, over the same time" if both else "again and again"
    than = "those of the current one" if both else "those of the current one before"
    back = " If they are, give the traffic back at once." if both else ""
    return ByHand(
        what=f"For {watch_s:g} s, {clusters}." if watch_s else "",
        commands=METRICS if both else METRICS[1:],
        proof=f"There are data (3.4 counts by status where the plugin prometheus has"
        " `status_code_metrics` on); errors, 401, 403, 404, 429 and latency of the new cluster are"
        f" no worse than {than}.{back}",
    )


GATEWAYS: Mapping[type, Callable[[Any, Words], ByHand]] = {
    MigrationsBootstrap: _migrations(
        "bootstrap", "0", "the tables of Kong are there.", "SELECT count(*) FROM services"
    ),
    MigrationsUp: _migrations(
        "up",
        "4",
        "the query finds no path that begins with `~~`.",
        "SELECT id, paths FROM routes WHERE array_to_string(paths, ' ') LIKE '%~~%'",
    ),
    MigrationsFinish: _migrations(
        "finish",
        "0",
        "the query finds nothing that is pending.",
        "SELECT subsystem, pending FROM schema_meta WHERE pending <> '{}'",
    ),
    StartNodes: _start,
    StopNodes: _stop,
    ReloadNodes: _reload,
    ValidateDeclarative: _validate,
    CompareConfiguration: _compare,
    GuardDataPlanes: _guard,
    InstallNodes: _install,
    NoConnections: _no_connections,
    DoByHand: _do_by_hand,
    CheckRoutes: _check_routes,
    RecordAnswers: _record,
    CompareAnswers: _compare_answers,
    AllowDebugHeader: _allow_debug_header,
    StagingTest: _test,
    SmokeTest: _test,
    DivertTraffic: _divert,
    WatchMetrics: _watch,
    CheckMetrics: _watch,
}
