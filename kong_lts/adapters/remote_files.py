"""Files of nodes that are other machines, reached by commands: over ssh, or whatever runs them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import attrs

from kong_lts.adapters.node_copies import (
    ATTEMPTS,
    became_a_file,
    became_a_folder,
    beside,
    digest_of,
    filled,
    new_file,
    our_files,
    proved_copy,
    read_listing,
    still_changing,
)
from kong_lts.adapters.node_host import InputRunner, NodeHost, Piece, Seen
from kong_lts.errors import NodeFilesError
from kong_lts.manifest import FileListing, NodeFile

__all__ = ["RemoteNodeFiles"]

_FETCHED_BYTES = 2 << 20
"""In one command; as base64 it is well below what a runner keeps of the output."""
_SENT_BYTES = 1 << 20
_AT_ONCE = 200

_BEGIN = 'set -e; mkdir -p "$2"; rm -f "$1"; umask 077; set -C; cat >"$1"'
_GO_ON = 'cat >>"$1"'
_SETTLE = """\
set -e
found=$(sha256sum <"$1")
[ "${found%% *}" = "$5" ] || { echo "what arrived is damaged" >&2; exit 1; }
chown "$3" "$1"; chmod "$4" "$1"
sync "$1" 2>/dev/null || sync
mv -fT "$1" "$2\""""
_LINK = """\
set -e; mkdir -p "$4"; rm -f "$1"; ln -s -- "$5" "$1"; chown -h "$3" "$1"; mv -fT "$1" "$2\""""
_FOLDER = """\
set -e; [ ! -h "$1" ] || rm -f "$1"; mkdir -p "$1"; chown "$2" "$1"; chmod "$3" "$1\""""
_REMOVE = 'rm -f "$1"'
_DIGEST = 'sha256sum <"$1"'


@attrs.frozen
class RemoteNodeFiles:
    """Copies files of other machines with their owner and mode, and puts them back.

    Contents travel as output and input of commands, never in an argument, and are held against
    their SHA-256 at both ends. A node needs what every Linux has: a shell, find, stat, sha256sum,
    gzip and base64.

    Args:
        runners: How each node is reached, by its name: `SshProcessRunner`, or `LocalProcessRunner`
            for this machine.
        before: Goes before each command, as `("sudo", "-n")` where the files are somebody else's.
        timeout_s: Seconds for one command, which moves at most 2 MiB.
    """

    runners: Mapping[str, InputRunner]
    before: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    timeout_s: float = 600.0

    def fetch(self, node: str, paths: Sequence[str], folder: str) -> FileListing:
        host = self._host(node, f"copying the files of node {node} to {folder}")
        return filled(folder, host.doing, lambda copies: _copy(host, node, paths, copies))

    def differing(self, node: str, folder: str) -> tuple[str, ...]:
        host = self._host(node, f"comparing the files of node {node} with {folder}")
        return tuple(file.path for file, _ in _differing(host, folder))

    def put_back(self, node: str, folder: str) -> tuple[str, ...]:
        host = self._host(node, f"putting the files of node {node} back from {folder}")
        put = []
        with our_files(host.doing):
            for file, seen in list(_differing(host, folder)):  # a folder before what is in it
                _put(host, file, seen, folder)
                put.append(file.path)
        return tuple(put)

    def digest(self, node: str, path: str) -> str:
        host = self._host(node, f"reading {path} of node {node}")
        return host.run(_DIGEST, host.absolute(path)).stdout.partition(" ")[0]

    def _host(self, node: str, doing: str) -> NodeHost:
        if node not in self.runners:
            raise NodeFilesError(doing, "it is not known how that node is reached")
        return NodeHost(self.runners[node], self.before, self.timeout_s, doing)


def _copy(host: NodeHost, node: str, paths: Sequence[str], copies: Path) -> FileListing:
    found = dict(host.look(host.all_below(paths)))
    changing = list(found)
    for _ in range(ATTEMPTS):
        _bring(host, [seen for path in changing if (seen := found[path])], copies)
        changing = [path for path in changing if not _is_whole(found[path], copies)]
        if not changing:
            files = {path: seen.file if seen else None for path, seen in found.items()}
            return FileListing(
                node=node,
                files=tuple(file for file in files.values() if file is not None),
                left_out=tuple(path for path, file in files.items() if file is None),
            )
        found |= dict(host.look(changing))
    raise still_changing(changing[0], host.doing)


def _is_whole(seen: Seen | None, copies: Path) -> bool:
    """Whether the copy holds what the node said of the file; all else has no copy."""
    if seen is None or seen.digest is None:
        return True
    return digest_of(copies / seen.path.lstrip("/")) == seen.digest


def _bring(host: NodeHost, files: Sequence[Seen], copies: Path) -> None:
    """Copy files of the node, many small ones at once, and large ones piece by piece."""
    for pieces in _loads(files):
        data = host.read(pieces)
        at = 0
        for piece in pieces:
            copy = copies / piece.path.lstrip("/")
            opened = os.open(copy, os.O_WRONLY | os.O_APPEND) if piece.offset else new_file(copy)
            with open(opened, "ab") as written:
                written.write(data[at : at + piece.count])
            at += piece.count


def _loads(files: Sequence[Seen]) -> Iterator[list[Piece]]:
    """What is brought by one command each."""
    some: list[Piece] = []
    size = 0
    for piece in (p for seen in files if seen.digest for p in _pieces(seen)):
        if some and (len(some) == _AT_ONCE or size + piece.count > _FETCHED_BYTES):
            yield some
            some, size = [], 0
        some.append(piece)
        size += piece.count
    if some:
        yield some


def _pieces(seen: Seen) -> Iterator[Piece]:
    for offset in range(0, max(1, seen.size_bytes), _FETCHED_BYTES):
        yield Piece(seen.path, offset, min(_FETCHED_BYTES, seen.size_bytes - offset))


def _differing(host: NodeHost, folder: str) -> Iterator[tuple[NodeFile, Seen | None]]:
    """What is not as it was fetched, and what stands there instead."""
    files = {file.path: file for file in read_listing(folder, host.doing).files}
    for path, seen in host.look(list(files)):
        if seen is None or seen.file != files[path]:
            yield files[path], seen


def _put(host: NodeHost, file: NodeFile, seen: Seen | None, folder: str) -> None:
    """Beside it first, with owner and mode, then in its place."""
    owner, mode = f"{file.owner}:{file.group}", f"{file.mode:o}"
    if file.sha256 is None and file.target is None:
        if seen and not seen.is_folder and seen.target is None:
            raise became_a_file(file.path, host.doing)
        host.run(_FOLDER, file.path, owner, mode)
        return
    if seen and seen.is_folder:
        raise became_a_folder(file.path, host.doing)
    at = PurePosixPath(file.path)
    new, parent = str(beside(at)), str(at.parent)
    try:
        if file.target is not None:
            host.run(_LINK, new, file.path, owner, parent, file.target)
            return
        _send(host, proved_copy(file, folder, host.doing), new, parent)
        host.run(_SETTLE, new, file.path, owner, mode, file.sha256 or "")
    except NodeFilesError:
        host.run(_REMOVE, new)
        raise


def _send(host: NodeHost, copy: Path, new: str, parent: str) -> None:
    with copy.open("rb") as file:
        host.run(_BEGIN, new, parent, stdin=file.read(_SENT_BYTES))
        while data := file.read(_SENT_BYTES):
            host.run(_GO_ON, new, stdin=data)
