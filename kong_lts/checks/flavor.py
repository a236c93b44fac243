"""Which router 3.4 will run with."""

import contextlib

from kong_lts import kong_conf
from kong_lts.deployment import Deployment
from kong_lts.errors import ConfError
from kong_lts.evidence import Evidence
from kong_lts.versions import Release

__all__ = ["router_flavor"]

_DEFAULT = "traditional_compatible"


def router_flavor(deployment: Deployment, evidence: Evidence) -> str:
    """What the nodes will run with on 3.4: as kong.conf says, else the default."""
    edition = deployment.current.version.edition
    for conf in evidence.kong_conf.values():
        with contextlib.suppress(ConfError):  # a finding of its own elsewhere
            found = kong_conf.resolve(conf, release=Release.V3_4, edition=edition)
            return str(found["router_flavor"])
    return _DEFAULT
