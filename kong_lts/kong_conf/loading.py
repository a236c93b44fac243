"""Load a kong.conf as one release does: merge, aliases, vaults, types; nothing is refused yet."""

import re
from collections.abc import Iterator, Mapping

import attrs

from kong_lts import catalog
from kong_lts.catalog.rows import ConfKey, ConfKeys
from kong_lts.errors import ConfError, ConfValueError
from kong_lts.kong_conf.document import KongConf
from kong_lts.kong_conf.injected import NotADurationError, fan_out, fill_in, is_injected
from kong_lts.kong_conf.lua import to_text
from kong_lts.kong_conf.values import (
    ConfValue,
    NotOfTypeError,
    Raw,
    from_environment,
    from_file,
    shortened,
    stripped,
    typed,
)
from kong_lts.kong_conf.vaults import (
    is_reference,
    may_be_reference,
    opens_environment,
    resolve_reference,
)
from kong_lts.versions import Edition, KongVersion, Release

__all__ = ["Loaded", "default_of", "is_secret", "load", "variable"]

_VARIABLE = "KONG_"
_SECRET = re.compile("password|secret|token|cert_key|private_key|signing_key")
_VAULT_PREFIX = "vault_env_prefix"
_VAULTS = "vaults"


@attrs.define(kw_only=True)
class Loaded:
    """A configuration on its way into Kong."""

    conf: KongConf
    release: Release
    edition: Edition
    keys: ConfKeys = attrs.field(repr=False)
    user: dict[str, Raw] = attrs.field(repr=False)
    """What the file and the environment set, aliases included."""
    values: dict[str, ConfValue] = attrs.field(factory=dict, repr=False)
    """Every key that the release knows, typed."""
    refusals: list[ConfError] = attrs.field(factory=list)
    """Why it would not load, all reasons."""
    files: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    """Keys and paths that it looks for."""
    unknown: set[str] = attrs.field(factory=set)
    """Keys whose value nobody knows: a template, or a secret of a vault."""
    literally: bool = True
    """Whether a template counts as what it says, and an unresolved reference as a mistake."""

    def refuse(self, key: str, reason: str) -> None:
        """Note why the release would not start with this key, unless nobody knows its value."""
        key = self._given_by(key)
        if key not in self.unknown:
            self.refusals.append(self.refusal(key, reason))

    def refusal(self, key: str, reason: str) -> ConfError:
        """A reason not to start, with the place of the key."""
        setting = self.conf.by_key.get(key)
        from_variable = variable(key) in self.conf.environ
        line = None if from_variable or setting is None else setting.line
        path = f"environment variable {variable(key)}" if from_variable else self.conf.path
        text = f"{shortened(reason)} ({self.release})"
        return ConfValueError(text, key, path, line)

    def _given_by(self, key: str) -> str:
        """The key that the value was written for: itself, or another name of it that is set."""
        others = (old for old, new in self.keys.aliases.items() if new == key)
        fanned = (old for old, news in self.keys.fan_out.items() if key in news)
        return next((name for name in (key, *others, *fanned) if self._is_set(name)), key)

    def _is_set(self, key: str) -> bool:
        return key in self.conf.by_key or variable(key) in self.conf.environ

    def shown(self, key: str, value: object) -> str:
        """A value for a message, unless it may be a secret."""
        return "its value" if is_secret(key, self.keys) else shortened(repr(value))


def variable(key: str) -> str:
    """The environment variable that beats a key of the file."""
    return _VARIABLE + key.upper()


def is_secret(key: str, keys: ConfKeys) -> bool:
    """Whether the value of a key must not be shown."""
    row = keys.keys.get(key)
    return (row is not None and row.secret) or bool(_SECRET.search(key))


def load(
    conf: KongConf,
    release: Release,
    edition: Edition,
    *,
    current: KongVersion | None = None,
    templates: bool = True,
) -> Loaded:
    """What a release makes of a file and an environment.

    Args:
        current: Patch release whose defaults count, the newest if None.
        templates: Take what a template says for its value, as Kong would; else its keys are
            unknown.
    """
    keys = catalog.conf_keys(release)
    unknown = set() if templates else {*conf.remembered((_templates,), lambda: _templates(conf))}
    file = {
        key: from_file(setting.raw, release)
        for key, setting in conf.by_key.items()
        if key not in unknown
    }
    fan_out(file, keys)
    dynamic = _dynamic(conf, file, keys, edition)
    loaded = Loaded(
        conf=conf,
        release=release,
        edition=edition,
        keys=keys,
        user=dict(_merged(conf, file, dynamic, release, edition)),
        unknown=unknown,
        literally=templates,
    )
    _fill_in(loaded)
    raw = _with_defaults(loaded.user, dynamic, keys, edition, current)
    _dereference(loaded, raw)
    _type_all(loaded, raw)
    return loaded


