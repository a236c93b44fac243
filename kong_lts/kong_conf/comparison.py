"""Comparison: one kong.conf as both releases load it, and the rules that speak about it."""

import functools
from collections.abc import Iterator, Mapping
from string import Formatter

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import ConfTrigger, EarlierDefault, KongConfRule
from kong_lts.findings import Finding, Location, Severity
from kong_lts.kong_conf.document import KongConf
from kong_lts.kong_conf.injected import is_injected
from kong_lts.kong_conf.loading import Loaded, default_of, is_secret, variable
from kong_lts.kong_conf.lua import to_text
from kong_lts.kong_conf.resolve import resolved
from kong_lts.kong_conf.statements import Setting
from kong_lts.kong_conf.values import ConfValue, Raw, from_file, shortened, stripped
from kong_lts.kong_conf.vaults import is_reference, may_be_reference
from kong_lts.versions import Edition, KongVersion, Release

__all__ = ["Comparison", "Difference", "Origin", "as_text", "rule"]


class Origin:
    """Where the value of a key comes from, as a finding's `evidence` says it."""

    FILE = "kong.conf"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


@attrs.frozen(kw_only=True)
class Difference:
    """A finding with what a rewrite needs to act on it."""

    finding: Finding
    rule: KongConfRule
    key: str
    origin: str
    setting: Setting | None = None


@functools.cache
def _rules() -> Mapping[str, KongConfRule]:
    return {row.id: row for row in catalog.kong_conf()}


def rule(name: str) -> KongConfRule:
    """The rule of an id."""
    return _rules()[name]


@functools.cache
def _words_of(name: str) -> frozenset[str]:
    """The `{...}` of a rule's texts that are worked out for each key."""
    row = _rules()[name]
    words = {word or "" for _, word, _, _ in Formatter().parse(row.message + row.action)}
    return frozenset(words & {"old", "new", "in_2_8", "pin", "value"})


def _quoted(default: str | None) -> str:
    return f"`{default}`" if default else "nothing"


