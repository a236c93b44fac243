"""Manifests: what a Kubernetes cluster holds, as far as an assessment reads it."""

from collections.abc import Mapping
from typing import Protocol

from kong_lts.protocols.values import Listed

__all__ = ["Manifests"]


class Manifests(Protocol):
    """Objects of a Kubernetes cluster, read and never changed; Secrets are not asked for."""

    def objects(self, kind: str) -> Listed:
        """Every object of a kind, in the namespaces that count; none where there is no such kind.

        Of `Namespace` those that count by name, and of each that is not there, that it is not: the
        list of another kind is empty in it, as if all were well.

        Args:
            kind: As in "Ingress" or "KongPlugin".

        Raises:
            ManifestsError: None can be read: it names the kind.
        """

    def named(self, kind: str, namespace: str, name: str) -> Mapping[str, object] | None:
        """One object; None where there is none of that name.

        Raises:
            ManifestsError: It may not be read, or nobody answers: it names the kind.
        """
