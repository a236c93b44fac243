"""rewrite(): a kong.conf of 2.8 as 3.4 should get it."""

from collections.abc import Mapping

import attrs

from kong_lts.catalog.rows import ConfRewriting
from kong_lts.edits import apply_edits
from kong_lts.findings import Finding, in_order
from kong_lts.kong_conf.comparison import Comparison
from kong_lts.kong_conf.diff import differences
from kong_lts.kong_conf.document import KongConf, parse
from kong_lts.kong_conf.masking import masked_patch
from kong_lts.kong_conf.rewriting import Question, Rewriting
from kong_lts.versions import Edition, KongVersion

__all__ = ["Rewrite", "rewrite"]


@attrs.frozen(kw_only=True)
class Rewrite:
    """A kong.conf and an environment as 3.4 should get them; nothing is written anywhere."""

    before: KongConf
    """What was rewritten."""
    text: str = attrs.field(repr=False)  # may hold passwords
    """The file for 3.4."""
    environ: Mapping[str, str] = attrs.field(repr=False)
    """The variables for 3.4."""
    applied: tuple[Finding, ...] = ()
    """What was acted on; `location` is the line before the rewrite."""
    left: tuple[Question, ...] = ()
    """What no tool may decide, each with the question to a person."""

    @property
    def after(self) -> KongConf:
        """The rewritten file, to be resolved or compared."""
        return parse(self.text, environ=self.environ, path=self.before.path)

    def patch(self) -> str:
        """A unified diff to look at, empty without a change.

        Values of passwords, tokens and keys are masked, so it is not for the program `patch`.
        """
        return masked_patch(self.before, self.text)


def rewrite(
    conf: KongConf,
    *,
    edition: Edition | str,
    keep_behaviour: bool = True,
    current: KongVersion | None = None,
) -> Rewrite:
    """The file and the environment as 3.4 should get them.

    Args:
        edition: `oss` or `enterprise`.
        keep_behaviour: Also write out the defaults of 2.8 that 3.4 changed, and the values that 2.8
            reads off lines that 3.4 reads differently.
        current: Version of 2.8 in use; some defaults of Enterprise depend on its patch. If None,
            these are left, with a question.

    Returns:
        Untouched lines keep every byte; rewriting the result changes nothing.

    Raises:
        ConfError: The result would be larger than any kong.conf is.
    """
    comparison = Comparison.of(conf, Edition(edition), current=current)
    work = Rewriting(comparison=comparison, keeps=keep_behaviour)
    for difference in differences(comparison):
        if difference.rule.rewriting is not ConfRewriting.NONE:
            work.act_on(difference)
    work.write_pins()
    return Rewrite(
        before=conf,
        text=apply_edits(conf.text, work.edits),
        environ=work.environ,
        applied=in_order(work.applied),
        left=tuple(work.left),
    )
