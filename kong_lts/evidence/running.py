"""Settings of a node, as far as they can be read here, and what it says of them while it runs."""

from collections.abc import Iterator, Mapping

import attrs

from kong_lts import kong_conf
from kong_lts.errors import ConfError, ConfValueError
from kong_lts.evidence.values import Evidence, Gap
from kong_lts.kong_conf import KongConf
from kong_lts.versions import Edition, Release

__all__ = ["Readable", "as_written", "readable", "settings_elsewhere"]

_MADE = "kong-default"
"""In the names of the certificates that a node makes for itself."""
_INJECTED = "nginx_"
"""Of these a node tells more than was set."""
_SYSTEM = "system"
"""The certificates that the system trusts, whose file a node looks for itself."""
_SHOWN = 10


@attrs.frozen(kw_only=True)
class Readable:
    """Settings as 2.8 reads them."""

    settings: Mapping[str, object] = attrs.field(repr=False)
    """The default in the place of each that is left out."""
    left_out: frozenset[str]
    """Keys with a value that cannot be read here, as a reference to a vault."""


def readable(conf: KongConf, edition: Edition) -> Readable:
    """A configuration, of which one value that cannot be read hides no other.

    Raises:
        ConfError: It is none at all.
    """
    left_out: set[str] = set()
    while True:
        try:
            settings = kong_conf.resolve(conf, release=Release.V2_8, edition=edition)
        except ConfValueError as exc:
            less = _without(conf, exc)
            if less is None:
                raise
            conf = less
            left_out.add(str(exc.key))
        else:
            return Readable(settings=settings, left_out=frozenset(left_out))


def _without(conf: KongConf, wrong: ConfValueError) -> KongConf | None:
    """The same without that value; None where it is not set."""
    name = f"KONG_{wrong.key}".upper()
    if name in conf.environ:
        rest = {key: value for key, value in conf.environ.items() if key != name}
        return kong_conf.parse(conf.text, environ=rest, path=conf.path)
    if wrong.line is None:
        return None
    lines = conf.text.split("\n")
    if not lines[wrong.line - 1].strip():
        return None
    lines[wrong.line - 1] = ""
    return kong_conf.parse("\n".join(lines), environ=conf.environ, path=conf.path)


def as_written(value: object) -> str | None:
    """A value as a kong.conf has it; None for what has no such form, or is masked."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        texts = [item for item in value if isinstance(item, str | int | float)]
        return ",".join(map(str, texts)) if texts and len(texts) == len(value) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value) if isinstance(value, str | int | float) else None
    return None if text is not None and text.strip("*") == "" else text


def settings_elsewhere(evidence: Evidence, edition: Edition) -> tuple[Gap, ...]:
    """A gap where `GET /` tells settings that no kong.conf and no variable explains.

    Variables may be set in a unit or an image, where `env` over a login shows none of them, and a
    file may have been changed since the node was started.
    """
    root = evidence.admin.get("/")
    said = root.get("configuration") if isinstance(root, Mapping) else None
    seen = list(_resolved(evidence, edition))
    if not isinstance(said, Mapping) or not seen:
        return ()
    keys = [key for key, value in said.items() if _is_elsewhere(str(key), value, seen)]
    if not keys:
        return ()
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    reason = (
        f"a node runs with other values of {', '.join(keys[:_SHOWN])}{more} than its kong.conf and"
        " the variables that env shows: they are set elsewhere, as in its unit, or were changed"
        " since its start; give them in environ"
    )
    return (Gap(source="settings of the nodes", reason=reason),)


def _resolved(evidence: Evidence, edition: Edition) -> Iterator[Readable]:
    """As 2.8 reads each that it does not refuse, which is told elsewhere."""
    for conf in evidence.configurations.values():
        try:
            yield readable(conf, edition)
        except ConfError:
            continue


def _is_elsewhere(key: str, value: object, seen: list[Readable]) -> bool:
    text = as_written(value)
    if not text or _MADE in text or key.startswith(_INJECTED) or key not in seen[0].settings:
        return False
    if any(key in one.left_out for one in seen):
        return False
    return not any(_explains(as_written(one.settings[key]) or "", text) for one in seen)


def _explains(written: str, text: str) -> bool:
    """Whether a node tells *text* of what is written; a path it tells from the root."""
    if written == text or _SYSTEM in written.split(","):
        return True
    pairs = list(zip(written.split(","), text.split(","), strict=False))
    return written.count(",") == text.count(",") and all(
        told == one or (told.startswith("/") and told.endswith(f"/{one.removeprefix('./')}"))
        for one, told in pairs
    )
