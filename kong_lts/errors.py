"""Every error that this library raises, as one tree.

::

    KongLtsError
    ├── VersionError                 a text is no Kong version
    ├── UnreadableFileError          a named file or folder cannot be read
    ├── FormatError                  JSON or YAML that does not fit the value it should hold
    ├── EditError                    two edits want the same text
    ├── CatalogError                 a row of the package's own data is broken
    ├── ConfError                    a kong.conf that the release would not load
    │   └── ConfValueError           one key with a value that it does not take
    ├── DeclarativeError             a kong.yml that cannot be read
    ├── RouterError                  a configuration that the release's router refuses
    ├── DeploymentError              an inventory that cannot be understood
    ├── PlanError
    │   ├── NotPlannableError        blockers, or no strategy that fits
    │   └── PlanStaleError           the plan was made for something else
    ├── RunError
    │   ├── StepFailedError          a step did not do, or did not prove, its work
    │   ├── LockHeldError            another run holds the deployment
    │   └── NotResumableError        the journal does not allow this
    ├── BackupError                  a backup is incomplete, damaged or of another database
    ├── CannotRenderError            this value has no such format
    └── AdapterError                 the outside world; one class per protocol
        ├── SecretError
        ├── DatabaseError
        ├── ArchiveError
        ├── WriteGuardError
        ├── DeckError
        ├── ProcessError
        │   ├── ProcessNotRunError
        │   └── ProcessFailedError
        ├── LoadBalancerError
        ├── AdminApiError
        ├── ProxyError
        ├── MetricsError
        ├── JournalError
        ├── ApproverError
        └── PostgresServerError      of `kong_lts.testing`

Facts are fields; the text is made from them: what failed, where, what to do.
No field ever holds a secret.
"""

from collections.abc import Sequence

import attrs

__all__ = [
    "AdapterError",
    "AdminApiError",
    "ApproverError",
    "ArchiveError",
    "BackupError",
    "CannotRenderError",
    "CatalogError",
    "ConfError",
    "ConfValueError",
    "DatabaseError",
    "DeckError",
    "DeclarativeError",
    "DeploymentError",
    "EditError",
    "FormatError",
    "JournalError",
    "KongLtsError",
    "LoadBalancerError",
    "LockHeldError",
    "MetricsError",
    "NotPlannableError",
    "NotResumableError",
    "PlanError",
    "PlanStaleError",
    "PostgresServerError",
    "ProcessError",
    "ProcessFailedError",
    "ProcessNotRunError",
    "ProxyError",
    "RouterError",
    "RunError",
    "SecretError",
    "StepFailedError",
    "UnreadableFileError",
    "VersionError",
    "WriteGuardError",
    "place",
]

_STDERR_CHARACTERS = 500
"""How much of a program's last words an error repeats."""


def place(path: str | None, line: int | None = None, column: int | None = None) -> str:
    """Where something stands, as `kong.conf:12:3`, with what is known of it.

    Args:
        path: File, or None for text that came without one.
        line: First line is 1.
        column: First column is 1.
    """
    parts = [path or "line" if line is not None else path or ""]
    parts += [str(n) for n in (line, column) if n is not None]
    return ":".join(parts) if path else " ".join(parts[:2]) + "".join(f":{p}" for p in parts[2:])


class KongLtsError(Exception):
    """Root of every error of this library."""


@attrs.define
class VersionError(KongLtsError):
    """A text that is no Kong version."""

    text: str
    reason: str = "a version has three parts (open source) or four (Enterprise), as in 2.8.4.14"

    def __str__(self) -> str:
        return f"{self.text!r} is no Kong version: {self.reason}"


@attrs.define
class UnreadableFileError(KongLtsError):
    """A named file or folder that cannot be read."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"Cannot read {self.path}: {self.reason}"


@attrs.define
class FormatError(KongLtsError):
    """A JSON or YAML text that does not fit the value it should hold."""

    what: str
    problems: tuple[str, ...]
    path: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = place(self.path, self.line)
        return f"{where + ': ' if where else ''}not a {self.what}: {'; '.join(self.problems)}"


@attrs.define
class EditError(KongLtsError):
    """Two edits that want the same text, or one outside of it."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@attrs.define
class CatalogError(KongLtsError):
    """A row of the package's own data that does not fit its class."""

    file: str
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return f"catalog/{self.file}: {'; '.join(self.problems)}"


@attrs.define
class ConfError(KongLtsError):
    """A kong.conf that the release would not load, or that is no text."""

    reason: str
    key: str | None = None
    path: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = place(self.path, self.line)
        key = f"{self.key}: " if self.key else ""
        return f"{where + ': ' if where else ''}{key}{self.reason}"


@attrs.define
class ConfValueError(ConfError):
    """One key of a kong.conf has a value that it does not take."""


