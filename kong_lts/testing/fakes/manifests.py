"""Objects of a Kubernetes cluster, in memory."""

import copy
from collections.abc import Iterator, Mapping

import attrs

from kong_lts.errors import ManifestsError
from kong_lts.protocols import Listed
from kong_lts.testing.simulation import World

__all__ = ["FakeManifests"]

_SECRET = "Secret"


@attrs.define(kw_only=True)
class FakeManifests:
    """A cluster that holds what it is given.

    Args:
        world: Where a fault strikes.
        there: Its objects; a Secret is never shown.
        forbidden: Kinds that may not be read.
    """

    world: World
    there: tuple[Mapping[str, object], ...] = attrs.field(default=(), repr=False)
    forbidden: frozenset[str] = frozenset()

    def objects(self, kind: str) -> Listed:
        return Listed(objects=tuple(self._of(kind, f"reading {kind} of Kubernetes")))

    def named(self, kind: str, namespace: str, name: str) -> Mapping[str, object] | None:
        found = self._of(kind, f"reading {kind} {namespace}/{name} of Kubernetes")
        return next((one for one in found if _key(one) == (namespace, name)), None)

    def _of(self, kind: str, doing: str) -> Iterator[Mapping[str, object]]:
        if kind == _SECRET:
            raise ManifestsError(doing, "this kind is not read")
        if kind in self.forbidden:
            raise ManifestsError(doing, "forbidden")
        found = self.world.look(
            doing, ManifestsError, lambda: [o for o in self.there if o.get("kind") == kind]
        )
        return iter(copy.deepcopy(found))


def _key(document: Mapping[str, object]) -> tuple[str, str]:
    metadata = document.get("metadata")
    found = metadata if isinstance(metadata, Mapping) else {}
    return str(found.get("namespace", "default")), str(found.get("name"))
