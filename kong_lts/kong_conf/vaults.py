"""References to a vault in a kong.conf, as `{vault://env/db-password}`."""

import json
from collections.abc import Mapping

from kong_lts.kong_conf.lua import to_number
from kong_lts.kong_conf.statements import BLANKS
from kong_lts.kong_conf.values import ConfValue, Raw, split_list
from kong_lts.versions import Release

__all__ = [
    "allows",
    "asks_environment",
    "is_reference",
    "may_be_reference",
    "opens_environment",
    "resolve_reference",
]

_START = "{vault://"
_END = "}"
_ENVIRONMENT = "env"
_BUNDLED = "bundled"
_OFF = "off"
_PREVIOUS = "_PREVIOUS"
"""What the name of a variable ends in that holds the version before."""


def is_reference(value: Raw) -> bool:
    """Whether a value is one reference and nothing else."""
    return isinstance(value, str) and value.startswith(_START) and value.endswith(_END)


def may_be_reference(value: Raw) -> bool:
    """Whether a value holds one anywhere, which is quick to see."""
    return isinstance(value, str) and _START in value


def asks_environment(value: Raw) -> bool:
    """Whether a value is a reference to a variable."""
    return is_reference(value) and str(value).startswith(f"{_START}{_ENVIRONMENT}/")


def resolve_reference(
    reference: str, environ: Mapping[str, str], *, prefix: str = ""
) -> str | None:
    """The secret, None where this environment does not hold it, or another vault would.

    Args:
        reference: As `is_reference` takes it.
        prefix: What the names of the variables start with.
    """
    address, has_version, version = reference[len(_START) : -len(_END)].partition("#")
    path, _, options = address.partition("?")
    vault, *parts = [part for part in path.partition(";")[0].split("/") if part] or [""]
    if vault != _ENVIRONMENT or not parts or (has_version and to_number(version) is None):
        return None
    for option in options.split("&"):
        if option.startswith("prefix="):
            prefix = option.partition("=")[2]
    name = prefix + ("/".join(parts[:-1]) or parts[0])
    variable = name.upper().replace("-", "_") + (_PREVIOUS if version.strip() == "2" else "")
    secret = environ.get(variable)
    return _field(secret, parts[-1]) if secret is not None and len(parts) > 1 else secret


def _field(secret: str, field: str) -> str | None:
    """One text of a secret that is a JSON object."""
    try:
        document = json.loads(secret)
    except (ValueError, RecursionError):
        return None
    found = document.get(field) if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def opens_environment(vaults: ConfValue, release: Release) -> bool:
    """Whether the key `vaults` lets Kong read its environment; 2.8 does not ask."""
    if release is Release.V2_8:
        return True
    names = vaults if isinstance(vaults, tuple) else split_list(str(vaults or "").strip(BLANKS))
    return bool(names) and names[0] != _OFF and bool({_ENVIRONMENT, _BUNDLED} & set(names))


def allows(reference: str, vaults: ConfValue) -> bool:
    """Whether the key `vaults` lets 3.4 ask the vault of a reference."""
    names = vaults if isinstance(vaults, tuple) else ()
    vault = reference[len(_START) : -len(_END)].partition("/")[0]
    if not names or names[0] == _OFF:
        return False
    return vault in names or _BUNDLED in names
