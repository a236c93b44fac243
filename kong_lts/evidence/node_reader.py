"""NodeReader: files of one node, read by a few commands that change nothing there."""

import re
import stat
from collections.abc import Iterator

import attrs

from kong_lts.errors import ProcessFailedError, UnreadableFileError
from kong_lts.protocols import ProcessRunner

__all__ = ["NodeReader"]

_COMMAND_S = 20.0
_CHUNK_BYTES = 4 << 20
"""What a program prints is kept up to some more than that."""
_MAX_TEXT = 8 << 20
_MAX_LISTED = 20_000
_STATUS = re.compile(r"([0-9a-f]+) (\d+)(?: (\d+))?")
_GONE = ("No such file or directory", "Not a directory")
_CERTIFICATES = "/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/,/-----END [A-Z0-9 ]*CERTIFICATE-----/p"
"""What `sed` prints: no private key leaves the node, though one stands in the same file."""


@attrs.frozen
class NodeReader:
    """Reads on one node by `env`, `stat`, `cat`, `dd`, `find` and `sed`, none of which writes.

    Args:
        node: Its name.
        runner: What runs commands there.
        chunk_bytes: So much is asked for at once.
    """

    node: str
    runner: ProcessRunner
    chunk_bytes: int = _CHUNK_BYTES

    def environ(self) -> dict[str, str]:
        """The variables that a command gets there."""
        lines = self._run("env").split("\n")
        return {key: value for key, sign, value in (x.partition("=") for x in lines) if sign}

    def text(self, path: str) -> str:
        """A file as it stands.

        Raises:
            UnreadableFileError: It is no regular file, or larger than a text is.
            ProcessFailedError: It cannot be read.
        """
        size = self.size(path)
        if size > _MAX_TEXT:
            raise UnreadableFileError(f"{self.node}:{path}", f"it has {size} bytes")
        if size > self.chunk_bytes:
            return b"".join(self._blocks(path, 0, size)).decode("utf-8", "surrogateescape")
        return self._run("cat", path)

    def size(self, path: str) -> int:
        """How many bytes a regular file has: a pipe would be waited on for ever.

        Raises:
            UnreadableFileError: It is none.
        """
        return self._look(path)[0]

    def last_lines(self, path: str, most_bytes: int) -> Iterator[bytes]:
        """The end of a log in chunks of whole lines, with little in memory at once.

        Raises:
            UnreadableFileError: It is no regular file, or has become another one meanwhile, as
                where logs are rotated.
        """
        size, number_there = self._look(path)
        first = -(-max(0, size - most_bytes) // self.chunk_bytes)
        rest, read = b"", first * self.chunk_bytes
        for number, block in enumerate(self._blocks(path, first, size)):
            read += len(block)
            data = rest + block
            if first and not number:
                data = data[data.find(b"\n") + 1 :]  # what is left of a line
            cut = data.rfind(b"\n") + 1 or (len(data) if len(data) > self.chunk_bytes else 0)
            if cut:
                yield data[:cut]
            rest = data[cut:]
        if rest:
            yield rest
        # What is no UTF-8 has become longer on its way, never shorter.
        if read < size or self._look(path)[1] != number_there:
            why = "it was rotated while it was read; look at it again"
            raise UnreadableFileError(f"{self.node}:{path}", why)

    def certificates(self, path: str) -> str:
        """The certificates of a file, and nothing else of it."""
        return self._run("sed", "-n", _CERTIFICATES, path)

    def files(self, folder: str, pattern: str = "*", *, depth: int) -> tuple[str, ...]:
        """Paths of what is below a folder, sorted; none if there is no such folder.

        Raises:
            UnreadableFileError: It may not be looked into, or holds more than can be told.
        """
        argv = ("find", "-H", folder, "-mindepth", "1", "-maxdepth", str(depth), "-name", pattern)
        done = self.runner.run(argv, timeout_s=_COMMAND_S, statuses=(0, 1))
        found = sorted(filter(None, done.stdout.split("\n")))
        said = done.stderr.strip()
        if not found and said and not said.endswith(_GONE):
            raise UnreadableFileError(f"{self.node}:{folder}", said.rpartition(": ")[2])
        if len(found) > _MAX_LISTED:
            raise UnreadableFileError(
                f"{self.node}:{folder}", f"there are more than {_MAX_LISTED} files below it"
            )
        return tuple(found)

    def _look(self, path: str) -> tuple[int, str | None]:
        """Size and number of a regular file."""
        found = _STATUS.search(self._run("stat", "-L", "-c", "%f %s %i", path))
        if found is None or not stat.S_ISREG(int(found[1], 16)):
            raise UnreadableFileError(f"{self.node}:{path}", "it is no regular file")
        return int(found[2]), found[3]

    def _blocks(self, path: str, first: int, size: int) -> Iterator[bytes]:
        for block in range(first, -(-size // self.chunk_bytes)):
            argv = ("dd", f"if={path}", f"bs={self.chunk_bytes}", f"skip={block}", "count=1")
            yield self._run(*argv).encode("utf-8", "surrogateescape")

    def _run(self, *argv: str) -> str:
        try:
            return self.runner.run(argv, timeout_s=_COMMAND_S).stdout
        except ProcessFailedError as exc:
            # Nothing of what a file says is kept in an error.
            raise ProcessFailedError(exc.doing, exc.reason, exc.status, "") from None
