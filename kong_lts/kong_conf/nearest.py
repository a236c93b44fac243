"""Which known key was meant by one that no release knows."""

import difflib
import re

import attrs

from kong_lts.kong_conf.comparison import Comparison

__all__ = ["Nearest"]

_AT_MOST = 25
"""So many keys are compared with all others; a file with more of them is no kong.conf."""
_ALIKE = 0.82
_LENGTH = 3
_FIRST_WORD = re.compile(r"nginx_[a-z0-9]*_")


@attrs.define
class Nearest:
    """Finds names that are alike, with bounded effort."""

    comparison: Comparison
    _asked: int = 0

    def hint(self, key: str) -> str:
        """The end of a sentence that names the key that may be meant, empty if there is none."""
        rows = self.comparison.new.keys.keys
        if key in rows or key in self.comparison.old.keys.keys:
            return "; it is a key of Enterprise" if self.comparison.edition == "oss" else ""
        if key.lower() in rows:
            return f"; `{key.lower()}` is one, and capitals count"
        found = self._directive(key) or self._alike(key)
        return f"; `{found}` is one" if found else ""

    def _directive(self, key: str) -> str | None:
        """`nginx_worker_connections` is a directive without its block."""
        if not key.startswith("nginx_"):
            return None
        rest = key.removeprefix("nginx_")
        for tail in (rest, _FIRST_WORD.sub("", key)):
            for known in self.comparison.new.keys.keys:
                if known.startswith("nginx_") and known.endswith("_" + tail):
                    return known
        return None

    def _alike(self, key: str) -> str | None:
        self._asked += 1
        if self._asked > _AT_MOST or len(key) > 64:
            return None
        rows = self.comparison.new.keys.keys
        close = [known for known in rows if abs(len(known) - len(key)) <= _LENGTH]
        return next(iter(difflib.get_close_matches(key, close, n=1, cutoff=_ALIKE)), None)
