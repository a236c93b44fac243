"""The commands that read files, on a node whose files are a mapping."""

import fnmatch
import zlib
from collections.abc import Callable, Mapping, Sequence

from kong_lts.errors import ProcessFailedError
from kong_lts.protocols import Finished

__all__ = ["READS", "read"]

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_REGULAR = "81a4"


def read(files: Mapping[str, str], argv: Sequence[str], statuses: Sequence[int]) -> Finished:
    """What `cat`, `stat`, `dd`, `find`, `sed` and `env` say, as `NodeReader` calls them.

    Raises:
        ProcessFailedError: There is no such file.
    """
    try:
        return Finished(status=0, stdout=READS[argv[0]](files, argv))
    except KeyError:
        reason = "No such file or directory"
        if 1 in statuses:
            return Finished(status=1, stderr=reason)
        raise ProcessFailedError(" ".join(argv), reason, 1) from None


def _cat(files: Mapping[str, str], argv: Sequence[str]) -> str:
    return files[argv[-1]]


def _stat(files: Mapping[str, str], argv: Sequence[str]) -> str:
    return f"{_REGULAR} {len(files[argv[-1]].encode())} {zlib.crc32(argv[-1].encode())}\n"


def _dd(files: Mapping[str, str], argv: Sequence[str]) -> str:
    given = dict(word.split("=", 1) for word in argv[1:])
    size, block = int(given["bs"]), int(given["skip"])
    data = files[given["if"]].encode()[size * block : size * (block + 1)]
    return data.decode(errors="replace")


def _find(files: Mapping[str, str], argv: Sequence[str]) -> str:
    folder, depth, pattern = f"{argv[2].rstrip('/')}/", int(argv[6]), argv[8]
    found = [
        path
        for path in files
        if path.startswith(folder)
        and path.removeprefix(folder).count("/") < depth
        and fnmatch.fnmatchcase(path.rpartition("/")[2], pattern)
    ]
    if not found:
        raise KeyError(folder)
    return "".join(f"{path}\n" for path in found)


def _sed(files: Mapping[str, str], argv: Sequence[str]) -> str:
    """As it is called for certificates."""
    kept, inside = [], False
    for line in files[argv[-1]].splitlines(keepends=True):
        inside = inside or line.startswith(_BEGIN)
        kept += [line] if inside else []
        inside = inside and not line.startswith(_END)
    return "".join(kept)


def _env(files: Mapping[str, str], argv: Sequence[str]) -> str:
    return ""


READS: Mapping[str, Callable[[Mapping[str, str], Sequence[str]], str]] = {
    "cat": _cat,
    "stat": _stat,
    "dd": _dd,
    "find": _find,
    "sed": _sed,
    "env": _env,
}