@attrs.define
class DeclarativeError(KongLtsError):
    """A declarative file (kong.yml, decK state) that cannot be read."""

    reason: str
    path: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = place(self.path, self.line, self.column)
        return f"{where + ': ' if where else ''}{self.reason}"


@attrs.define
class RouterError(KongLtsError):
    """A configuration that the release's router refuses to load."""

    reason: str
    route: str | None = None

    def __str__(self) -> str:
        return f"route {self.route}: {self.reason}" if self.route else self.reason


@attrs.define
class DeploymentError(KongLtsError):
    """An inventory that cannot be understood."""

    reason: str
    field: str | None = None
    path: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = place(self.path, self.line)
        field = f"{self.field}: " if self.field else ""
        return f"{where + ': ' if where else ''}{field}{self.reason}"


class PlanError(KongLtsError):
    """Something about a plan."""


@attrs.define
class NotPlannableError(PlanError):
    """Blockers, or no strategy that fits: nothing was planned."""

    findings: tuple[object, ...]
    """The `Finding`s that stand in the way."""

    def __str__(self) -> str:
        lines = "\n".join(f"- {finding}" for finding in self.findings)
        return f"No plan can be made; first mend, or have ignored on purpose:\n{lines}"


@attrs.define
class PlanStaleError(PlanError):
    """A plan that was made for something else than what is there now."""

    expected: str
    found: str
    reason: str = "what the plan rests on has changed"

    def __str__(self) -> str:
        return (
            f"The plan is stale: {self.reason} (planned {self.expected}, found {self.found}). "
            "Assess again and make a new plan."
        )


class RunError(KongLtsError):
    """Something about a run."""


@attrs.define
class StepFailedError(RunError):
    """A step did not do, or did not prove, its work."""

    step: str
    reason: str
    what_to_do: str = "Mend the cause and resume, or roll back."

    def __str__(self) -> str:
        return f"Step {self.step} failed: {self.reason} {self.what_to_do}"


@attrs.define
class LockHeldError(RunError):
    """Another run holds this deployment."""

    owner: str
    where: str

    def __str__(self) -> str:
        return (
            f"Another run holds {self.where}: {self.owner}. "
            "Wait for its end, or end it, before a new one starts."
        )


@attrs.define
class NotResumableError(RunError):
    """The journal does not allow what was asked for."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@attrs.define
class BackupError(KongLtsError):
    """A backup that is incomplete, damaged, or of another database."""

    folder: str
    reason: str

    def __str__(self) -> str:
        return f"Backup {self.folder}: {self.reason}"


@attrs.define
class CannotRenderError(KongLtsError):
    """A value that has no form in the format asked for."""

    value: str
    format: str
    formats: tuple[str, ...]

    def __str__(self) -> str:
        there = ", ".join(self.formats) or "none: it is no report"
        return f"{self.value} has no {self.format!r} form; it has {there}"


@attrs.define
class AdapterError(KongLtsError):
    """The outside world failed: what was being done, and what it said."""

    doing: str
    reason: str

    def __str__(self) -> str:
        return f"{self.doing}: {self.reason}"


@attrs.define
class SecretError(AdapterError):
    """A secret that a reference names cannot be had."""


@attrs.define
class DatabaseError(AdapterError):
    """The database could not be reached, or refused."""


@attrs.define
class ArchiveError(AdapterError):
    """A dump or a restore of the database failed."""


@attrs.define
class WriteGuardError(AdapterError):
    """Writes could not be kept out, or let in again."""


@attrs.define
class DeckError(AdapterError):
    """The `deck` program failed."""


class ProcessError(AdapterError):
    """A command."""


@attrs.define
class ProcessNotRunError(ProcessError):
    """A command could not be started, or did not end in time."""


@attrs.define
class ProcessFailedError(ProcessError):
    """A command ran and ended with a status other than 0."""

    status: int = 1
    stdout: str = attrs.field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.doing}: ended with status {self.status}: {last_words(self.reason)}"


@attrs.define
class LoadBalancerError(AdapterError):
    """The load balancer refused, or could not be reached."""


@attrs.define
class AdminApiError(AdapterError):
    """Kong's Admin API or status listener refused, or could not be reached."""


@attrs.define
class ProxyError(AdapterError):
    """A proxy listener could not be reached, or sent no answer."""


@attrs.define
class MetricsError(AdapterError):
    """Metrics could not be read."""


@attrs.define
class JournalError(AdapterError):
    """The journal could not be read or written."""


@attrs.define
class ApproverError(AdapterError):
    """Nobody could be asked."""


@attrs.define
class PostgresServerError(AdapterError):
    """The PostgreSQL server for a test or the tutorial could not be started."""


def last_words(text: str | Sequence[str]) -> str:
    """The end of what a program printed, short enough for an error."""
    joined = text if isinstance(text, str) else "\n".join(text)
    return joined.strip()[-_STDERR_CHARACTERS:]
