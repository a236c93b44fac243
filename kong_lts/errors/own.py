"""Errors about what the library itself reads, plans and runs."""

import attrs

__all__ = [
    "BackupError",
    "CannotRenderError",
    "CatalogError",
    "ConfError",
    "ConfValueError",
    "DeclarativeError",
    "DeniedCommandError",
    "DeploymentError",
    "EditError",
    "FormatError",
    "KongLtsError",
    "LockHeldError",
    "NotPlannableError",
    "NotResumableError",
    "PlanError",
    "PlanStaleError",
    "RouterError",
    "RunCancelledError",
    "RunError",
    "RunRefusedError",
    "StagingRefusedError",
    "StepFailedError",
    "StepTimedOutError",
    "UnreadableFileError",
    "VersionError",
    "place",
]


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
    """What was read."""
    reason: str = "a version has three parts (open source) or four (Enterprise), as in 2.8.4.14"
    """What is wrong with it."""

    def __str__(self) -> str:
        return f"{self.text!r} is no Kong version: {self.reason}"


@attrs.define
class UnreadableFileError(KongLtsError):
    """A named file or folder that cannot be read."""

    path: str
    """Of the file or folder."""
    reason: str
    """What the system said."""

    def __str__(self) -> str:
        return f"Cannot read {self.path}: {self.reason}"


@attrs.define
class FormatError(KongLtsError):
    """A JSON or YAML text that does not fit the value it should hold."""

    what: str
    """What the text should hold."""
    problems: tuple[str, ...]
    """All of them, each with its place."""
    path: str | None = None
    """Of the file; None for a text."""
    line: int | None = None
    """Counted from 1; None where it is not known."""

    def __str__(self) -> str:
        where = place(self.path, self.line)
        return f"{where + ': ' if where else ''}not a {self.what}: {'; '.join(self.problems)}"


@attrs.define
class EditError(KongLtsError):
    """Two edits that want the same text, or one outside of it."""

    reason: str
    """Which edits, and why."""

    def __str__(self) -> str:
        return self.reason


@attrs.define
class CatalogError(KongLtsError):
    """A row of the package's own data that does not fit its class."""

    file: str
    """Its name."""
    problems: tuple[str, ...]
    """All of them, each with its row."""

    def __str__(self) -> str:
        return f"catalog/{self.file}: {'; '.join(self.problems)}"


@attrs.define
class ConfError(KongLtsError):
    """A kong.conf that the release would not load, or that is no text."""

    reason: str
    """What is wrong."""
    key: str | None = None
    """None where no single one is to blame."""
    path: str | None = None
    """Of the file; None for a text."""
    line: int | None = None
    """Counted from 1; None where it is not known."""

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
    """What is wrong."""
    path: str | None = None
    """Of the file; None for a text."""
    line: int | None = None
    """Counted from 1; None where it is not known."""
    column: int | None = None
    """Counted from 1; None where it is not known."""

    def __str__(self) -> str:
        where = place(self.path, self.line, self.column)
        return f"{where + ': ' if where else ''}{self.reason}"


@attrs.define
class RouterError(KongLtsError):
    """A configuration that the release's router refuses to load."""

    reason: str
    """What the release says."""
    route: str | None = None
    """Name or id; None where it is no route."""

    def __str__(self) -> str:
        return f"route {self.route}: {self.reason}" if self.route else self.reason


@attrs.define
class DeploymentError(KongLtsError):
    """An inventory that cannot be understood."""

    reason: str
    """What is wrong, all faults."""
    field: str | None = None
    """The first that is wrong, as `current.version`."""
    path: str | None = None
    """Of the file; None for a text."""
    line: int | None = None
    """Counted from 1; None where it is not known."""

    def __str__(self) -> str:
        where = place(self.path, self.line)
        field = f"{self.field}: " if self.field else ""
        return f"{where + ': ' if where else ''}{field}{self.reason}"


@attrs.define
class DeniedCommandError(KongLtsError):
    """A command that is never run."""

    word: str
    """The word of the command that is denied."""
    reason: str
    """What harm it does."""

    def __str__(self) -> str:
        return (
            f"`kong migrations` is never run with `{self.word}`: {self.reason}. Take the word out"
            " of how kong is called, of its options, and of what wraps it; the way back from a"
            " migration is the restore of the backup."
        )


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
    """What the plan rests on."""
    found: str
    """What there is."""
    reason: str = "what the plan rests on has changed"
    """What outdated it."""

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
    """Id of the step."""
    reason: str
    """What went wrong."""
    what_to_do: str = "Mend the cause and resume, or roll back."
    """The way on."""

    def __str__(self) -> str:
        return f"Step {self.step} failed: {self.reason} {self.what_to_do}"


@attrs.define
class StagingRefusedError(StepFailedError):
    """A person says that a test did not pass."""


@attrs.define
class StepTimedOutError(RunError):
    """A step waited longer than the plan lets it."""

    step: str
    """Id of the step."""
    limit_s: float
    """How long it was allowed to wait."""

    def __str__(self) -> str:
        return (
            f"Step {self.step} was still waiting after {self.limit_s:g} s. "
            "See what it waits for, then resume, or roll back."
        )


@attrs.define
class RunCancelledError(RunError):
    """Somebody asked a run to stop while a step was waiting."""

    step: str
    """Id of the step."""
    by: str
    """Who cancelled it."""

    def __str__(self) -> str:
        return f"Step {self.step} was left while it waited: cancelled by {self.by}."


@attrs.define
class RunRefusedError(RunError):
    """A durable engine did not begin a run, did not take it up, or is not done with it."""

    run: str
    """Its name."""
    reason: str
    """Why."""

    def __str__(self) -> str:
        return f"Run {self.run}: {self.reason}"


@attrs.define
class LockHeldError(RunError):
    """Another run holds this deployment."""

    owner: str
    """Who holds it."""
    where: str
    """Where the lock is."""

    def __str__(self) -> str:
        return (
            f"Another run holds {self.where}: {self.owner}. "
            "Wait for its end, or end it, before a new one starts."
        )


@attrs.define
class NotResumableError(RunError):
    """The journal does not allow what was asked for."""

    reason: str
    """Why not, and what to do."""

    def __str__(self) -> str:
        return self.reason


@attrs.define
class BackupError(KongLtsError):
    """A backup that is incomplete, damaged, or of another database."""

    folder: str
    """Of the backup."""
    reason: str
    """What is wrong with it."""

    def __str__(self) -> str:
        return f"Backup {self.folder}: {self.reason}"


@attrs.define
class CannotRenderError(KongLtsError):
    """A value that has no form in the format asked for."""

    value: str
    """Type of the value."""
    format: str
    """What was asked for."""
    formats: tuple[str, ...]
    """What there is."""

    def __str__(self) -> str:
        there = ", ".join(self.formats) or "none: it is no report"
        return f"{self.value} has no {self.format!r} form; it has {there}"
