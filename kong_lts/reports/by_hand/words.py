"""What the description of a step done by hand is made of."""

import shlex
from collections.abc import Sequence

import attrs

from kong_lts.deployment import Deployment
from kong_lts.planning import AnyStep

__all__ = ["ByHand", "Words"]


@attrs.frozen(kw_only=True)
class ByHand:
    """How one step is done by hand."""

    what: str = ""
    """Beyond the title of the step."""
    commands: tuple[str, ...] = ()
    """For a shell. Servers are named by services of libpq and variables of the environment."""
    proof: str


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
        """One answer of the Admin API of each node, whose name is taken for its host name."""
        ask = f'curl -sS "http://$node:8001{path}"'
        return f'for node in {shlex.join(nodes)}; do echo "$node"; {ask}; done'

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
