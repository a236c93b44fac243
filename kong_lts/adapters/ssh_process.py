"""Commands on another host, over OpenSSH."""

import base64
import os
import re
import secrets
import shlex
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from kong_lts.adapters.process_output import Captured, captured, fed
from kong_lts.adapters.secrets import masked
from kong_lts.deny_list import refuse_denied
from kong_lts.errors import ProcessFailedError, ProcessNotRunError, last_words
from kong_lts.protocols import Finished

__all__ = ["SshProcessRunner"]

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_HOST = re.compile(r"[^\s@/-][^\s@/]*")
_USER = re.compile(r"[^\s@:/-][^\s@:/]*")
_SHOWN_CHARACTERS = 200
_CONNECT_S = 15
_SHARED_S = 60
"""How long a connection waits for the next command."""
_OWN_ENVIRONMENT = ("HOME", "LANG", "LOGNAME", "PATH", "SSH_AUTH_SOCK", "TMPDIR", "USER")
"""What ssh itself is given of our environment: no secret is among it."""
_OPTIONS = {
    "BatchMode": "yes",
    "ClearAllForwardings": "yes",
    "ControlMaster": "auto",
    "ControlPersist": str(_SHARED_S),
    "EscapeChar": "none",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "LogLevel": "ERROR",
    "PermitLocalCommand": "no",
    "RequestTTY": "no",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "15",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
}

_READ_SCRIPT = 'read -r n && s=$(head -c "$n"; echo x) && eval "${s%x}"'
"""All that stands in an argument, here and on the host: the rest comes in by stdin."""

_MISSING = "missing"
_SCRIPT = """\
exec 3<&0 </dev/null
{exports}
set -- {argv}
command -v "$1" >/dev/null 2>&1 || {{ printf '\\n{nonce} missing\\n' >&2; exit 127; }}
# When our end of the connection is gone, so is everything that was started over it.
(trap '' TERM; read -r _ <&3; kill -TERM 0; sleep 2; kill -KILL 0) >/dev/null 2>&1 &
watcher=$!
{given}"$@" 3<&-
status=$?
kill -KILL "$watcher"
printf '\\n{nonce} %s\\n' "$status"
printf '\\n{nonce} %s\\n' "$status" >&2
exit "$status"
"""


