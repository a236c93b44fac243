"""Restoring basic-auth credentials, which decK cannot bring back."""

from collections.abc import Iterator

import attrs

from kong_lts.backup import BackupLayout
from kong_lts.backup.declarative import read_state_dump
from kong_lts.errors import ProxyError
from kong_lts.events import CredentialsRestored, Past, ProbeResult
from kong_lts.findings import Finding, Severity
from kong_lts.protocols import Adapters, Probe, Proxy
from kong_lts.state_files import DumpedFile
from kong_lts.step import PlannedStep, own_outcome, present

__all__ = ["RestoreBasicAuth"]

_LOST = "basic-auth-lost"


@attrs.frozen(kw_only=True)
class RestoreBasicAuth(PlannedStep):
    """Put the stored hashes back under the consumers' old ids, and prove it by a login.

    By SQL, after decK has brought the consumers back: through decK, or the Admin API, Kong would
    hash the hash again.

    Source:
        guide, Kong Gateway tool: "Please configure these security related entities separately";
        measured with decK v1.55.0 against 2.8.5 and 3.4.2.
    """

    folder: str
    """The backup."""
    logins: tuple[Probe, ...] = attrs.field(default=(), converter=tuple[Probe, ...])
    """Requests with the password of a credential, each with the answer that it should get."""

    writes_configuration = True
    needs_beside = ("backups",)

    @property
    def title(self) -> str:
        """What it does."""
        return f"Restore the basic-auth credentials of the {self.side} cluster"

    @property
    def needs(self) -> tuple[str, ...]:
        """The proxy where there is a login; without access to the database all are lost."""
        return (*super().needs, *((f"{self.side}.proxy",) if self.logins else ()))

    def check(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """The backup is whole."""
        present(adapters.backups, "backups", self.id).inspect(self.folder)
        yield from ()

    def run(self, adapters: Adapters, past: Past) -> CredentialsRestored:
        """Put back what is missing, file by file, then log in."""
        credentials = self.cluster(adapters).credentials
        restored = [
            name
            for file in self._files(adapters)
            if credentials is not None
            for name in credentials.restore(file)
        ]
        logins = tuple(self._asked(adapters, probe) for probe in self.logins)
        return CredentialsRestored(usernames=tuple(restored), logins=logins)

    def verify(self, adapters: Adapters, past: Past) -> Iterator[Finding]:
        """Every credential of the files is there with its hash, and the logins were let in."""
        credentials = self.cluster(adapters).credentials
        if credentials is None:
            yield self._told(
                _LOST,
                "Nobody reaches the database, so basic-auth credentials are lost: every such login"
                " fails.",
                "Give the adapter `credentials` and run this step again, or set new passwords.",
            )
            return
        for file in self._files(adapters):
            if missing := credentials.missing(file):
                yield self.obstacle(
                    _LOST,
                    f"These basic-auth credentials of {file.path} are not there as they were:"
                    f" {', '.join(missing)}.",
                    "Run this step again; the consumers have to be there under their old ids.",
                )
        yield from self._proof(own_outcome(past, self.id, CredentialsRestored))

    def _proof(self, done: CredentialsRestored | None) -> Iterator[Finding]:
        logins = done.logins if done is not None else ()
        for result in logins:
            if not result.passed:
                yield self.obstacle(
                    "basic-auth-login-failed",
                    f"{result.name}: expected {result.expected}, got {result.found}.",
                    "See whether the nodes still have the old answer in their cache: reload them,"
                    " then run this step again.",
                )
        if done is not None and done.usernames and not logins:
            yield self._told(
                "basic-auth-not-proved",
                "The basic-auth credentials are back with their hashes, and no login has proved it:"
                " take them for lost until one does.",
                "Log in with one of them; `Settings.logins` does it in the plan.",
            )

    def _files(self, adapters: Adapters) -> tuple[DumpedFile, ...]:
        backups = present(adapters.backups, "backups", self.id)
        inside = BackupLayout("").state_dump.lstrip("/")
        dump = read_state_dump(backups.read(self.folder, inside), self.folder)
        return tuple(file for file in dump.files if not file.rbac)

    def _asked(self, adapters: Adapters, probe: Probe) -> ProbeResult:
        proxy: Proxy = present(self.cluster(adapters).proxy, "proxy", self.id)
        wanted = str(probe.expect_status)
        try:
            found = str(proxy.send(probe).status)
        except ProxyError as exc:
            return ProbeResult(name=probe.name, expected=wanted, found=str(exc), answered=False)
        return ProbeResult(name=probe.name, expected=wanted, found=found)

    def _told(self, rule: str, message: str, action: str) -> Finding:
        return self.obstacle(rule, message, action, severity=Severity.WARNING)
