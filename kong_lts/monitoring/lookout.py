"""What metrics do not tell: routes that the router could not add, data planes out of sync."""

from collections import Counter
from collections.abc import Mapping

import attrs

from kong_lts.errors import AdminApiError
from kong_lts.protocols import ClusterAdapters

__all__ = ["COULD_NOT_ADD", "not_in_sync", "router_errors"]

COULD_NOT_ADD = "could not add route"
"""In the error log of 3.4, once for each such route and worker; measured: nothing else tells."""
_GREP_S = 60.0
_NO_LINE = 1
_GONE_AFTER_S = 120
"""A data plane pings every 30 s; one that was replaced stays in the list for days."""


def router_errors(cluster: ClusterAdapters, log: str) -> int:
    """How many lines of the nodes' error logs tell of a route that is not in the router.

    Args:
        cluster: Every node of it is asked.
        log: Path of the log on each node.

    Raises:
        AdapterError: A log cannot be read.
    """
    argv = ("grep", "-c", "-a", "-F", "-e", COULD_NOT_ADD, log)
    total = 0
    for runner in cluster.nodes.values():
        finished = runner.run(argv, timeout_s=_GREP_S, statuses=(0, _NO_LINE))
        total += int(finished.stdout.strip() or 0)
    return total


def not_in_sync(cluster: ClusterAdapters) -> int:
    """How many data planes have another configuration than most, or are refused by theirs.

    Raises:
        AdminApiError: They cannot be listed.
    """
    if cluster.admin is None:
        raise AdminApiError("listing the data planes", "there is no adapter for the Admin API")
    found = [_DataPlane.of(row) for row in cluster.admin.entities("clustering/data-planes")]
    newest = max((one.last_seen for one in found), default=0)
    there = [one for one in found if newest - one.last_seen <= _GONE_AFTER_S]
    hashes = Counter(one.config_hash for one in there if one.config_hash.strip("0"))
    wanted = hashes.most_common(1)[0][0] if hashes else None
    return sum(one.sync_status != "normal" or one.config_hash != wanted for one in there)


@attrs.frozen
class _DataPlane:
    sync_status: str
    config_hash: str
    last_seen: int

    @classmethod
    def of(cls, row: Mapping[str, object]) -> "_DataPlane":
        seen = row.get("last_seen")
        return cls(
            sync_status=str(row.get("sync_status") or "unknown"),
            config_hash=str(row.get("config_hash") or ""),
            last_seen=seen if isinstance(seen, int) else 0,
        )
