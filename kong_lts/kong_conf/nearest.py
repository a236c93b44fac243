"""Which known key was meant by one that no release knows."""

import difflib
import functools
import re
from collections.abc import Mapping

import attrs

from kong_lts.catalog.rows import ConfKey
from kong_lts.kong_conf.comparison import Comparison

__all__ = ["Nearest"]

_AT_MOST = 12
"""So many keys are compared with all others; a file with more of them is no kong.conf."""
_ALIKE = 0.82
_LENGTH = 3
_NGINX = "nginx_"
_FIRST_WORD = re.compile(r"nginx_[a-z0-9]*_")


@attrs.define
class Nearest:
    """Finds names that are alike, with bounded effort."""

    comparison: Comparison
    _asked: int = 0

    def hint(self, key: str) -> str:
        """The end of a sentence that names the key that may be meant, empty if there is none."""
        if key in self.comparison.new.keys.keys or key in self.comparison.old.keys.keys:
            return "; it is a key of Enterprise" if self.comparison.edition == "oss" else ""
        lowered = key.lower()
        if lowered in self._rows:
            return f"; `{lowered}` is one, and capitals count"
        without_prefix = lowered.removeprefix("kong_")
        if without_prefix in self._rows:
            return f"; `{without_prefix}` is one, and in a file nothing stands before it"
        found = self._directive(key) or self._alike(key)
        return f"; `{found}` is one" if found else ""

    @functools.cached_property
    def _rows(self) -> Mapping[str, ConfKey]:
        """The keys of 3.4 in this edition."""
        edition = self.comparison.edition
        rows = self.comparison.new.keys.keys.items()
        return {key: row for key, row in rows if edition in row.defaults}

    @functools.cached_property
    def _directives(self) -> dict[str, str]:
        """The keys of directives of nginx, by their end, without `nginx_` and without a block."""
        found: dict[str, str] = {}
        for key in self._rows:
            if key.startswith(_NGINX):
                found.setdefault(_FIRST_WORD.sub("", key), key)
                found.setdefault(key.removeprefix(_NGINX), key)
        return found

    def _directive(self, key: str) -> str | None:
        """`nginx_worker_connections` is a directive without its block."""
        tails = (key.removeprefix(_NGINX), _FIRST_WORD.sub("", key))
        return next((self._directives[tail] for tail in tails if tail in self._directives), None)

    def _alike(self, key: str) -> str | None:
        self._asked += 1
        if self._asked > _AT_MOST or len(key) > 64:
            return None
        close = [known for known in self._rows if abs(len(known) - len(key)) <= _LENGTH]
        return next(iter(difflib.get_close_matches(key, close, n=1, cutoff=_ALIKE)), None)
