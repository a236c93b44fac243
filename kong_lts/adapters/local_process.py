"""Commands on this host."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence

import attrs

from kong_lts.adapters.process_output import captured, fed
from kong_lts.adapters.secrets import masked
from kong_lts.deny_list import refuse_denied
from kong_lts.errors import ProcessFailedError, ProcessNotRunError
from kong_lts.protocols import Finished

__all__ = ["LocalProcessRunner"]

_SHOWN_CHARACTERS = 200


@attrs.frozen(kw_only=True)
class LocalProcessRunner:
    """Runs commands on this host, each in a process group of its own, with the given input.

    Args:
        environ: The whole environment of the commands.
        cwd: Where they run; None is where this process does.
        secrets: Texts that are blotted out in what is kept of the output.
        pass_fds: Open files that the commands inherit.
    """

    environ: Mapping[str, str] = attrs.field(default=os.environ, repr=False)
    cwd: str | None = None
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    pass_fds: tuple[int, ...] = ()

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        statuses: Sequence[int] = (0,),
        stdin: bytes = b"",
    ) -> Finished:
        refuse_denied(argv)
        doing = f"running {masked(shlex.join(argv), self.secrets)[:_SHOWN_CHARACTERS]}"
        try:
            process = self._start(argv, has_input=bool(stdin))
        except (OSError, ValueError, IndexError) as exc:
            why = exc.strerror if isinstance(exc, OSError) and exc.strerror else "no such command"
            raise ProcessNotRunError(doing, why) from exc
        with fed(process.stdin, stdin):
            seen = captured(process, timeout_s)
        out, err = (masked(text, self.secrets) for text in (seen.stdout, seen.stderr))
        if not seen.ended:
            raise ProcessNotRunError(doing, f"still running after {timeout_s:g} s, so it was ended")
        if process.returncode not in statuses:
            raise ProcessFailedError(doing, err.strip() or out, process.returncode, out)
        return Finished(status=process.returncode, stdout=out, stderr=err)

    def _start(self, argv: Sequence[str], *, has_input: bool) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            bufsize=0,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(self.environ),
            cwd=self.cwd,
            pass_fds=self.pass_fds,
            start_new_session=True,
        )
