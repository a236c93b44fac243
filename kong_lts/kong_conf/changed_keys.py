"""Findings of rules that a row says in full: keys that are set, and keys that are not."""

from collections.abc import Iterator

from kong_lts.catalog.rows import ConfRewriting, ConfTrigger, KongConfRule
from kong_lts.findings import Severity
from kong_lts.kong_conf.comparison import Comparison, Difference, rule
from kong_lts.kong_conf.tests_of_values import TESTS

__all__ = ["absent_keys", "set_keys"]

_ALWAYS = "always"


def set_keys(comparison: Comparison) -> Iterator[Difference]:
    """What the rules say about keys that are set."""
    for key, rows in comparison.rules_by_key.items():
        for row in rows:
            if not _speaks(row, key, comparison):
                continue
            if _is_beaten(row, key, comparison):
                yield comparison.difference(rule("conf-old-name-beaten"), key, to=row.to)
            else:
                is_same = _makes_no_difference(row, comparison)
                severity = Severity.INFO if is_same else _severity(row, comparison)
                yield comparison.difference(row, key, severity=severity)


def _is_beaten(row: KongConfRule, key: str, comparison: Comparison) -> bool:
    """Whether the new name is set too, and so the old one counts in neither release."""
    if row.rewriting is not ConfRewriting.RENAME or row.to not in comparison.set_keys:
        return False
    apart = comparison.may_be_another_branch(key, row.to)
    return comparison.knows(comparison.old, row.to) and not apart


def _makes_no_difference(row: KongConfRule, comparison: Comparison) -> bool:
    """Whether an old name has the value that 3.4 has without it."""
    old, new = comparison.old, comparison.new
    if row.rewriting is not ConfRewriting.RENAME or not comparison.both_know(row.to):
        return False
    known = not {row.to, *row.keys} & old.unknown
    return known and old.values.get(row.to) == new.values.get(row.to)


def _speaks(row: KongConfRule, key: str, comparison: Comparison) -> bool:
    if not (row.values or row.except_values or row.call):
        return True
    value = comparison.value(key)
    if value is None:
        return False
    if row.call and not TESTS[row.call](row, value, comparison.old):
        return False
    if row.call != "has_item" and row.values and value not in row.values:
        return False
    return value not in row.except_values


def _severity(row: KongConfRule, comparison: Comparison) -> Severity | None:
    conditions = row.info_unless.items()
    if row.info_unless and not any(comparison.has(k, v, if_unknown=True) for k, v in conditions):
        return Severity.INFO
    return None


def absent_keys(comparison: Comparison) -> Iterator[Difference]:
    """What the rules say about keys that are not set, and whose default differs."""
    for row in comparison.rules():
        if row.trigger is not ConfTrigger.ABSENT:
            continue
        for key in row.keys:
            lowered = _changed(row, key, comparison)
            if lowered is None:
                continue
            severity = Severity.INFO if lowered else _severity(row, comparison)
            yield comparison.difference(row, key, severity=severity)
            if row.once:
                break


def _changed(row: KongConfRule, key: str, comparison: Comparison) -> bool | None:
    """None: nothing changes here. Else whether it does in an older patch release only."""
    old, new = comparison.old, comparison.new
    if key in comparison.set_keys or key in comparison.set_by_old_names:
        return None
    if key in old.user or key in new.user:
        return None
    if not comparison.knows(old, key) and not comparison.knows(new, key):
        return None
    if row.call == _ALWAYS:
        return False
    before, after = comparison.defaults(key)
    if before != after or comparison.knows(old, key) != comparison.knows(new, key):
        return False
    return True if any(e.default != after for e in comparison.earlier(key)) else None
