"""What one call of the stand-in for `kong` was asked for, and how it speaks."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import attrs

from kong_lts.files import read_text

__all__ = ["RELEASE", "Settings", "read_settings", "refuse", "say"]

RELEASE = "KONG_LTS_STAND_IN_VERSION"
"""Environment variable with the release that the stand-in plays."""

_WITH_VALUE = {
    "-c": "conf",
    "--conf": "conf",
    "-p": "prefix",
    "--prefix": "prefix",
    "--lock-timeout": "lock_timeout",
    "--db-timeout": "db_timeout",
    "-t": "timeout",
    "--timeout": "timeout",
    "--nginx-conf": "nginx_conf",
}
_LISTEN = re.compile(r" *(off|[^ ,]+:\d+( +[^ ,]+)*) *(,.*)?")
_LISTEN_FLAGS = "[ssl] [http2] [proxy_protocol] [deferred] [bind] [reuseport] [backlog=%d+]"
_LISTEN_FLAGS_34 = (
    " [ipv6only=on] [ipv6only=off] [so_keepalive=on] [so_keepalive=off] [so_keepalive=%w*:%w*:%d*]"
)
_LOG_LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")


@attrs.frozen(kw_only=True)
class Settings:
    """Words and options of the command line; kong.conf keys of file and environment."""

    release: str
    words: tuple[str, ...]
    flags: frozenset[str]
    options: Mapping[str, str]
    keys: Mapping[str, str] = attrs.field(repr=False)  # the password is among them

    @property
    def is_28(self) -> bool:
        return self.release.startswith("2.")

    @property
    def prefix(self) -> Path:
        return Path(self.options.get("prefix") or self.key("prefix", "/usr/local/kong"))

    @property
    def forced(self) -> bool:
        return bool(self.flags & {"-f", "--force"})

    @property
    def lock_timeout_s(self) -> float:
        return float(self.options.get("lock_timeout", "60"))

    def key(self, name: str, default: str) -> str:
        """A kong.conf key; one that is empty counts as not set."""
        return self.keys.get(name) or default


def read_settings(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Sort the arguments, read the file behind `-c`, and let `KONG_*` variables win over it."""
    words: list[str] = []
    flags: set[str] = set()
    options: dict[str, str] = {}
    rest = iter(argv)
    for word in rest:
        if word in _WITH_VALUE:
            options[_WITH_VALUE[word]] = next(rest, "")
        elif word.startswith("-") and words:
            flags.add(word)
        else:
            words.append(word)
    keys = _of_file(options["conf"]) if "conf" in options else {}
    keys |= {
        name.removeprefix("KONG_").lower(): value
        for name, value in environ.items()
        if name.startswith("KONG_") and name.isupper()
    }
    settings = Settings(
        release=environ.get(RELEASE, "3.4.2"),
        words=tuple(words),
        flags=frozenset(flags),
        options=options,
        keys=keys,
    )
    _refuse_bad_values(settings)
    return settings


def _refuse_bad_values(settings: Settings) -> None:
    """Of the checks that Kong makes: those of `log_level` and of a listener's first address."""
    if (level := settings.key("log_level", "notice")) not in _LOG_LEVELS:
        refuse(f"log_level has an invalid value: '{level}' ({', '.join(_LOG_LEVELS)})")
    flags = _LISTEN_FLAGS + ("" if settings.is_28 else _LISTEN_FLAGS_34)
    for key in ("proxy_listen", "status_listen"):
        if not _LISTEN.fullmatch(settings.key(key, "off")):
            refuse(f"{key} must be of form: [off] | <ip>:<port> {flags}, [... next entry ...]")


def _of_file(path: str) -> dict[str, str]:
    if not Path(path).is_file():
        refuse(f"no file at: {path}")
    lines = (line.partition("=") for line in read_text(path).splitlines())
    return {
        key.strip(): value.partition("#")[0].strip()
        for key, equals, value in lines
        if equals and not key.strip().startswith(("#", ";"))
    }


def say(line: str) -> None:
    """Print a line at once: who reads the output of a killed `kong` sees how far it came."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def refuse(reason: str) -> NoReturn:
    """End as `kong` does when it fails: the reason on stderr, status 1."""
    sys.stderr.write(
        f"Error: {reason}\n\n  Run with --v (verbose) or --vv (debug) for more details\n"
    )
    raise SystemExit(1)
