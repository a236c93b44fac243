"""Backing up the declarative configuration: through decK, or the kong.yml of DB-less nodes."""

from collections.abc import Iterator, Mapping

import attrs

from kong_lts.catalog import state_files
from kong_lts.database import Fingerprint
from kong_lts.errors import DeckError
from kong_lts.events import DeclarativeBackedUp, FilesBackedUp, Past
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters, Deck
from kong_lts.serialization import Form
from kong_lts.state_files import StateDump
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["BackUpDeclarative", "SaveDeclarative", "lost_by_deck", "read_state_dump"]

_LISTING = Form(StateDump, "listing of state files")


@attrs.frozen(kw_only=True)
class BackUpDeclarative(PlannedStep):
    """Dump the configuration with decK, workspace by workspace, and count what is in it.

    Source:
        guide, Database backup, method 2: "backup and restore with deck is just the last resort".
    """

    folder: str
    """A new folder for the state files; what is in them stands in a file beside it."""
    tags: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    """One file for each, as the guide's distributed configuration; empty is everything."""

    needs_of_side = ("deck", "database")
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Dump the declarative configuration of the {self.side} cluster to {self.folder}"

    def run(self, adapters: Adapters, past: Past) -> DeclarativeBackedUp:
        """Dump, anew where an earlier attempt was interrupted."""
        deck = present(self.cluster(adapters).deck, "deck", self.id)
        backups = present(adapters.backups, "backups", self.id)
        kong_version = deck.ping()
        backups.prepare(self.folder)
        dump = attrs.evolve(
            deck.dump(self.folder, tags=self.tags),
            deck_version=_version_of(deck),
            kong_version=kong_version,
        )
        backups.write(f"{self.folder}.json", _LISTING.to_json(_inside(dump, self.folder)))
        return DeclarativeBackedUp(folder=self.folder, dump=dump)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The files can be validated; what the database has and they have not is named."""
        done = own_outcome(past, self.id, DeclarativeBackedUp)
        if done is None:
            yield self.obstacle(
                "declarative-not-backed-up", "Nobody knows what decK wrote.", "Run this step again."
            )
            return
        deck = present(self.cluster(adapters).deck, "deck", self.id)
        for file in done.dump.files:
            for line in deck.validate(file, online=False):
                yield self._warning("declarative-not-valid", f"{file.path}: {line}")
        for line in (*done.dump.refused, *self._missing(adapters, done.dump)):
            yield self._warning("declarative-incomplete", line)

    def _missing(self, adapters: Adapters, dump: StateDump) -> tuple[str, ...]:
        database = present(self.cluster(adapters).database, "database", self.id)
        return lost_by_deck(database.fingerprint(), dump.entities)

    def _warning(self, rule: str, line: str) -> Finding:
        return self.obstacle(
            rule,
            f"{line.rstrip('.')}.",
            "The database backup has it; go back to that one first.",
            severity=Severity.WARNING,
        )


def lost_by_deck(database: Fingerprint, entities: Mapping[str, int]) -> tuple[str, ...]:
    """What a database holds, and decK's files do not, or do not bring back.

    Args:
        database: Its tables.
        entities: How many of each kind are in the files; where those were asked for that have one
            of some tags, all others are missing.
    """
    rows = {table.name: table.rows for table in database.tables if table.rows}
    lost, in_files = [], dict[str, int]()
    for table in state_files():
        if not (count := rows.get(table.id, 0)):
            continue
        if table.kind is None:
            lost.append(f"decK writes none of the {count} rows of {table.id}. {table.note}")
        elif not table.restores:
            lost.append(f"decK does not bring back the {count} rows of {table.id}. {table.note}")
        else:
            in_files[table.kind] = in_files.get(table.kind, 0) + count
    for kind, count in in_files.items():
        if entities.get(kind, 0) != count:
            lost.append(f"{kind}: {count} in the database, {entities.get(kind, 0)} in the files")
    for name in database.unknown_tables:
        if count := rows.get(name, 0):
            lost.append(f"nobody knows whether decK writes the {count} rows of {name}")
    return tuple(line.strip() for line in lost)


def _version_of(deck: Deck) -> str | None:
    """Of the program, where the adapter and the program can tell."""
    tell = getattr(deck, "program_version", None)
    if tell is None:
        return None
    try:
        return str(tell())
    except DeckError:
        return None


def read_state_dump(text: str, folder: str) -> StateDump:
    """What is in the state files of a backup, with the paths that they have there.

    Args:
        text: As it stands beside the state files.
        folder: The backup.

    Raises:
        FormatError: It does not fit.
    """
    dump = _LISTING.from_json(text)
    at = f"{folder}/{dump.folder}"
    files = [attrs.evolve(file, path=f"{at}/{file.path}") for file in dump.files]
    return attrs.evolve(dump, folder=at, files=tuple(files))


def _inside(dump: StateDump, folder: str) -> StateDump:
    """The same with paths that hold after the folder has its last name."""
    files = [attrs.evolve(f, path=f.path.removeprefix(f"{folder}/")) for f in dump.files]
    return attrs.evolve(dump, folder="declarative", files=tuple(files))


@attrs.frozen(kw_only=True)
class SaveDeclarative(PlannedStep):
    """Copy the kong.yml that the nodes load, once they all have the same; never through decK.

    Source:
        guide, DB-less mode: "take a backup of your current kong.yaml file".
    """

    folder: str
    """A new folder."""
    nodes: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    """Their names."""
    path: str
    """Of kong.yml on each node."""

    needs_of_side = ("files",)
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Save {self.path} of the {self.side} cluster to {self.folder}"

    def run(self, adapters: Adapters, past: Past) -> FilesBackedUp:
        """Copy it from the first node."""
        files = present(self.cluster(adapters).files, "files", self.id)
        present(adapters.backups, "backups", self.id).prepare(self.folder)
        files.fetch(self.nodes[0], (self.path,), self.folder)
        return FilesBackedUp(folder=self.folder, copies={self.nodes[0]: 1})

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The copy, and the file of every node, are the same."""
        files = present(self.cluster(adapters).files, "files", self.id)
        first = files.digest(self.nodes[0], self.path)
        if files.differing(self.nodes[0], self.folder):
            yield self.obstacle(
                "kong-yml-changed",
                f"{self.path} of node {self.nodes[0]} is not what was saved.",
                "Stop whatever writes it, and save it again.",
            )
        for node in self.nodes[1:]:
            if files.digest(node, self.path) != first:
                yield self.obstacle(
                    "kong-yml-differs",
                    f"{self.path} of node {node} is not that of node {self.nodes[0]}.",
                    "Bring all nodes to one configuration before anything is upgraded.",
                )
