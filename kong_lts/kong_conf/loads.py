"""Findings on keys: known to one release only, refused by one, or pinned to an old default."""

import re
from collections.abc import Iterator, Sequence

from kong_lts.catalog.rows import KeyType
from kong_lts.findings import Severity
from kong_lts.kong_conf.comparison import Comparison, Difference, Origin, rule
from kong_lts.kong_conf.loading import Loaded
from kong_lts.kong_conf.nearest import Nearest
from kong_lts.kong_conf.statements import BOM
from kong_lts.kong_conf.values import stripped
from kong_lts.kong_conf.vaults import allows, is_reference

__all__ = ["load_differences"]

_OF_KUBERNETES = re.compile(r".*_(?:service_host|service_port(?:_.*)?|port(?:_[0-9]+_.*)?)")
"""Variables that Kubernetes makes of services whose name starts with kong."""


def load_differences(
    comparison: Comparison, by_rules: Sequence[Difference]
) -> Iterator[Difference]:
    """What is to be said about keys that no row names.

    Args:
        by_rules: What the rows have said already.
    """
    yield from _known_to_one(comparison)
    yield from _pinned(comparison, by_rules)
    yield from _refused(comparison, by_rules)
    yield from _in_vaults(comparison)


def _known_to_one(comparison: Comparison) -> Iterator[Difference]:
    named = comparison.rules_by_key
    nearest = Nearest(comparison)
    for key, origin in comparison.set_keys.items():
        if key in named:
            continue
        old, new = comparison.knows(comparison.old, key), comparison.knows(comparison.new, key)
        if old and new:
            if _has_a_type_now(comparison, key):
                yield comparison.difference(rule("conf-key-newly-read"), key)
        elif new:
            yield comparison.difference(rule("conf-key-newly-read"), key)
        elif old or _is_of_no_kind(comparison, key):
            continue  # each key that only 2.8 knows has a row; a test makes sure
        elif origin == Origin.FILE or not _OF_KUBERNETES.fullmatch(key):
            row = rule("conf-unknown-key")
            yield comparison.difference(row, key, hint=nearest.hint(key))


def _is_of_no_kind(comparison: Comparison, key: str) -> bool:
    """Whether its name is to be filled in, or starts with a byte order mark."""
    setting = comparison.conf.by_key.get(key)
    return setting is not None and (setting.written_by_template or setting.written[:1] == BOM)


def _has_a_type_now(comparison: Comparison, key: str) -> bool:
    """Whether 3.4 makes a number or list of what is any text to 2.8, as with `vault_*` keys."""
    row = comparison.new.keys.keys.get(key)
    if row is None or comparison.edition not in row.defaults:
        return False
    if row.type in (KeyType.TEXT, KeyType.STRING):
        return False
    before = comparison.old.keys.keys.get(key)
    return before is None or comparison.edition not in before.defaults


def _refused(comparison: Comparison, by_rules: Sequence[Difference]) -> Iterator[Difference]:
    blocked = {d.key for d in by_rules if d.finding.severity is Severity.BLOCKER}
    old, new = _reasons(comparison.old), _reasons(comparison.new)
    for key, reason in new.items():
        if key in blocked:
            continue
        row = rule("conf-refused-by-both" if key in old else "conf-refused-by-3.4")
        # 2.8 runs today, so a key that is missing comes from elsewhere.
        is_missing = key in old and key not in comparison.set_keys
        severity = Severity.INFO if is_missing else None
        yield comparison.difference(row, key, severity=severity, reason=reason)
    for key, reason in old.items():
        if key not in new:
            yield comparison.difference(rule("conf-refused-by-2.8"), key, reason=reason)


def _reasons(loaded: Loaded) -> dict[str, str]:
    found: dict[str, str] = {}
    for refusal in loaded.refusals:
        found.setdefault(refusal.key or "", refusal.reason.rpartition(" (")[0] or refusal.reason)
    return found


def _pinned(comparison: Comparison, by_rules: Sequence[Difference]) -> Iterator[Difference]:
    to_be_changed = {d.key for d in by_rules if d.finding.severity is not Severity.INFO}
    with_default = comparison.old.keys.keys
    for key in comparison.set_keys:
        if key not in with_default or key in to_be_changed or not comparison.both_know(key):
            continue
        old, new = comparison.defaults(key)
        if old is not None and old != new and comparison.value(key) == old:
            yield comparison.difference(rule("conf-pinned-old-default"), key)


def _in_vaults(comparison: Comparison) -> Iterator[Difference]:
    """References that the releases resolve differently."""
    new = comparison.new
    for key in comparison.references:
        reference = stripped(new.user[key], new.release)
        if not allows(str(reference), new.values.get("vaults")):
            yield comparison.difference(rule("conf-vaults-without-reference"), key)
        elif key not in comparison.old.unknown | new.unknown and is_reference(
            comparison.old.user.get(key, "")
        ):
            was, will_be = comparison.old.values.get(key), new.values.get(key)
            if was != will_be:
                yield comparison.difference(rule("conf-vault-secret-with-hash"), key)
