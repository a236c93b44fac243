"""Converts the files of one configuration together, as decK reads a folder."""

import functools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from kong_lts.declarative.convert import Conversion, convert
from kong_lts.declarative.settings import Surroundings
from kong_lts.deployment import DeploymentMode
from kong_lts.files import list_folder, read_bytes
from kong_lts.versions import Edition

__all__ = ["convert_all", "read_all"]

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def read_all(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """The declarative files of a folder by their paths, or one file by its own.

    Raises:
        UnreadableFileError: One of them cannot be read.
    """
    found = [one for one in list_folder(path) if one.suffix in _SUFFIXES]
    return {os.fspath(one): read_bytes(one) for one in found or [Path(path)]}


def convert_all(
    files: Mapping[str, bytes],
    *,
    mode: DeploymentMode | str | None = None,
    edition: Edition | str | None = None,
    router_flavor: str = "traditional_compatible",
    after_upgrade: bool = False,
    keep_behaviour: bool = False,
    verify: bool | None = None,
) -> dict[str, Conversion]:
    """Convert files that belong together: one may give the format or the shared configs of others.

    Args:
        files: By their paths, which the findings name.
        mode: As for `convert`, and so are all others.

    Raises:
        DeclarativeError: As `convert`; nothing is converted then.
    """
    one = functools.partial(
        convert,
        mode=mode,
        edition=edition,
        router_flavor=router_flavor,
        after_upgrade=after_upgrade,
        keep_behaviour=keep_behaviour,
        verify=verify,
    )
    found = {path: one(data, around=Surroundings(path=path)) for path, data in files.items()}
    version, users = _common_version(found.values()), _users(found.values())
    for path, conversion in found.items():
        late = conversion.version is None and version is not None
        if late or (users and b"_plugin_configs" in files[path]):
            around = Surroundings(path=path, version=version, config_users=users)
            found[path] = one(files[path], around=around)
    return found


def _common_version(conversions: Iterable[Conversion]) -> str | None:
    given = {conversion.version for conversion in conversions} - {None}
    return given.pop() if len(given) == 1 else None


def _users(conversions: Iterable[Conversion]) -> dict[str, frozenset[str]]:
    """Who refers to which shared config of another file."""
    found: dict[str, frozenset[str]] = {}
    for conversion in conversions:
        for reference, names in conversion.missing_configs.items():
            found[reference] = found.get(reference, frozenset()) | names
    return found
