"""Settings: what a plan leaves to its maker."""

import attrs
from attrs.validators import ge, gt, optional

from kong_lts.monitoring import DEFAULT_GATES, Gate, WindowEnd
from kong_lts.monitoring.gates import float_or_none
from kong_lts.protocols import NO_ROUTE, Probe
from kong_lts.smoke_test import SAFE_METHODS
from kong_lts.strategies.route_probes import RouteProbes
from kong_lts.traffic import DEFAULT_RAMP, RampStage, RateLimit

__all__ = ["Settings"]

_MOST_ASKED = 3
_A_DAY_S: float | None = 86400.0


@attrs.frozen(kw_only=True)
class Settings:
    """What a plan leaves to its maker."""

    ramp: tuple[RampStage, ...] = DEFAULT_RAMP
    """Stages by which the traffic is diverted."""
    gates: tuple[Gate, ...] = DEFAULT_GATES
    """What the new cluster must keep to."""
    probes: tuple[Probe, ...] = ()
    """Requests of the staging test and of the smoke test."""
    compared: tuple[Probe, ...] = ()
    """Requests to both clusters, whose answers are compared with each other."""
    every_route: tuple[Probe, ...] = ()
    """A request for each route, as `kong_lts.smoke_test.probes_of_configuration` makes them; each
    must reach its route once the new nodes run."""
    safe_methods: tuple[str, ...] = SAFE_METHODS
    """Methods that a probe may have."""
    tls_probes: bool = True
    """Whether requests over TLS are among the probes for the routes that change; a proxy adapter
    that cannot be asked by TLS stops the run before they are sent."""
    route_probes: RouteProbes = attrs.field(factory=RouteProbes)
    """For the routes that change; a plan takes them from its assessment."""
    logins: tuple[Probe, ...] = ()
    """Requests with the password of a basic-auth credential: they prove a restore by decK's files.
    A header may be a reference, such as `Authorization: env:LOGIN`."""
    backup_folder: str = "kong-lts-backup"
    """Where the backup appears, on the machine that runs the plan."""
    run_deck: bool = True
    """Whether the plan runs the decK that the deployment names; otherwise a person is asked to."""
    guard_writes: bool = True
    """Whether triggers keep writes to the configuration out; where the database may have none, they
    are only noticed, by what the database holds before every step."""
    rehearse_restore: bool = True
    """Whether the dump is restored into a scratch database before anything else is done; the role
    has to be one that may make a database."""
    files: tuple[str, ...] = ()
    """Paths on the nodes to back up, such as kong.conf, the prefix and certificates; without any, a
    person is asked to."""
    recovery_key: str | None = None
    """Reference of the keyring's recovery key, `file:PATH` or `env:NAME`; only 3.4 makes such."""
    select_tags: tuple[str, ...] = ()
    """Tags by which the configuration is distributed over state files: decK dumps each into a file
    of its own (`--select-tag`), and what has none of them is named as missing."""
    kong_config: str | None = None
    """Path on a node where `kong config db_export` writes too, in a folder that is there; the
    guide's tool for those who cannot run decK. None exports nothing."""
    kong_yml: str | None = None
    """Path of kong.yml on DB-less nodes, current and new; without it, a person is asked to save it
    and to have the converted one validated."""
    program: tuple[str, ...] = ("kong",)
    """How kong is called on a node."""
    continue_interrupted: bool = False
    """Whether an interrupted `kong migrations up` is gone on with, by `finish`, `up`, `finish`,
    where no path is half rewritten; the way is the restore unless this is asked for."""
    configuration: str | None = None
    """Path of the new nodes' kong.conf, as seen on the node."""
    rate_limits: tuple[RateLimit, ...] | None = None
    """Of which the plan says what they let through meanwhile; None takes them from the assessment
    or the evidence, and `kong_lts.traffic.rate_limits` reads them off a document."""
    sessions: bool | None = None
    """Whether every client must stay on one side for its session; None takes it from the assessment
    or the evidence, and False says that no session matters."""
    session_hosts: tuple[str, ...] = ()
    """Hosts whose clients must stay on one side, where others need not; likewise taken from the
    assessment where `sessions` is None and none is named."""
    mixed_window_s: float | None = attrs.field(
        default=_A_DAY_S, converter=float_or_none, validator=optional(gt(0))
    )
    """How long both clusters may serve, from the first diversion on and whatever is waited for;
    None sets no end."""
    window_end: WindowEnd = attrs.field(default=WindowEnd.ASK, converter=WindowEnd)
    """What follows then: somebody is asked while the gates watch on, or the traffic is led back."""
    watch_interval_s: float = attrs.field(default=10.0, converter=float)
    """How often the gates look."""
    hold_s: float = attrs.field(default=3600.0, converter=float)
    """How much longer a watch lasts where a gate is undecided."""
    error_log: str | None = None
    """Path of the error log on the new nodes; with it, a ramp watches for routes that the router
    could not add."""
    watch_afterwards_s: float = attrs.field(default=600.0, converter=float)
    """How long the metrics are watched after the last step that touches anything."""
    same_capacity: bool = True
    """Whether new nodes must have as much CPU and memory as the current ones."""
    surge: int | None = attrs.field(default=None, validator=optional(ge(0)))
    """How many new nodes are added at once where nodes are replaced one by one; None is a quarter
    of them, 0 adds none before others are gone."""
    unavailable: int = attrs.field(default=0, validator=ge(0))
    """How many nodes fewer than before may serve meanwhile; needed where `surge` is 0."""
    time_limit_s: float = attrs.field(default=7200.0, converter=float, validator=gt(0))
    """How long a step may wait, but for a person's answer and for a watch; one long call, such as a
    dump, ends by the limit of its adapter, and is told where it took longer than this."""
    configuration_rows: int | None = None
    """Rows of configuration in the database, for the downtime to expect; a plan takes them from the
    evidence."""
    compare_with_deck: bool = False
    """Whether decK's files of the backup are converted and compared with the new cluster after the
    migration; what differs is told and stops nothing."""

    @property
    def asking_for_routes(self) -> tuple[Probe, ...]:
        """Some of the probes that want to know the route, which 3.4 only tells where it may."""
        asking = (*self.every_route, *self.route_probes.new, *self.compared)
        reach = (probe for probe in asking if NO_ROUTE not in probe.expect_routes)
        return tuple(probe for probe in reach if probe.method in self.safe_methods)[:_MOST_ASKED]
