"""The keyring of a simulated cluster."""

import attrs

from kong_lts.deployment import Side
from kong_lts.errors import KeyringError
from kong_lts.protocols import KeyringKeys, Recovered
from kong_lts.testing.simulation import SimulatedKeyring, World

__all__ = ["FakeKeyring"]


@attrs.define
class FakeKeyring:
    """The keyring of a simulated cluster."""

    world: World
    side: Side

    def keys(self) -> KeyringKeys:
        def seen() -> KeyringKeys:
            self._answers("read the keyring")
            return KeyringKeys(ids=self._keyring.ids, active=self._keyring.active)

        return self.world.look("read the keyring", KeyringError, seen)

    def export(self, path: str) -> tuple[str, ...]:
        doing = f"export the keyring to {path}"
        self._answers(doing)
        if path in self.world.keyring_exports:
            raise KeyringError(doing, "the file is there")
        ids = self._keyring.ids

        def effect() -> None:
            self.world.keyring_exports[path] = ids

        self.world.act(doing, KeyringError, effect)
        return ids

    def load(self, path: str) -> None:
        doing = f"import the keyring from {path}"
        self._answers(doing)
        if path not in self.world.keyring_exports:
            raise KeyringError(doing, "there is no such file")
        self.world.act(doing, KeyringError, lambda: self._add(self.world.keyring_exports[path]))

    def recover(self, private_key: str) -> Recovered:
        doing = "recover the keyring"
        self._answers(doing)
        all_ids = self.world.current.keyring.ids
        closed = tuple(i for i in all_ids if i in self._keyring.unrecoverable)
        opened = tuple(i for i in all_ids if i not in closed)
        self.world.act(doing, KeyringError, lambda: self._add(opened))
        return Recovered(recovered=opened, not_recovered=closed)

    def activate(self, key_id: str) -> None:
        doing = f"activate key {key_id}"
        self._answers(doing)
        if key_id not in self._keyring.ids:
            raise KeyringError(doing, "there is no such key")

        def effect() -> None:
            self._keyring.active = key_id

        self.world.act(doing, KeyringError, effect)

    @property
    def _keyring(self) -> SimulatedKeyring:
        return self.world.cluster(self.side).keyring

    def _add(self, ids: tuple[str, ...]) -> None:
        self._keyring.ids = tuple(sorted({*self._keyring.ids, *ids}))

    def _answers(self, doing: str) -> None:
        if not any(self.world.cluster(self.side).running.values()):
            raise KeyringError(doing, "connection refused")
