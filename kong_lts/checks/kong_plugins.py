"""The config of a KongPlugin, of which a Secret may hold a part or all."""

from collections.abc import Iterable, Mapping

from kong_lts.checks.manifests import Manifest, mapping, text_of
from kong_lts.serialization import loose_documents

__all__ = ["PLUGINS", "Secrets", "config_of", "secrets_of"]

PLUGINS = ("KongPlugin", "KongClusterPlugin")
Secrets = Mapping[tuple[str, str, str], str]
"""What secrets say, by namespace, name and key."""


def secrets_of(manifests: Iterable[Manifest]) -> Secrets:
    """The texts of every Secret among them."""
    return {
        (text_of(manifest.metadata.get("namespace")), manifest.name, key): text
        for manifest in manifests
        if manifest.kind == "Secret"
        for key, text in manifest.texts
    }


def config_of(manifest: Manifest, secrets: Secrets) -> Mapping[str, object]:
    """The `config` of a plugin, or what its `configFrom` refers to where that Secret is known."""
    config = mapping(manifest.document.get("config"))
    reference = mapping(mapping(manifest.document.get("configFrom")).get("secretKeyRef"))
    if config or not reference:
        return config
    space = text_of(reference.get("namespace")) or text_of(manifest.metadata.get("namespace"))
    text = secrets.get((space, text_of(reference.get("name")), text_of(reference.get("key"))), "")
    return next((mapping(document) for _, document in loose_documents(text)), {})
