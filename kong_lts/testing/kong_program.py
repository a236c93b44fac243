"""A stand-in for the `kong` program, for tests and for machines without Kong.

It migrates a real PostgreSQL database as Kong 3.4.2 does, and serves a small proxy from it.
Its texts, statuses and lies are those that were measured on the real program; it is no gateway.

Run it as `python -m kong_lts.testing.kong_program COMMAND`, or through the file that `install_kong`
writes. The environment variable KONG_LTS_STAND_IN_VERSION says which release it plays.
"""

import contextlib
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kong_lts.testing import kong_server
from kong_lts.testing.kong_migrations_command import (
    NEEDS_BOOTSTRAP,
    connect,
    listed,
    migrations,
    records_of,
)
from kong_lts.testing.kong_settings import RELEASE, Settings, read_settings, refuse, say

__all__ = ["install_kong", "main"]

_USAGE = """\
Usage: kong COMMAND [OPTIONS]

The available commands are:
 check
 config
 health
 hybrid
 migrations
 prepare
 quit
 reload
 restart
 roar
 start
 stop
 vault
 version

Options:
 --v              verbose
 --vv             debug
"""
_COMPONENTS = {
    "2.": "ngx_lua: 10020\nnginx: 1019009\nLua: LuaJIT 2.1.0-beta3",
    "3.": "ngx_lua: 10021\nnginx: 1021004\nLua: LuaJIT 2.1.0-beta3",
}
_QUIT_TIMEOUT_S = 10.0


def install_kong(folder: Path, *, version: str = "3.4.2") -> Path:
    """Write an executable file `kong`, so that whoever has *folder* on PATH finds the stand-in.

    Args:
        folder: Made if it is not there.
        version: 2.8.5 or 3.4.2.

    Returns:
        Path of the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    package = Path(__file__).parents[2]
    file = folder / "kong"
    file.write_text(
        "#!/bin/sh\n"
        f"{RELEASE}={shlex.quote(version)} PYTHONPATH={shlex.quote(str(package))}"
        '"${PYTHONPATH:+:$PYTHONPATH}" '
        f'exec {shlex.quote(sys.executable)} -m {__spec__.name} "$@"\n'
    )
    file.chmod(0o755)
    return file


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command, and return its status; one that fails ends with SystemExit.

    Args:
        argv: Words of the command line; those of this process if None.
        environ: The same for the environment.
    """
    settings = read_settings(
        sys.argv[1:] if argv is None else argv, os.environ if environ is None else environ
    )
    command = settings.words[0] if settings.words else ""
    work = _COMMANDS.get(command)
    if work is None:
        if command and command in _USAGE.split():
            refuse(f"the stand-in has no 'kong {command}'")
        sys.stderr.write((f"No such command: {command}\n\n" if command else "") + _USAGE)
        return 1
    return work(settings)


def _version(settings: Settings) -> int:
    if settings.flags & {"-a", "--all"}:
        say(f"Kong: {settings.release}\n{_COMPONENTS[settings.release[:2]]}")
    else:
        say(settings.release)
    return 0


def _start(settings: Settings) -> int:
    if kong_server.running_pid(settings.prefix):
        refuse(f"Kong is already running in {settings.prefix}")
    _make_prefix(settings)
    _check_records(settings)
    if reason := kong_server.start(settings):
        refuse(reason)
    say("Kong started")
    return 0


def _check_records(settings: Settings) -> None:
    with connect(settings) as connection:
        records = records_of(settings, connection)
    where = "./kong/cmd/utils/migrations.lua"
    if records.needs_bootstrap:
        refuse(f"{where}:16: {NEEDS_BOOTSTRAP}")
    if records.new:
        refuse(f"{where}:20: New migrations available; run 'kong migrations up' to proceed")
    if records.pending:
        say(f"Database has pending migrations:\n{listed(records.pending)}"[:-1])


def _make_prefix(settings: Settings) -> None:
    if settings.prefix.is_dir():
        return
    say(f"prefix directory {settings.prefix} not found, trying to create it")
    try:
        settings.prefix.mkdir(parents=True)
    except OSError as exc:
        refuse(f"could not create prefix directory {settings.prefix}: {exc.strerror}")


def _stop(settings: Settings) -> int:
    """Ends before the process does, as the real one: whoever needs it gone has to look."""
    os.kill(_pid(settings), signal.SIGTERM)
    say("Kong stopped")
    return 0


def _quit(settings: Settings) -> int:
    os.kill(_pid(settings), signal.SIGQUIT)
    _wait_until_gone(settings)
    say("Kong stopped (gracefully)")
    return 0


def _restart(settings: Settings) -> int:
    with contextlib.suppress(ProcessLookupError):
        if pid := kong_server.running_pid(settings.prefix):
            os.kill(pid, signal.SIGTERM)
            _wait_until_gone(settings)
            say("Kong stopped")
    return _start(settings)


def _reload(settings: Settings) -> int:
    if not settings.is_28 and not settings.prefix.is_dir():
        _make_prefix(settings)
        refuse(f"no file at: {settings.prefix}/.kong_env")
    pid = _pid(settings)
    kong_server.write_environment(settings)
    os.kill(pid, signal.SIGHUP)
    say("Kong reloaded")
    return 0


def _health(settings: Settings) -> int:
    _refuse_without_prefix(settings)
    if not kong_server.running_pid(settings.prefix):
        say("nginx.......not running\n")
        refuse(f"Kong is not running at {settings.prefix}")
    say(f"nginx.......running\n\nKong is healthy at {settings.prefix}")
    return 0


def _pid(settings: Settings) -> int:
    _refuse_without_prefix(settings)
    pid = kong_server.running_pid(settings.prefix)
    return pid or refuse(f"nginx not running in prefix: {settings.prefix}")


def _refuse_without_prefix(settings: Settings) -> None:
    if not settings.prefix.is_dir():
        refuse(f"no such prefix: {settings.prefix}")


def _wait_until_gone(settings: Settings) -> None:
    end = time.monotonic() + _QUIT_TIMEOUT_S
    while kong_server.running_pid(settings.prefix) and time.monotonic() < end:
        time.sleep(0.02)


_COMMANDS: dict[str, Callable[[Settings], int]] = {
    "health": _health,
    "migrations": migrations,
    "quit": _quit,
    "reload": _reload,
    "restart": _restart,
    "start": _start,
    "stop": _stop,
    "version": _version,
}

if __name__ == "__main__":
    sys.exit(main())
