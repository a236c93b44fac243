"""What the description of a step done by hand is made of."""

import shlex
from collections.abc import Sequence

import attrs

from kong_lts.deployment import Deployment, DeploymentMode, NodeRole, Side
from kong_lts.planning import AnyStep

__all__ = ["ByHand", "Words", "ask", "serving"]

_ADMIN, _STATUS = 8001, 8100
"""Ports of the Admin API, and of a status listener."""


@attrs.frozen(kw_only=True)
class ByHand:
    """How one step is done by hand."""

    what: str = ""
    """Beyond the title of the step."""
    commands: tuple[str, ...] = ()
    """For a shell. Servers are named by services of libpq and variables of the environment."""
    proof: str


def ask(deployment: Deployment, side: Side, nodes: Sequence[str], path: str) -> str:
    """A loop over nodes, whose names are taken for host names.

    They are asked by their Admin API, and data planes, which have none, by their status listener.
    """
    planes = _data_planes(deployment, side)
    places = [f"{node}:{_STATUS if node in planes else _ADMIN}" for node in nodes]
    curl = f'curl -sSi "http://$node{path}"'
    return f'for node in {shlex.join(places)}; do echo "$node"; {curl}; echo; done'


def serving(deployment: Deployment, side: Side) -> tuple[str, ...]:
    """The nodes of a cluster that take requests."""
    cluster = deployment.cluster(side)
    nodes = cluster.nodes if cluster is not None else ()
    return tuple(node.name for node in nodes if node.role is not NodeRole.CONTROL_PLANE)


def _data_planes(deployment: Deployment, side: Side) -> frozenset[str]:
    cluster = deployment.cluster(side)
    nodes = cluster.nodes if cluster is not None else ()
    everyone = deployment.mode is DeploymentMode.KONNECT
    return frozenset(n.name for n in nodes if everyone or n.role is NodeRole.DATA_PLANE)


@attrs.frozen
class Words:
    """What the commands for one step need."""

    step: AnyStep
    deployment: Deployment

    def server(self) -> str:
        """The database of the step's side: a service of libpq, so that no argv has a password."""
        return f"PGSERVICE=kong-{self.step.side}"

    def sql(self, query: str) -> str:
        """One query to that database, answered without any frame."""
        plain = not set(query) & set('"$`\\!')
        return f"{self.server()} psql -XAtqc " + (f'"{query}"' if plain else shlex.quote(query))

    def first_node(self) -> str:
        """Where something is done that one node does for all."""
        cluster = self.deployment.cluster(self.step.side)
        return cluster.nodes[0].name if cluster and cluster.nodes else "one node"

    def admin(self) -> str:
        """The Admin API of the step's side."""
        return f'"$KONG_{self.step.side.upper()}_ADMIN_URL"'

    def on_each(self, nodes: Sequence[str], path: str) -> str:
        """What each node answers, with the header that has its version; for its name see `ask`."""
        return ask(self.deployment, self.step.side, nodes, path)

    def is_data_plane(self, nodes: Sequence[str]) -> bool:
        """Whether all of them have no Admin API, and no database of their own."""
        planes = _data_planes(self.deployment, self.step.side)
        return all(node in planes for node in nodes)

    def proxy(self) -> str:
        """The proxy of the step's side."""
        return f'"$KONG_{self.step.side.upper()}_PROXY_URL"'

    def tls_proxy(self) -> str:
        """Its TLS listener."""
        return f'"https://$KONG_{self.step.side.upper()}_TLS_PROXY"'

    def tls_address(self) -> str:
        """The same as HOST:PORT, within a word that is not quoted yet."""
        return f'"$KONG_{self.step.side.upper()}_TLS_PROXY"'

    def kong(self, *words: str) -> str:
        """Kong on a node, as the plan calls it."""
        program = getattr(self.step, "program", ("kong",))
        return shlex.join([*program, *words])
