"""diff(): what a kong.conf of 2.8 means to 3.4, as findings."""

from kong_lts.findings import Finding
from kong_lts.kong_conf.document import KongConf
from kong_lts.versions import Edition, KongVersion

__all__ = ["diff"]


def diff(
    conf: KongConf,
    *,
    edition: Edition | str,
    current: KongVersion | None = None,
    role: str | None = None,
) -> tuple[Finding, ...]:
    """Every difference between what 2.8 and 3.4 make of a file and its environment."""
    return ()
