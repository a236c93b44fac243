"""Backing up the keyring's keys, without which encrypted values are lost for ever."""

from collections.abc import Iterator

import attrs

from kong_lts.events import KeyringBackedUp, Past
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["BackUpKeyring"]


@attrs.frozen(kw_only=True)
class BackUpKeyring(PlannedStep):
    """Export the keyring, and hold its keys against those that the database uses.

    The export is encrypted by the keyring's public key; both RSA keys belong to the files of the
    nodes.

    Source:
        guide, Keyring materials backup: "you will permanently lose access".
    """

    path: str
    """A new file."""

    needs_of_side = ("keyring", "database")
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Export the keyring of the {self.side} cluster to {self.path}"

    def run(self, adapters: Adapters, past: Past) -> KeyringBackedUp:
        """Export, anew where an earlier attempt was interrupted."""
        keyring = present(self.cluster(adapters).keyring, "keyring", self.id)
        present(adapters.backups, "backups", self.id).prepare(self.path)
        active = keyring.keys().active
        return KeyringBackedUp(path=self.path, ids=keyring.export(self.path), active=active)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every key in use is in the export."""
        done = own_outcome(past, self.id, KeyringBackedUp)
        if done is None:
            yield self.obstacle(
                "keyring-not-backed-up", "Nobody knows which keys were exported.", "Run this again."
            )
            return
        if not present(adapters.backups, "backups", self.id).holds(self.path):
            yield self.obstacle(
                "keyring-not-backed-up", f"There is no export at {self.path}.", "Run this again."
            )
        used = present(self.cluster(adapters).database, "database", self.id).facts().keyring_ids
        if missing := sorted(set(used) - set(done.ids)):
            yield self.obstacle(
                "keyring-key-missing",
                f"The database holds values encrypted with {', '.join(missing)}, and the export"
                " does not have these keys.",
                "Import them into the keyring of the current cluster; without them these values"
                " are lost.",
            )
        if not done.ids:
            yield self.obstacle(
                "keyring-empty",
                "The keyring holds no key.",
                "Is it the right Admin API, and is the keyring on?",
            )
