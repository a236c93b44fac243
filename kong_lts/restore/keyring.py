"""Bringing the keyring's keys into the memory of nodes."""

from collections.abc import Iterator

import attrs

from kong_lts.errors import StepFailedError
from kong_lts.events import Done, KeyringBackedUp, Past
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, Keyring
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["RestoreKeyring"]


@attrs.frozen(kw_only=True)
class RestoreKeyring(PlannedStep):
    """Import the exported keys, and look that every key in use is there; none is ever generated.

    Source:
        guide, Keyring materials backup: "separately back up and restore keyring materials".
    """

    path: str
    """The export."""
    backed_up_by: str | None = None
    """Id of the step that exported it: says which key was active."""
    recovery_key: str | None = None
    """Reference of the recovery key, `file:PATH` or `env:NAME`, for keys that the export lacks."""

    needs_of_side = ("keyring", "database")

    @property
    def title(self) -> str:
        """What it does."""
        return f"Import the keyring of {self.path} into the {self.side} cluster"

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Import what is missing; recover what the export lacks; activate the key that was active.

        Raises:
            StepFailedError: Only a part of the keys could be recovered.
        """
        keyring = present(self.cluster(adapters).keyring, "keyring", self.id)
        if self._missing(adapters):
            keyring.load(self.path)
        if self._missing(adapters) and self.recovery_key is not None:
            self._recover(keyring, self.recovery_key)
        self._activate(keyring, own_outcome(past, self.backed_up_by or "", KeyringBackedUp))
        return Done(note=", ".join(keyring.keys().ids))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every key in use is there, and one is active."""
        if missing := self._missing(adapters):
            yield self.obstacle(
                "keyring-key-missing",
                f"The database holds values encrypted with {', '.join(missing)}, and the keyring"
                " does not have these keys.",
                "Find the export or the recovery key that has them; generate no key before.",
            )
        keys = present(self.cluster(adapters).keyring, "keyring", self.id).keys()
        if keys.ids and keys.active is None:
            yield self.obstacle(
                "keyring-key-not-active",
                "No key is active: nothing that is to be encrypted can be written.",
                "Activate the key that was active before: POST /keyring/activate.",
            )

    def _missing(self, adapters: Adapters) -> list[str]:
        """Keys in use that the keyring does not hold; all of the export's where none is in use."""
        cluster = self.cluster(adapters)
        used = set(present(cluster.database, "database", self.id).facts().keyring_ids)
        held = set(present(cluster.keyring, "keyring", self.id).keys().ids)
        return sorted(used - held) if held or used else ["any key"]

    def _recover(self, keyring: Keyring, key: str) -> None:
        if closed := keyring.recover(key).not_recovered:
            raise StepFailedError(
                self.id,
                f"the recovery key does not open {', '.join(closed)}.",
                "A part is a failure: values encrypted with these keys stay unreadable. Use the"
                " recovery key that was in force when they were made.",
            )

    def _activate(self, keyring: Keyring, backup: KeyringBackedUp | None) -> None:
        """A recovery leaves no key active; an import may."""
        keys = keyring.keys()
        if keys.active is None and backup is not None and backup.active in keys.ids:
            keyring.activate(backup.active)
