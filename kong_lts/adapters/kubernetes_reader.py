"""KubernetesReader: what one API server has, by GET alone, within one time."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from kong_lts.adapters.kubernetes_client import (
    Answered,
    Document,
    KubernetesClient,
    part,
    parts,
)
from kong_lts.errors import ManifestsError
from kong_lts.protocols import Clock

__all__ = ["KubernetesReader", "Read"]

_PAGE = 500
"""Objects in one answer; `kubectl` asks for as many."""
_MOST = 100_000
"""Objects of one kind; a list that goes on beyond is left."""
_BUSY = (429, 503, 504)
_TRIES = 10
_SHORTEST_S = 0.1
_WAIT_S = 1.0
_LONGEST_WAIT_S = 10.0
_ANEW = 3
"""So many times a list is begun; each time the server forgot where it was."""
_FORBIDDEN, _NOT_FOUND, _GONE = 403, 404, 410


@attrs.frozen(kw_only=True)
class Read:
    """What was read of one list."""

    objects: tuple[Document, ...] = attrs.field(default=(), repr=False)
    """All of them, or those up to the problem."""
    problem: ManifestsError | None = None
    """Why there may be more."""
    status: int = 200
    """That of the last answer; 0 where none came."""

    @property
    def is_missing(self) -> bool:
        """Whether there is no such list."""
        return self.status == _NOT_FOUND

    @property
    def is_forbidden(self) -> bool:
        """Whether the account may not read it."""
        return self.status == _FORBIDDEN


@attrs.frozen(kw_only=True)
class KubernetesReader:
    """Asks again where the server is busy, and ends in time.

    Args:
        client: Asks once.
        clock: Whose time passes.
        end: No request begins after that.
        page: Objects in one answer.
    """

    client: KubernetesClient
    clock: Clock
    end: datetime
    page: int = _PAGE

    def one(self, path: str, doing: str) -> Answered:
        """What is at a path, whatever the answer.

        Raises:
            ManifestsError: No answer came.
        """
        return self._ask(path, doing, {})

    def list(self, path: str, doing: str) -> Read:
        """A list, page by page; begun anew where it has changed too much since its first page.

        Source:
            kubernetes.io, "API concepts", "Retrieving large results sets in chunks".
        """
        for _ in range(_ANEW):
            read = self._pages(path, doing)
            if read.status != _GONE:
                return read
        return read

    def has(self, version: str, plural: str) -> bool:
        """Whether the server has a kind, as far as it tells; every account may ask it that.

        An account that may not read a kind is refused before the server looks whether there is one.
        """
        try:
            answer = self._ask(f"/apis/{version}", "asking Kubernetes for its kinds", {})
        except ManifestsError:
            return True
        if answer.refusal or answer.document is None:
            return answer.status != _NOT_FOUND
        return any(one.get("name") == plural for one in parts(answer.document, "resources"))

    def _pages(self, path: str, doing: str) -> Read:
        found: list[Document] = []
        params = {"limit": str(self.page)}
        while True:
            try:
                answer = self._ask(path, doing, params)
            except ManifestsError as exc:
                return Read(objects=tuple(found), problem=exc, status=0)
            if answer.is_too_long and params["limit"] != "1":
                params["limit"] = str(int(params["limit"]) // 10 or 1)
                continue
            if answer.refusal or answer.document is None:
                problem = ManifestsError(doing, answer.refusal)
                return Read(objects=tuple(found), problem=problem, status=answer.status)
            found += _lean(parts(answer.document, "items"))
            following = part(answer.document, "metadata").get("continue")
            if not isinstance(following, str) or not following:
                return Read(objects=tuple(found))
            if self._left_s <= 0 or len(found) > _MOST:
                why = f"{len(found)} were read within {self.client.timeout_s:g} s"
                problem = ManifestsError(doing, f"{why}, and there are more; give it more time")
                return Read(objects=tuple(found), problem=problem)
            params["continue"] = following

    def _ask(self, path: str, doing: str, params: Mapping[str, str]) -> Answered:
        tries = _TRIES
        while True:
            if (left_s := self._left_s) <= 0:
                why = f"{self.client.timeout_s:g} s were over before it was asked"
                raise ManifestsError(doing, f"{why}; give it more time")
            limit_s = min(self.client.timeout_s, max(_SHORTEST_S, left_s))
            client = attrs.evolve(self.client, timeout_s=limit_s)
            answer = client.ask("GET", path, doing, params=params)
            wait_s = answer.retry_after_s if answer.retry_after_s is not None else _WAIT_S
            tries -= 1
            if answer.status not in _BUSY or not tries or wait_s > _LONGEST_WAIT_S:
                return answer
            if wait_s >= self._left_s:
                return answer
            self.clock.sleep(wait_s)

    @property
    def _left_s(self) -> float:
        return (self.end - self.clock.now()).total_seconds()


def _lean(items: Iterable[Document]) -> Iterable[Document]:
    """Without the notes on who set which field, which can be half of an object."""
    for item in items:
        part(item, "metadata").pop("managedFields", None)
        yield item
