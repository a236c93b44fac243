"""resolve(): the values of a kong.conf as a release would load them."""

from collections.abc import Callable

import attrs

from kong_lts.errors import ConfError
from kong_lts.kong_conf.cross_key import check
from kong_lts.kong_conf.derived import derive
from kong_lts.kong_conf.document import KongConf
from kong_lts.kong_conf.loading import Loaded, load
from kong_lts.kong_conf.named_files import named_files
from kong_lts.kong_conf.values import ConfValue
from kong_lts.versions import Edition, KongVersion, Release

__all__ = ["resolve", "resolved"]


def resolve(
    conf: KongConf,
    *,
    release: Release | str,
    edition: Edition | str,
    exists: Callable[[str], bool] | None = None,
) -> dict[str, ConfValue]:
    """The values of every key that a release knows, as it would load them.

    A template that nobody has filled in yet is read as it stands, and the user `kong` is taken not
    to exist.

    Args:
        release: `2.8` or `3.4`.
        edition: `oss` or `enterprise`; of Enterprise, the newest patch release.
        exists: Whether a path that the file names is there on the host, as `os.path.exists` says
            it; if None, all are taken to be.

    Returns:
        Numbers, texts, booleans and tuples of texts by key, None for unset.

    Raises:
        ConfError: The release would not start; the key and line of the first reason.
    """
    loaded = resolved(conf, Release(release), Edition(edition))
    missing = ((key, path) for key, path in loaded.files if exists is not None and not exists(path))
    refusals = (loaded.refusal(key, f"no file {loaded.shown(key, path)}") for key, path in missing)
    for refusal in (*loaded.refusals, *refusals):
        raise attrs.evolve(refusal)
    return dict(loaded.values)


def resolved(
    conf: KongConf,
    release: Release,
    edition: Edition,
    *,
    current: KongVersion | None = None,
    templates: bool = True,
) -> Loaded:
    """As `resolve`, with every reason to refuse beside the values."""
    asked = (resolved, release, edition, current, templates)
    return conf.remembered(asked, lambda: _loaded(conf, release, edition, current, templates))


def _loaded(
    conf: KongConf,
    release: Release,
    edition: Edition,
    current: KongVersion | None,
    templates: bool,
) -> Loaded:
    loaded = load(conf, release, edition, current=current, templates=templates)
    for section in conf.sections:
        if section.name is None:
            reason = "a line starts with [ and has no name and ]; Kong's parser crashes"
            loaded.refusals.insert(0, ConfError(reason, None, conf.path, section.line))
    check(loaded)
    loaded.files = named_files(loaded)
    derive(loaded)
    return loaded