@attrs.frozen(kw_only=True)
class SshProcessRunner:
    """Runs commands on a host whose key is known already, over one shared connection.

    Nothing but a fixed script stands in an argument, on either host: the command, its arguments and
    its environment go over the encrypted connection to the script's input. A command that is cut
    off, by its time limit, by the end of this process or by that of the connection, is ended on the
    host with all that it started, but for daemons that left its session.

    Args:
        host: Name or address, or a `Host` of ssh's own configuration.
        user: None leaves it to ssh's configuration.
        port: Likewise.
        identity_file: Path of the private key; None leaves it to ssh's configuration and agent.
        known_hosts: The file with the host keys; None takes OpenSSH's own files. A host that is not
            in it is refused, and never added.
        environ: Variables of the commands, beside those of a login.
        secrets: Texts that are blotted out in what is kept of the output.
        control_folder: Where the socket of the shared connection is, with a short path and open to
            nobody else; None makes one.
        program: Name or path of ssh.
    """

    host: str = attrs.field(validator=attrs.validators.matches_re(_HOST))
    user: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.matches_re(_USER))
    )
    port: int | None = None
    identity_file: str | None = None
    known_hosts: str | None = None
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    control_folder: str | None = None
    program: str = "ssh"

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        statuses: Sequence[int] = (0,),
        stdin: bytes = b"",
    ) -> Finished:
        refuse_denied(argv)
        shown = masked(shlex.join(argv), self.secrets)[:_SHOWN_CHARACTERS]
        doing = f"running {shown} on {self.host}"
        nonce = secrets.token_hex(16)
        script = self._script(doing, argv, nonce, stdin)
        seen = self._exchange(doing, script, timeout_s, nonce)
        said, out, err = _taken_apart(seen, nonce)
        out, err = masked(out, self.secrets), masked(err, self.secrets)
        if said is None:
            late = f"still running after {timeout_s:g} s, so it was ended"
            why = last_words(err) or "the connection ended before the command did"
            raise ProcessNotRunError(doing, why if seen.ended else late)
        if said == _MISSING:
            raise ProcessNotRunError(doing, "there is no such command on the host")
        if (status := int(said)) not in statuses:
            raise ProcessFailedError(doing, err.strip() or out, status, out)
        return Finished(status=status, stdout=out, stderr=err)

    def close(self) -> None:
        """End the shared connection; else it ends a minute after the last command."""
        argv = self._argv("closing the connection", "-O", "exit")
        subprocess.run(
            argv, env=self._own_environment(), capture_output=True, check=False, timeout=_CONNECT_S
        )

    def _script(self, doing: str, argv: Sequence[str], nonce: str, stdin: bytes) -> bytes:
        if wrong := [name for name in self.environ if not _NAME.fullmatch(name)]:
            raise ProcessNotRunError(doing, f"{wrong[0]!r} is no name of a variable")
        if not argv or not argv[0]:
            raise ProcessNotRunError(doing, "no such command")
        exports = "\n".join(f"export {n}={shlex.quote(v)}" for n, v in self.environ.items())
        # `printf` is the shell's own, so this is no argument of a program either.
        data = base64.b64encode(stdin).decode()
        given = f"printf %s {data} | base64 -d | " if data else ""
        script = _SCRIPT.format(exports=exports, argv=shlex.join(argv), nonce=nonce, given=given)
        if "\0" in script:
            raise ProcessNotRunError(doing, "an argument holds a byte that no command takes")
        return script.encode("utf-8", "surrogateescape")

    def _exchange(self, doing: str, script: bytes, timeout_s: float, nonce: str) -> Captured:
        try:
            process = subprocess.Popen(
                self._argv(doing, "exec /bin/sh -c " + shlex.quote(_READ_SCRIPT)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=self._own_environment(),
                start_new_session=True,
            )
        except OSError as exc:
            raise ProcessNotRunError(doing, exc.strerror or "ssh cannot be started") from exc
        # It stays open until the end: where it ends, the host takes us for gone.
        with fed(process.stdin, b"%d\n" % len(script) + script, then_close=False):
            end = re.compile(rb"\n%s \d+\n\Z" % nonce.encode())
            return captured(process, timeout_s, is_over=lambda *last: all(map(end.search, last)))

    def _argv(self, doing: str, *command: str) -> list[str]:
        options = {**_OPTIONS, "ConnectTimeout": str(_CONNECT_S)}
        options["ControlPath"] = f"{self._folder(doing)}/%C"
        if self.known_hosts is not None:
            options |= {"UserKnownHostsFile": self.known_hosts, "GlobalKnownHostsFile": "none"}
        if self.identity_file is not None:
            options |= {"IdentityFile": self.identity_file, "IdentitiesOnly": "yes"}
        if self.user is not None:
            options["User"] = self.user
        if self.port is not None:
            options["Port"] = str(self.port)
        words = [f"-o{name}={value}" for name, value in options.items()]
        control = command[:2] if command[0] == "-O" else ()
        rest = command[2:] if control else command
        return [self.program, *words, *control, "--", self.host, *rest]

    def _own_environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in _OWN_ENVIRONMENT if name in os.environ}

    def _folder(self, doing: str) -> str:
        """Of the socket; nobody else may have made it, or they would have our connections."""
        default = f"{tempfile.gettempdir()}/kong_lts-ssh-{os.getuid()}"
        folder = Path(self.control_folder or default)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
        except OSError as exc:
            raise ProcessNotRunError(doing, f"{folder}: {exc.strerror}") from exc
        mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if not mine or found.st_mode & 0o077:
            raise ProcessNotRunError(doing, f"{folder} belongs to somebody else, or is open to all")
        return str(folder)


def _taken_apart(seen: Captured, nonce: str) -> tuple[str | None, str, str]:
    """The status that the script tells, and both streams without it."""
    end = re.compile(rf"\n{nonce} (\w+)\n")
    found = end.search(seen.stderr)
    return found[1] if found else None, end.sub("", seen.stdout), end.sub("", seen.stderr)
