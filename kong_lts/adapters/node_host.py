"""What is asked of a node that is another machine, in the words of a shell."""

import binascii
import gzip
import stat
import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs

from kong_lts.adapters.node_copies import LEFT_OUT, is_absolute
from kong_lts.errors import NodeFilesError, ProcessError, last_words
from kong_lts.manifest import NodeFile
from kong_lts.protocols import Finished

__all__ = ["InputRunner", "NodeHost", "Piece", "Seen"]

_AT_ONCE = 200
_WORDS_BYTES = 64 << 10
"""Of the paths in one command; a system has room for twenty times as much."""

# Each is given to `sh -c`; what they print is text whatever the names and contents are.
_ENCODED = "| gzip -c | base64"
_WALK = f"""\
LC_ALL=C; export LC_ALL
{{ find "$@" -print0; printf '%s\\0' "$?"; }} {_ENCODED}"""
_LOOK = f"""\
LC_ALL=C; export LC_ALL
{{
  for f do
    more=
    if s=$(stat -c '%f:%s:%u:%g:%U:%G' "$f" 2>&1); then
      case $s in
        8???:*) case $f in
            {"|".join(f"*{ending}" for ending in LEFT_OUT)}) ;;
            *) more=$(sha256sum <"$f") || {{ [ ! -e "$f" ] || exit; s=; more=; }} ;;
          esac ;;
        a???:*) more=$(readlink -n "$f"; echo x) ;;
      esac
    else
      case $s in
        *'No such file or directory'|*'Not a directory') s= ;;
        *) printf '%s\\n' "$s" >&2; exit ;;
      esac
    fi
    printf '%s\\0%s\\0' "$s" "$more"
  done
  printf 'end\\0'
}} {_ENCODED}"""
_READ = """\
while [ $# -gt 0 ]; do tail -c "+$2" "$1" | head -c "$3"; shift 3; done | base64"""
_GONE = "No such file or directory"
_UNREADABLE = "what the node answered cannot be read: has it gzip, base64 and sha256sum?"


class InputRunner(Protocol):
    """A `ProcessRunner` that can also give a command its input."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        statuses: Sequence[int] = (0,),
        stdin: bytes = b"",
    ) -> Finished:
        """Run a command to its end, as a `ProcessRunner` does.

        Args:
            argv: Program and arguments.
            timeout_s: Seconds after which it is ended.
            statuses: Exit statuses that are no failure.
            stdin: What it may read; it can be secret, so it stands in no argument.
        """


@attrs.frozen
class Seen:
    """What stands at a path of a node."""

    path: str
    mode: int
    """As stat has it, with the kind."""
    size_bytes: int
    owner: str
    group: str
    digest: str | None
    target: str | None

    @property
    def is_folder(self) -> bool:
        """Whether it is one itself, and not by a link."""
        return stat.S_ISDIR(self.mode)

    @property
    def file(self) -> NodeFile | None:
        """What a backup holds of it; None for what it leaves out."""
        is_noise = self.path.endswith(LEFT_OUT) and not self.is_folder
        if is_noise or not (self.is_folder or self.digest or self.target is not None):
            return None
        return NodeFile(
            path=self.path,
            mode=0o777 if self.target is not None else stat.S_IMODE(self.mode),
            owner=self.owner,
            group=self.group,
            sha256=self.digest,
            target=self.target,
        )


@attrs.frozen
class Piece:
    """A part of a file."""

    path: str
    offset: int
    count: int


@attrs.frozen
class NodeHost:
    """One node, and what it is asked for."""

    runner: InputRunner
    before: tuple[str, ...]
    timeout_s: float
    doing: str

    def run(self, script: str, *words: str, stdin: bytes = b"") -> Finished:
        """Give a script to the node's shell, with words as its arguments.

        Raises:
            NodeFilesError: It failed.
        """
        argv = [*self.before, "sh", "-c", script, "sh", *words]
        try:
            if not stdin:
                return self.runner.run(argv, timeout_s=self.timeout_s)
            return self.runner.run(argv, timeout_s=self.timeout_s, stdin=stdin)
        except ProcessError as exc:
            why = last_words(exc.reason) or "the node's shell failed"
            raise NodeFilesError(self.doing, why) from exc

    def absolute(self, path: str) -> str:
        """The path, without a slash at its end.

        Raises:
            NodeFilesError: It is none.
        """
        if not is_absolute(path):
            raise NodeFilesError(self.doing, f"{path} is no absolute path")
        return path.rstrip("/") or "/"

    def all_below(self, paths: Sequence[str]) -> list[str]:
        """Every named path, and what is below it, a folder before what is in it.

        Raises:
            NodeFilesError: What is named is not there, or may not be read.
        """
        starts = [self.absolute(path) for path in paths]
        found: set[str] = set()
        for some in _portions(starts):
            done = self.run(_WALK, *some)
            *names, status = self._fields(done)
            bad = [line for line in done.stderr.splitlines() if not line.endswith(_GONE)]
            if status != "0" and bad:
                raise NodeFilesError(self.doing, last_words(bad))
            found.update(names)
        if missing := [path for path in starts if path not in found]:
            raise NodeFilesError(self.doing, f"there is no {missing[0]}")
        return sorted(found, key=lambda path: path.split("/"))

    def look(self, paths: Sequence[str]) -> Iterator[tuple[str, Seen | None]]:
        """What stands at each path now; None for nothing.

        Raises:
            NodeFilesError: One may not be read.
        """
        for some in _portions(paths):
            done = self.run(_LOOK, *some)
            *fields, end = self._fields(done) or [""]
            if end != "end" or len(fields) != 2 * len(some):
                raise NodeFilesError(self.doing, last_words(done.stderr) or _UNREADABLE)
            for path, status, more in zip(some, fields[::2], fields[1::2], strict=True):
                yield path, _seen(path, status, more) if status else None

    def read(self, pieces: Sequence[Piece]) -> bytes:
        """Parts of files, one after the other; less where a file has become shorter.

        Raises:
            NodeFilesError: The answer is none.
        """
        words = [w for p in pieces for w in (p.path, str(p.offset + 1), str(p.count))]
        try:
            return binascii.a2b_base64(self.run(_READ, *words).stdout)
        except binascii.Error as exc:
            raise NodeFilesError(self.doing, _UNREADABLE) from exc

    def _fields(self, done: Finished) -> list[str]:
        try:
            data = gzip.decompress(binascii.a2b_base64(done.stdout))
        except (binascii.Error, OSError, EOFError, zlib.error) as exc:
            raise NodeFilesError(self.doing, last_words(done.stderr) or _UNREADABLE) from exc
        return data.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _portions(paths: Sequence[str]) -> Iterator[list[str]]:
    """So many that one command can take them."""
    some: list[str] = []
    size = 0
    for path in paths:
        if some and (len(some) == _AT_ONCE or size + len(path) > _WORDS_BYTES):
            yield some
            some, size = [], 0
        some.append(path)
        size += len(path)
    if some:
        yield some


def _seen(path: str, status: str, more: str) -> Seen:
    mode, size, user, group, user_name, group_name = status.split(":")
    is_link = stat.S_ISLNK(int(mode, 16))
    return Seen(
        path=path,
        mode=int(mode, 16),
        size_bytes=int(size),
        owner=user if user_name == _NAMELESS else user_name,
        group=group if group_name == _NAMELESS else group_name,
        digest=more.partition(" ")[0] or None if not is_link else None,
        target=more.removesuffix("\n").removesuffix("x") if is_link else None,
    )


_NAMELESS = "UNKNOWN"
"""As stat calls the owner of whom nothing but the number is known."""
