"""Backing up the current cluster: every kind that the guide asks for, and the proof of the whole.

Each step adds its part to one folder that is not complete yet; `VerifyBackup` gives it a manifest
and its name. Nothing that has another name is a backup.
"""

from kong_lts.backup.comparing import CompareDeclarative
from kong_lts.backup.database import BackUpDatabase
from kong_lts.backup.declarative import BackUpDeclarative, SaveDeclarative
from kong_lts.backup.files import BackUpFiles
from kong_lts.backup.keyring import BackUpKeyring
from kong_lts.backup.kong_config import ExportKongConfig
from kong_lts.backup.layout import BackupLayout
from kong_lts.backup.licence import BackUpLicence
from kong_lts.backup.whole import VerifyBackup

__all__ = [
    "BackUpDatabase",
    "BackUpDeclarative",
    "BackUpFiles",
    "BackUpKeyring",
    "BackUpLicence",
    "BackupLayout",
    "CompareDeclarative",
    "ExportKongConfig",
    "SaveDeclarative",
    "VerifyBackup",
]
