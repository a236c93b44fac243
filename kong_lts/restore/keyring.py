"""Bringing the keyring's keys into the memory of nodes."""

from collections.abc import Iterator

import attrs

from kong_lts.errors import StepFailedError
from kong_lts.events import Done, KeyringBackedUp, Past
from kong_lts.findings import Finding
from kong_lts.protocols import Adapters, Keyring
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["RestoreKeyring"]


@attrs.frozen
class _Known:
    """What is known of the keys that were exported."""

    ids: tuple[str, ...] = ()
    active: str | None = None


@attrs.frozen(kw_only=True)
class RestoreKeyring(PlannedStep):
    """Import the exported keys, and look that all are there and the same one is active as before.

    No key is ever generated: that would hide that the old ones are missing.

    Source:
        guide, Keyring materials backup: "separately back up and restore keyring materials".
    """

    path: str
    """The export."""
    backed_up_by: str | None = None
    """Id of the step that exported it: says which keys there were, and which was active."""
    folder: str | None = None
    """The whole backup, whose manifest says the same where that step is of another run."""
    recovery_key: str | None = None
    """Reference of the recovery key, `file:PATH` or `env:NAME`, for keys that the export lacks."""

    needs_of_side = ("keyring", "database")

    @property
    def needs(self) -> tuple[str, ...]:
        """The backup too, where its manifest is asked."""
        return (*super().needs, *(("backups",) if self.folder is not None else ()))

    @property
    def title(self) -> str:
        """What it does."""
        return f"Import the keyring of {self.path} into the {self.side} cluster"

    def run(self, adapters: Adapters, past: Past) -> Done:
        """Import what is missing; recover what the export lacks; activate the key that was active.

        Raises:
            StepFailedError: Only a part of the keys could be recovered.
        """
        keyring, known = self._keyring(adapters), self._known(adapters, past)
        if self._missing(adapters, known):
            keyring.load(self.path)
        if self._missing(adapters, known) and self.recovery_key is not None:
            self._recover(keyring, self.recovery_key)
        keys = keyring.keys()
        if known.active is not None and known.active in keys.ids and keys.active != known.active:
            keyring.activate(known.active)
        return Done(note=", ".join(keys.ids))

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every key in use, and every one of the export, is there; the right one is active."""
        known, keys = self._known(adapters, past), self._keyring(adapters).keys()
        if missing := self._missing(adapters, known):
            yield self.obstacle(
                "keyring-key-missing",
                f"The database holds values encrypted with {', '.join(missing)}, or the export had"
                " these keys, and the keyring does not have them.",
                "Find the export or the recovery key that has them; generate no key before.",
            )
        if keys.ids and keys.active is None:
            yield self.obstacle(
                "keyring-key-not-active",
                "No key is active: nothing that is to be encrypted can be written.",
                "Activate the key that was active before: POST /keyring/activate.",
            )
        elif known.active is not None and keys.active != known.active:
            yield self.obstacle(
                "keyring-key-not-active",
                f"Key {keys.active} is active, and it was {known.active} when the keyring was"
                " exported: what is written now needs a key that no backup has.",
                f"Activate {known.active}: POST /keyring/activate.",
            )

    def _known(self, adapters: Adapters, past: Past) -> _Known:
        """By the step that exported the keys, else by the manifest; every file of it is proved."""
        if done := own_outcome(past, self.backed_up_by or "", KeyringBackedUp):
            return _Known(done.ids, done.active)
        if self.folder is None:
            return _Known()
        manifest = present(adapters.backups, "backups", self.id).inspect(self.folder)
        return _Known(manifest.keyring_ids, manifest.keyring_active)

    def _keyring(self, adapters: Adapters) -> Keyring:
        return present(self.cluster(adapters).keyring, "keyring", self.id)

    def _missing(self, adapters: Adapters, known: _Known) -> list[str]:
        """Keys in use, or of the export, that the keyring lacks; any where nothing is known."""
        database = present(self.cluster(adapters).database, "database", self.id)
        wanted = {*database.facts().keyring_ids, *known.ids}
        held = set(self._keyring(adapters).keys().ids)
        return sorted(wanted - held) if held or wanted else ["any key"]

    def _recover(self, keyring: Keyring, key: str) -> None:
        if closed := keyring.recover(key).not_recovered:
            raise StepFailedError(
                self.id,
                f"the recovery key does not open {', '.join(closed)}.",
                "A part is a failure: values encrypted with these keys stay unreadable. Use the"
                " recovery key that was in force when they were made.",
            )