def _fill_in(loaded: Loaded) -> None:
    try:
        fill_in(loaded.user, loaded.keys, loaded.release)
    except NotADurationError as exc:
        key = str(exc)
        shown = loaded.shown(key, loaded.user[key])
        loaded.refuse(key, f"{shown} is no duration of nginx, as 90s or 2m")


def _dynamic(conf: KongConf, file: Mapping[str, Raw], keys: ConfKeys, edition: Edition) -> set[str]:
    """Keys of the file and the environment that need no row."""
    start = _VARIABLE.lower()
    lowered = (name.lower() for name in conf.environ)
    named = {name[len(start) :] for name in lowered if name.startswith(start)}
    dynamic = {key for key in {*file, *named} if is_injected(key, keys, edition)}
    return dynamic.union(*(keys.fan_out[key] for key in named if key in keys.fan_out))


def _type_all(loaded: Loaded, raw: Mapping[str, Raw]) -> None:
    edition, keys = loaded.edition, loaded.keys.keys
    for key, value in raw.items():
        row = keys.get(key)
        known = row if row and edition in row.defaults else None
        try:
            loaded.values[key] = typed(value, known, edition, loaded.release)
        except NotOfTypeError as exc:
            loaded.values[key] = None
            secret = is_secret(key, loaded.keys)
            loaded.refuse(key, "its value is not of the key's type" if secret else str(exc))


def _templates(conf: KongConf) -> tuple[str, ...]:
    """Keys whose value nobody knows yet."""
    keys = [setting.key for setting in conf.by_key.values() if setting.is_template]
    return tuple(key for key in (*keys, *conf.alternatives) if variable(key) not in conf.environ)


def _merged(
    conf: KongConf, file: Mapping[str, Raw], dynamic: set[str], release: Release, edition: Edition
) -> Iterator[tuple[str, Raw]]:
    """Each key that the release looks at with what the file or, before it, a variable says."""
    keys = catalog.conf_keys(release).keys
    known = dynamic | {key for key in file if key in keys and edition in keys[key].defaults}
    known |= {
        key
        for name in conf.environ
        if name.startswith(_VARIABLE)
        and (key := name[len(_VARIABLE) :].lower()) in keys
        and edition in keys[key].defaults
        and variable(key) == name
    }
    for key in known:
        value = file.get(key)
        if value is not None and key in dynamic and not isinstance(value, str):
            value = to_text(value)
        set_outside = conf.environ.get(variable(key))
        if set_outside is not None:
            value = from_environment(set_outside, release)
        if value is not None:
            yield key, value


def _with_defaults(
    user: Mapping[str, Raw],
    dynamic: set[str],
    keys: ConfKeys,
    edition: Edition,
    current: KongVersion | None,
) -> dict[str, Raw]:
    """All keys; a namespace's key that only a variable in lower case names becomes a true value."""
    raw: dict[str, Raw] = dict.fromkeys(dynamic, True)
    for key, row in keys.keys.items():
        if edition in row.defaults:
            raw[key] = default_of(row, edition, current) or ""
    fan_out(raw, keys)
    raw.update({key: value for key, value in user.items() if key in raw})
    return raw


def default_of(row: ConfKey, edition: Edition, current: KongVersion | None = None) -> str | None:
    """The default of a key, in an earlier patch release of Enterprise if need be."""
    if current is not None and edition is Edition.ENTERPRISE:
        for earlier in row.earlier:
            if current < KongVersion.parse(earlier.before):
                return earlier.default
    return row.defaults.get(edition)


def _dereference(loaded: Loaded, raw: dict[str, Raw]) -> None:
    """Put secrets in the place of references; 2.8 refuses one that it cannot resolve."""
    environ, release = loaded.conf.environ, loaded.release
    is_old = release is Release.V2_8
    prefix = "" if is_old else str(stripped(raw.get(_VAULT_PREFIX, ""), release))
    opens = opens_environment(stripped(raw.get(_VAULTS, ""), release), release)
    for key, value in raw.items():
        if not may_be_reference(value):
            continue
        reference = value if is_old else stripped(value, release)
        if not is_reference(reference):
            continue
        secret = resolve_reference(str(reference), environ, prefix=prefix) if opens else None
        if secret is not None:
            raw[key] = secret
        elif not loaded.literally:
            loaded.unknown.add(key)
        elif is_old:
            loaded.refuse(key, "the vault reference cannot be resolved from this environment")
