"""rewrite(): a kong.conf of 2.8 as 3.4 should get it."""

from collections.abc import Mapping

import attrs

from kong_lts.edits import patch
from kong_lts.findings import Finding
from kong_lts.kong_conf.document import KongConf
from kong_lts.versions import Edition

__all__ = ["Rewrite", "rewrite"]


@attrs.frozen(kw_only=True)
class Rewrite:
    """A rewritten kong.conf."""

    text: str = attrs.field(repr=False)
    environ: Mapping[str, str] = attrs.field(repr=False)
    applied: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()
    before: KongConf

    def patch(self) -> str:
        return patch(self.before.text, self.text, self.before.path or "kong.conf")


def rewrite(conf: KongConf, *, edition: Edition | str, keep_behaviour: bool = True) -> Rewrite:
    """The file as 3.4 should get it."""
    return Rewrite(text=conf.text, environ=dict(conf.environ), before=conf)
