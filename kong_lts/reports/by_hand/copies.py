"""Backups, restores and admin writes by hand."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from kong_lts.admin_writes import ResumeAdminWrites, StopAdminWrites
from kong_lts.backup import (
    BackUpDatabase,
    BackUpDeclarative,
    BackUpFiles,
    BackUpKeyring,
    BackUpLicence,
    CompareDeclarative,
    ExportKongConfig,
    SaveDeclarative,
    VerifyBackup,
)
from kong_lts.reports.by_hand.words import ByHand, Words
from kong_lts.restore import (
    CreateDatabase,
    DropDatabase,
    FilesPoint,
    ImportKongConfig,
    ReplaceDatabase,
    RestoreBasicAuth,
    RestoreDatabase,
    RestoreDeclarative,
    RestoreFiles,
    RestoreKeyring,
    RestoreLicence,
    RestorePoint,
)

__all__ = ["COPIES"]


def _stop_writes(step: StopAdminWrites, words: Words) -> ByHand:
    return ByHand(
        what="Take the Admin API and Kong Manager from everybody who writes, and stop every"
        " pipeline that syncs; reading goes on, which later steps need. Either let what stands in"
        " front of the Admin API pass GET alone, or let it listen on the node itself alone"
        " (`admin_listen = 127.0.0.1:8001`, then `kong reload`) and reach it from here by"
        " `ssh -L`. Try to write from where the others do.",
        commands=(
            f"curl -sS -i -X POST {words.admin()}/services",
            f"rows kong-{step.side} > stopped-{step.side}.rows",
        ),
        proof="The attempt to write is refused, or finds nobody who listens; 201 or 400 says that"
        " Kong still takes writes.",
    )


def _resume_writes(step: ResumeAdminWrites, words: Words) -> ByHand:
    return ByHand(
        what="Open the Admin API again, and start the pipelines.",
        commands=(f"curl -sS {words.admin()}/status",),
        proof="A harmless change, such as a tag, is accepted, and is there when it is read.",
    )


def _back_up_database(step: BackUpDatabase, words: Words) -> ByHand:
    folder = shlex.quote(step.folder)
    return ByHand(
        what="With the pg_dump of the server's own major version.",
        commands=(
            *_folder(str(PurePosixPath(step.folder).parent)),
            f"{words.server()} pg_dump --format=directory --jobs=2 --file={folder}",
            f"pg_restore --list {folder} > /dev/null && echo readable",
        ),
        proof="The list is readable, and a restore into an empty database has as many rows in each"
        " table.",
    )


def _compare_declarative(step: CompareDeclarative, words: Words) -> ByHand:
    file = shlex.quote(f"{step.converted}/FILE")
    return ByHand(
        what="Convert each of decK's files of the backup (`kong_lts.declarative.convert`) into"
        f" {step.converted}, for its owner alone; on Enterprise each with its `--workspace`.",
        commands=(
            f"deck gateway diff --kong-addr {words.admin()} {file}",
            f"deck gateway validate --kong-addr {words.admin()} {file}",
        ),
        proof="Each difference is understood. None stops the upgrade: the migration of the database"
        " counts, and nothing is synced.",
    )


def _folder(folder: str) -> tuple[str, ...]:
    """What makes a folder; it may hold credentials, so it is for its owner alone."""
    return () if folder == "." else (f"mkdir -p -m 700 {shlex.quote(folder)}",)


def _back_up_declarative(step: BackUpDeclarative, words: Words) -> ByHand:
    folder = shlex.quote(step.folder)
    address = f"--kong-addr {words.admin()}"
    dump = (
        f"deck gateway dump {address} --all-workspaces"
        if words.deployment.current.version.edition == "enterprise"
        else f"deck gateway dump {address} --output-file kong.yaml"
    )
    return ByHand(
        what="RBAC, licence and keyring are not in it, and basic-auth passwords cannot be brought"
        " back with it.",
        commands=(
            f"deck gateway ping {address}",
            f"mkdir -p {folder} && (cd {folder} && {dump})",
        ),
        proof="The files hold as many services, routes, plugins and consumers as the database.",
    )


def _save_declarative(step: SaveDeclarative, words: Words) -> ByHand:
    return ByHand(
        commands=_folder(step.folder)
        + tuple(
            f"scp {shlex.quote(f'{node}:{step.path}')} {shlex.quote(f'{step.folder}/{node}.yml')}"
            for node in step.nodes
        ),
        proof="The copies have the same SHA-256 as the files on the nodes, and as each other.",
    )


def _back_up_keyring(step: BackUpKeyring, words: Words) -> ByHand:
    path = shlex.quote(step.path)
    return ByHand(
        commands=(
            f"umask 077 && curl -sS -X POST {words.admin()}/keyring/export > {path}",
            f"curl -sS {words.admin()}/keyring",
        ),
        proof="Every key id that the database uses (`$ke$1$-...`) is among the `ids` of the keyring"
        " that was exported; which of them is `active` is written down.",
    )


def _back_up_files(step: BackUpFiles, words: Words) -> ByHand:
    return ByHand(
        commands=_folder(step.folder)
        + tuple(
            f"ssh {shlex.quote(node)} sudo tar -cf - {shlex.join(step.paths)}"
            f" > {shlex.quote(f'{step.folder}/{node}.tar')}"
            for node in step.nodes
        ),
        proof="`ssh NODE sudo tar -df - -C / < NODE.tar` finds no difference on any node.",
    )


def _verify_backup(step: VerifyBackup, words: Words) -> ByHand:
    return ByHand(
        what="Restore the dump into a scratch database and count the rows of each table."
        if step.rehearse
        else "Read every file of the backup once.",
        commands=(
            *(_rehearsal(step, words) if step.rehearse else ()),
            shlex.join(["mv", f"{step.folder}.unfinished", step.folder]),
        ),
        proof="Every part is there, whole, and holds what the deployment holds."
        + (" `diff` shows tables of counters, tokens and sessions at most." * step.rehearse),
    )


def _rehearsal(step: VerifyBackup, words: Words) -> tuple[str, ...]:
    dump = shlex.quote(f"{step.folder}.unfinished/database")
    return (
        f"{words.server()} createdb --maintenance-db=postgres --template=template0 kong_scratch",
        f"{words.server()} pg_restore --exit-on-error --no-owner -d kong_scratch {dump}",
        f"rows kong-{step.side} > backed-up.rows",
        f"rows kong-{step.side} kong_scratch > scratch.rows",
        "diff backed-up.rows scratch.rows && echo equal",
        f"{words.server()} dropdb --maintenance-db=postgres kong_scratch",
    )


def _create_database(step: CreateDatabase, words: Words) -> ByHand:
    return ByHand(
        what="On a server of the same major version. NEW_DATABASE is the `dbname` of `kong-new`.",
        commands=(
            f"{words.server()} createdb --maintenance-db=postgres --template=template0"
            " NEW_DATABASE",
            words.sql("SELECT current_database(), version()"),
            words.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        ),
        proof="It is reached, has 0 tables, and is not the current one.",
    )


def _drop_database(step: DropDatabase, words: Words) -> ByHand:
    return ByHand(
        what="Look twice at the name.",
        commands=(f"{words.server()} dropdb --maintenance-db=postgres --interactive NEW_DATABASE",),
        proof="It is gone; the current one is not.",
    )


def _restore_database(step: RestoreDatabase, words: Words) -> ByHand:
    folder = shlex.quote(step.folder)
    return ByHand(
        commands=(
            f"{words.server()} pg_restore --exit-on-error --jobs=2 --no-owner -d '' {folder}",
            "rows kong-current > current.rows",
            f"rows kong-{step.side} > restored.rows",
            "diff current.rows restored.rows && echo equal",
        ),
        what="Never with --clean over a database that saw `kong migrations up`.",
        proof="Each table has as many rows as in the database that was backed up; tables of"
        " counters, tokens and sessions may differ.",
    )


def _restore_point(step: RestorePoint, words: Words) -> ByHand:
    return ByHand(
        commands=(
            f"pg_restore --list {shlex.quote(step.folder)} > /dev/null && echo readable",
            f"rows kong-{step.side} > {shlex.quote(f'{step.folder}.rows')}",
        ),
        proof="The backup holds what the database holds now: nothing was written since.",
    )


def _replace_database(step: ReplaceDatabase, words: Words) -> ByHand:
    folder, server = shlex.quote(step.folder), words.server()
    return ByHand(
        what="With every node stopped: restore the backup into a new database beside the migrated"
        f" one, compare, then rename both. THE_DATABASE is the `dbname` of `kong-{step.side}`.",
        commands=(
            f"{server} createdb --maintenance-db=postgres --template=template0 kong_restored",
            f"{server} pg_restore --exit-on-error --no-owner -d kong_restored {folder}",
            f"rows kong-{step.side} kong_restored > restored.rows",
            f"diff {shlex.quote(f'{step.folder}.rows')} restored.rows && echo equal",
            f"{server} psql -d postgres -c 'ALTER DATABASE THE_DATABASE RENAME TO kong_migrated'",
            f"{server} psql -d postgres -c 'ALTER DATABASE kong_restored RENAME TO THE_DATABASE'",
        ),
        proof="Each table has as many rows as were counted beside the backup, before anything is"
        " renamed; `kong migrations list` of 2.8 then ends with 0.",
    )


def _restore_declarative(step: RestoreDeclarative, words: Words) -> ByHand:
    return ByHand(
        what="Into a database that was bootstrapped by the old version; basic-auth credentials by"
        " SQL, never by decK.",
        commands=(
            f"deck gateway sync --kong-addr {words.admin()} {shlex.quote(step.folder)}/*.yaml",
        ),
        proof="`deck gateway diff` finds nothing, and a login with each kind of credential works.",
    )


def _restore_basic_auth(step: RestoreBasicAuth, words: Words) -> ByHand:
    return ByHand(
        what="By SQL, under the old ids of the consumers and with the hashes as they are: the Admin"
        " API and decK would hash them again.",
        commands=(
            f"{words.server()} pg_restore --data-only --table=basicauth_credentials -d ''"
            " BACKUP_FOLDER/database",
            words.sql("SELECT count(*) FROM basicauth_credentials"),
        ),
        proof="There are as many as in the backup, and a login with a known password works.",
    )


def _restore_keyring(step: RestoreKeyring, words: Words) -> ByHand:
    path, admin = shlex.quote(step.path), words.admin()
    return ByHand(
        what="KEY_ID is the one that was active when it was exported.",
        commands=(
            f"curl -sS -H 'Content-Type: application/json' -d @{path} {admin}/keyring/import",
            f"curl -sS -d key=KEY_ID {admin}/keyring/activate",
            f"curl -sS {admin}/keyring",
        ),
        proof="Every key id that the database uses is in the keyring, and an encrypted field is"
        " read in clear.",
    )


def _back_up_licence(step: BackUpLicence, words: Words) -> ByHand:
    path = shlex.quote(step.path)
    return ByHand(
        commands=(f"umask 077 && curl -sS {words.admin()}/licenses > {path}",),
        proof="The file names every licence that GET /licenses lists.",
    )


def _restore_licence(step: RestoreLicence, words: Words) -> ByHand:
    return ByHand(
        what=f"PUT each licence of {step.folder}/licence.json to {words.admin()}/licenses/ID.",
        commands=(f"curl -sS {words.admin()}/licenses",),
        proof="Every one is listed, and an Enterprise plugin runs.",
    )


def _export_kong_config(step: ExportKongConfig, words: Words) -> ByHand:
    path = shlex.quote(step.path)
    return ByHand(
        what="decK does it better: `kong config` knows no workspaces. Copy the file to"
        f" {step.folder} afterwards.",
        commands=(f"kong config db_export {path}", f"kong config parse {path}"),
        proof="The file is there, since the command ends well without writing one too, and it is"
        " parsed.",
    )


def _import_kong_config(step: ImportKongConfig, words: Words) -> ByHand:
    path = shlex.quote(step.path)
    return ByHand(
        what=f"With every node stopped, since none forgets its cache: copy {step.folder} back to"
        f" {step.path}.",
        commands=(f"kong config parse {path}", f"kong config db_import {path}"),
        proof="The database has as many services, routes and consumers as the file.",
    )


def _files_point(step: FilesPoint, words: Words) -> ByHand:
    return ByHand(
        what=f"Compare the files of {', '.join(step.nodes)} with {step.folder}.",
        commands=_tar(step, "-df - -C /"),
        proof="What has changed since is what the way back would undo.",
    )


def _restore_files(step: RestoreFiles, words: Words) -> ByHand:
    return ByHand(
        what=f"Copy the files of {', '.join(step.nodes)} back from {step.folder}, with owner and"
        " mode.",
        commands=_tar(step, "-xpf - -C /"),
        proof="They are as they were backed up.",
    )


def _tar(step: FilesPoint | RestoreFiles, options: str) -> tuple[str, ...]:
    return tuple(
        f"ssh {shlex.quote(node)} sudo tar {options} < {shlex.quote(f'{step.folder}/{node}.tar')}"
        for node in step.nodes
    )


COPIES: Mapping[type, Callable[[Any, Words], ByHand]] = {
    StopAdminWrites: _stop_writes,
    ResumeAdminWrites: _resume_writes,
    BackUpDatabase: _back_up_database,
    BackUpDeclarative: _back_up_declarative,
    CompareDeclarative: _compare_declarative,
    SaveDeclarative: _save_declarative,
    BackUpKeyring: _back_up_keyring,
    BackUpFiles: _back_up_files,
    VerifyBackup: _verify_backup,
    CreateDatabase: _create_database,
    DropDatabase: _drop_database,
    RestoreDatabase: _restore_database,
    RestorePoint: _restore_point,
    ReplaceDatabase: _replace_database,
    RestoreDeclarative: _restore_declarative,
    RestoreBasicAuth: _restore_basic_auth,
    RestoreKeyring: _restore_keyring,
    BackUpLicence: _back_up_licence,
    RestoreLicence: _restore_licence,
    ExportKongConfig: _export_kong_config,
    ImportKongConfig: _import_kong_config,
    FilesPoint: _files_point,
    RestoreFiles: _restore_files,
}
