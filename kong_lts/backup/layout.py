"""Where each part of a backup is."""

import attrs

from kong_lts.manifest import BackupMethod

__all__ = ["BackupLayout"]


@attrs.frozen
class BackupLayout:
    """Where each part of a backup is in its folder."""

    folder: str
    """Of the backup."""

    @property
    def unfinished(self) -> "BackupLayout":
        """The same until the backup is complete."""
        return BackupLayout(f"{self.folder}.unfinished")

    @property
    def database(self) -> str:
        """A folder: the dump, with a manifest of its own."""
        return f"{self.folder}/database"

    @property
    def declarative(self) -> str:
        """A folder: decK's state files."""
        return f"{self.folder}/declarative"

    @property
    def state_dump(self) -> str:
        """A file: what is in the state files."""
        return f"{self.folder}/declarative.json"

    @property
    def keyring(self) -> str:
        """A file: the keyring's export."""
        return f"{self.folder}/keyring.export"

    @property
    def licence(self) -> str:
        """A file: the licences in the database."""
        return f"{self.folder}/licence.json"

    @property
    def kong_config(self) -> str:
        """A folder: what `kong config db_export` wrote."""
        return f"{self.folder}/kong-config"

    @property
    def files(self) -> str:
        """A folder: the files of the nodes, each node's in one of its own."""
        return f"{self.folder}/files"

    @property
    def kong_yml(self) -> str:
        """A folder: kong.yml of DB-less nodes."""
        return f"{self.folder}/kong-yml"

    def method_of(self, path: str) -> BackupMethod:
        """The kind of backup that a part belongs to, or a file of it."""
        parts = {
            self.database: BackupMethod.DATABASE,
            self.declarative: BackupMethod.DECLARATIVE,
            self.kong_yml: BackupMethod.DECLARATIVE,
            self.kong_config: BackupMethod.DECLARATIVE,
            self.licence: BackupMethod.LICENCE,
            self.keyring: BackupMethod.KEYRING,
        }
        found = (method for part, method in parts.items() if f"{path}/".startswith(f"{part}/"))
        return next(found, BackupMethod.FILES)
