"""Restoring: the database first, into a new one; everything else from its own backup."""

from kong_lts.restore.basic_auth import RestoreBasicAuth
from kong_lts.restore.database import (
    CreateDatabase,
    DropDatabase,
    ReplaceDatabase,
    RestoreDatabase,
    RestorePoint,
)
from kong_lts.restore.declarative import RestoreDeclarative
from kong_lts.restore.files import FilesPoint, RestoreFiles
from kong_lts.restore.keyring import RestoreKeyring
from kong_lts.restore.kong_config import ImportKongConfig
from kong_lts.restore.licence import RestoreLicence

__all__ = [
    "CreateDatabase",
    "DropDatabase",
    "FilesPoint",
    "ImportKongConfig",
    "ReplaceDatabase",
    "RestoreBasicAuth",
    "RestoreDatabase",
    "RestoreDeclarative",
    "RestoreFiles",
    "RestoreKeyring",
    "RestoreLicence",
    "RestorePoint",
]
