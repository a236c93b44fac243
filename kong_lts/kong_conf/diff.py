"""diff(): what a kong.conf of 2.8 means to 3.4, as findings."""

from collections.abc import Iterator

from kong_lts.findings import Finding, in_order
from kong_lts.kong_conf.changed_keys import absent_keys, set_keys
from kong_lts.kong_conf.comparison import Comparison, Difference
from kong_lts.kong_conf.document import KongConf
from kong_lts.kong_conf.lines import line_differences
from kong_lts.kong_conf.loads import load_differences
from kong_lts.kong_conf.rewriting import safe_edits
from kong_lts.versions import Edition, KongVersion

__all__ = ["diff", "differences"]


def diff(
    conf: KongConf,
    *,
    edition: Edition | str,
    current: KongVersion | None = None,
    role: str | None = None,
) -> tuple[Finding, ...]:
    """Every difference between what 2.8 and 3.4 make of a file and its environment.

    A template that nobody has filled in yet has no value: rules that ask for one are silent.

    Args:
        edition: `oss` or `enterprise`.
        current: Version of 2.8 in use; some defaults of Enterprise depend on its patch. If None,
            such a default is an INFO.
        role: Of the node, as `kong_lts.deployment.NodeRole`; what the file says if None.

    Returns:
        Worst first. `subject` is the key, `evidence` the origin of its value: `kong.conf`,
        `environment` or `default`.
    """
    comparison = Comparison.of(conf, Edition(edition), current=current, role=role)
    return in_order(safe_edits(comparison, differences(comparison)))


def differences(comparison: Comparison) -> tuple[Difference, ...]:
    """The findings with the rules that they come from, in the order of the catalog."""
    asked = (differences, comparison.edition, comparison.current, comparison.role)
    return comparison.conf.remembered(asked, lambda: tuple(_differences(comparison)))


def _differences(comparison: Comparison) -> Iterator[Difference]:
    by_rules = tuple(set_keys(comparison))
    yield from by_rules
    yield from line_differences(comparison)
    yield from load_differences(comparison, by_rules)
    yield from absent_keys(comparison)