def as_text(value: ConfValue) -> str:
    """A typed value as kong.conf would have it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(value)
    if value is None:
        return ""
    return value if isinstance(value, str) else to_text(value)


@attrs.frozen(kw_only=True)
class Comparison:
    """One kong.conf as both releases load it; the value of a template is unknown."""

    conf: KongConf
    edition: Edition
    current: KongVersion | None
    role: str
    old: Loaded
    new: Loaded

    @classmethod
    def of(
        cls,
        conf: KongConf,
        edition: Edition,
        *,
        current: KongVersion | None = None,
        role: str | None = None,
    ) -> "Comparison":
        """Load a file as both releases do.

        Args:
            current: Patch release of 2.8.
            role: Of the node; what the file says if None.
        """
        old = resolved(conf, Release.V2_8, edition, current=current, templates=False)
        new = resolved(conf, Release.V3_4, edition, templates=False)
        role = str(role or old.values.get("role") or "traditional")
        return cls(conf=conf, edition=edition, current=current, role=role, old=old, new=new)

    @functools.cached_property
    def references(self) -> frozenset[str]:
        """The keys whose value is a reference to a vault, as 3.4 reads it."""
        user = self.new.user
        found = [key for key in self.set_keys if may_be_reference(user.get(key, ""))]
        return frozenset(k for k in found if is_reference(stripped(user[k], Release.V3_4)))

    @functools.cached_property
    def old_references(self) -> frozenset[str]:
        """The keys whose value is a reference as 2.8 reads it, which is before any comment."""
        return frozenset(k for k in self.set_keys if is_reference(self.old.user.get(k, "")))

    @functools.cached_property
    def set_by_old_names(self) -> frozenset[str]:
        """Keys that another key stands for that is set, whatever its value."""
        return frozenset(row.to for rows in self.rules_by_key.values() for row in rows)

    @functools.cached_property
    def set_keys(self) -> Mapping[str, str]:
        """Every key that is set, with its origin; variables of keys that nobody knows included."""
        found = dict.fromkeys(self.conf.by_key, Origin.FILE)
        for name in self.conf.environ:
            key = name.removeprefix("KONG_").lower()
            if key and name == variable(key):
                found[key] = Origin.ENVIRONMENT
        return found

    def both_know(self, key: str) -> bool:
        """Whether both releases look at a key."""
        return self.knows(self.old, key) and self.knows(self.new, key)

    def knows(self, loaded: Loaded, key: str) -> bool:
        """Whether a release looks at a key."""
        row = loaded.keys.keys.get(key)
        if row is not None and self.edition in row.defaults:
            return True
        return is_injected(key, loaded.keys, self.edition)

    def may_be_another_branch(self, key: str, other: str) -> bool:
        """Whether a template chooses between the lines of two keys."""
        one, two = self.conf.by_key.get(key), self.conf.by_key.get(other)
        return one is not None and two is not None and self.conf.are_apart(one, two)

    def value(self, key: str) -> str | None:
        """The value of a key that is set, as text; None where nobody knows it."""
        if key in self.old.unknown or key in self.new.unknown:
            return None
        if key in self.old.values:
            return as_text(self.old.values[key])
        if key in self.new.values:
            return as_text(self.new.values[key])
        return self.written(key)

    def written(self, key: str) -> str | None:
        """The text of a key that is set, as 3.4 reads it."""
        value = self.conf.environ.get(variable(key))
        raw: Raw
        if value is None:
            setting = self.conf.by_key.get(key)
            if setting is None:
                return None
            raw = from_file(setting.raw, Release.V3_4)
        else:
            raw = value
        return str(stripped(raw, Release.V3_4))

    def shown(self, key: str, value: object) -> str:
        """A value for a message, unless it may be a secret."""
        secret = is_secret(key, self.old.keys) or is_secret(key, self.new.keys)
        return "its value" if secret else shortened(str(value))

    def defaults(self, key: str) -> tuple[str | None, str | None]:
        """The default of a key in 2.8 and in 3.4."""
        rows = (self.old.keys.keys.get(key), self.new.keys.keys.get(key))
        return (
            default_of(rows[0], self.edition, self.current) if rows[0] else None,
            default_of(rows[1], self.edition) if rows[1] else None,
        )

    def has(self, key: str, values: tuple[str, ...], *, if_unknown: bool) -> bool:
        """Whether 2.8 has one of the values for a key, or in the list that the key is."""
        if key in self.old.unknown:
            return if_unknown
        value = self.old.values.get(key)
        items = value if isinstance(value, tuple) else ()
        return as_text(value) in values or any(item in values for item in items)

    def difference(
        self,
        row: KongConfRule,
        key: str,
        *,
        severity: Severity | None = None,
        setting: Setting | None = None,
        location: Location | None = None,
        **words: object,
    ) -> Difference:
        """What a rule says about a key of this file."""
        origin = Origin.FILE
        if setting is None and location is None:
            origin = self.set_keys.get(key, Origin.DEFAULT)
            setting = self.conf.by_key[key] if origin == Origin.FILE else None
        if location is None and setting is not None:
            location = Location(path=self.conf.path, line=setting.line)
        words["key"] = key
        if wanted := _words_of(row.id):
            words |= self._words(row, key, wanted)
        subject = key or "kong.conf"
        finding = row.finding(
            subject, severity=severity, location=location, evidence=origin, **words
        )
        return Difference(finding=finding, rule=row, key=key, origin=origin, setting=setting)

    def _words(self, row: KongConfRule, key: str, wanted: frozenset[str]) -> dict[str, str]:
        """What every rule may say about a key, as far as this one does."""
        given: dict[str, str] = {}
        if "old" in wanted or "new" in wanted:
            old, new = self.defaults(row.to or key)
            given |= {"old": old or "nothing", "new": new or "nothing"}
        if "in_2_8" in wanted or "pin" in wanted:
            given |= self._of_2_8(row, key)
        if "value" in wanted:
            given["value"] = self.shown(key, self.value(key))
        return given

    def _of_2_8(self, row: KongConfRule, key: str) -> dict[str, str]:
        """The default of 2.8 in words, and what restores it."""
        now, _ = self.defaults(key)
        earlier = self.earlier(key)
        if not earlier:
            pin = f"{key} = {now or row.pin or ''}".rstrip()
            return {"in_2_8": f"{_quoted(now)} in 2.8", "pin": f"`{pin}`"}
        before = ", ".join(f"{_quoted(e.default)} before {e.before}" for e in earlier)
        return {
            "in_2_8": f"{before}, then {_quoted(now)}",
            "pin": f"`{key}` to the default of the patch release in use",
        }

    def earlier(self, key: str) -> tuple[EarlierDefault, ...]:
        """Defaults of older patch releases, where nobody said which one is in use."""
        row = self.old.keys.keys.get(key)
        if row is None or self.current is not None or self.edition is Edition.OSS:
            return ()
        return row.earlier

    def rules(self) -> Iterator[KongConfRule]:
        """The rules for this edition and role, and for what the keys beside theirs are set to."""
        for row in _rules().values():
            of_edition = not row.editions or self.edition in row.editions
            of_role = not row.roles or self.role in row.roles
            if of_edition and of_role and self._applies(row):
                yield row

    def _applies(self, row: KongConfRule) -> bool:
        if_unknown, wanted, unwanted = row.if_unknown, row.when.items(), row.unless.items()
        if not all(self.has(key, values, if_unknown=if_unknown) for key, values in wanted):
            return False
        return not any(self.has(key, values, if_unknown=not if_unknown) for key, values in unwanted)

    @functools.cached_property
    def rules_by_key(self) -> Mapping[str, tuple[KongConfRule, ...]]:
        """The rules on each key that is set, whatever its value."""
        exact: dict[str, list[KongConfRule]] = {}
        beginnings: list[tuple[str, KongConfRule]] = []
        for row in self.rules():
            for key in row.keys if row.trigger is ConfTrigger.SET else ():
                if key.endswith("*"):
                    beginnings.append((key[:-1], row))
                else:
                    exact.setdefault(key, []).append(row)
        starts = tuple({start for start, _ in beginnings})
        found: dict[str, tuple[KongConfRule, ...]] = {}
        for key in self.set_keys:
            rows = exact.get(key, [])
            if key.startswith(starts):
                rows = [*rows, *(row for start, row in beginnings if key.startswith(start))]
            if rows:
                found[key] = tuple(rows)
        return found
