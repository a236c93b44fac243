"""What the logs of a deployment come to: read once, in chunks, into values of bounded size."""

import itertools
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import attrs

from kong_lts import catalog
from kong_lts.files import read_chunks

__all__ = [
    "AccessLog",
    "AdminCall",
    "AdminLog",
    "ErrorLog",
    "LogLine",
    "access_log_of",
    "admin_log_of",
    "bounded",
    "error_log_of",
    "read_access_log",
    "read_admin_log",
    "read_error_log",
]

MOST_PATHS = 200_000
"""So many different paths are counted on their own; ids in them are folded beyond that."""
MOST_CALLS = 20_000

_REQUEST = re.compile(rb'"[A-Z]{3,7} (/[^ ?"\n]*)(?=[ ?])')
_TOKEN = rb"[?&](?:jwt|access_token|id_token)="
_CALL = re.compile(
    rb'^(?:[^"\n]*)"([A-Z]{3,7}) ([^ "\n]+)[^"\n]*" ([1-5]\d\d)(?:[^"\n]*"[^"\n]*"[ ]"([^"\n]*)")?',
    re.MULTILINE,
)
_ID = re.compile(
    rb"(?<=/)(?:[0-9]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|(?=[^/\n]*[0-9])[A-Za-z0-9_-]{16,})(?=/|$)",
    re.MULTILINE,
)
_SAMPLE = 240
_REST = b"/..."
_HIDDEN = re.compile(
    r"(?i)((?:authorization|apikey|api_key|password|secret|token|jwt)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;]+"
)


@attrs.frozen(kw_only=True)
class AccessLog:
    """What the proxy's access log comes to."""

    requests: int = 0
    """How many were counted."""
    paths: Mapping[str, int] = attrs.field(factory=dict, repr=False)
    """Requests by path without its query; `*` stands for an id where there were too many."""
    with_token_in_query: int = 0
    """Requests with a token such as `?jwt=` in their query."""
    percent_encoded: int = 0
    """Requests with a `%` in their path."""


@attrs.frozen(kw_only=True)
class AdminCall:
    """One kind of request to the Admin API, and how often it came."""

    method: str
    """As in `POST`."""
    path: str
    """Without its query."""
    status: int
    """HTTP status of the answer, 100 to 599."""
    agent: str = ""
    """`User-Agent` of the client."""
    count: int = 1
    """How many such calls."""
    line: int = 1
    """Where the first one stands."""


@attrs.frozen(kw_only=True)
class AdminLog:
    """What the Admin API's access log comes to."""

    calls: tuple[AdminCall, ...] = ()
    """Each kind of call once."""


@attrs.frozen(kw_only=True)
class LogLine:
    """One message that a rule knows: where it stood first, and how often it came."""

    rule: str
    """Id of the rule that knows it."""
    line: int | None
    """None where only the end of the log was read."""
    count: int
    """How many such lines."""
    text: str = attrs.field(repr=False)
    """The first of them."""
    path: str | None = None
    """Of its file, where the log is made of several."""


@attrs.frozen(kw_only=True)
class ErrorLog:
    """The messages of an error log that a rule knows."""

    lines: tuple[LogLine, ...] = ()
    """What a rule knows, each kind once."""
    path: str = "logs/error.log"
    """Of the file."""


Progress = Callable[[int], None]
"""Told how many bytes have been read."""


def read_access_log(path: str | os.PathLike[str], *, progress: Progress | None = None) -> AccessLog:
    """Read the proxy's access log, of any size, in bounded memory.

    Raises:
        UnreadableFileError: It cannot be read.
    """
    return access_log_of(read_chunks(path, progress=progress))


def read_admin_log(path: str | os.PathLike[str], *, progress: Progress | None = None) -> AdminLog:
    """Read the Admin API's access log.

    Raises:
        UnreadableFileError: It cannot be read.
    """
    return admin_log_of(read_chunks(path, progress=progress))


def read_error_log(path: str | os.PathLike[str], *, progress: Progress | None = None) -> ErrorLog:
    """Read an error log for the messages that the catalog knows.

    Raises:
        UnreadableFileError: It cannot be read.
    """
    return error_log_of(read_chunks(path, progress=progress))


def access_log_of(chunks: Iterable[bytes], *, most: int = MOST_PATHS) -> AccessLog:
    """The same as `read_access_log`, of chunks that each end with a line.

    Args:
        chunks: Of the log.
        most: So many different paths are counted on their own.
    """
    paths: Counter[bytes] = Counter()
    token = re.compile(_TOKEN)
    tokens, requests = 0, 0
    encoded = 0
    for chunk in chunks:
        found = _REQUEST.findall(chunk)
        requests += len(found)
        paths.update(found)
        if b"jwt=" in chunk or b"_token=" in chunk:
            tokens += len(token.findall(chunk))
        if len(paths) > most:
            encoded += sum(count for path, count in paths.items() if b"%" in path)
            paths = _folded(paths, most // 2)
    encoded += sum(count for path, count in paths.items() if b"%" in path)
    return AccessLog(
        requests=requests,
        paths={path.decode("utf-8", "replace"): count for path, count in paths.items()},
        with_token_in_query=tokens,
        percent_encoded=encoded,
    )


def bounded(paths: Counter[bytes]) -> Counter[bytes]:
    """So many paths as are counted on their own, at most; the same requests."""
    return _folded(paths, MOST_PATHS // 2) if len(paths) > MOST_PATHS else paths


def _folded(paths: Counter[bytes], wanted: int) -> Counter[bytes]:
    """At most so many: ids as `*`, then fewer and fewer segments, at last the frequent ones.

    Room is free again afterwards, so that the work stays in proportion to the log.
    """
    for pattern, short in _SHORTER:
        if not _helps(pattern, short, paths):
            continue
        counts = list(paths.values())
        shorter = pattern.sub(short, b"\n".join(paths).replace(b"%", b"")).split(b"\n")
        paths = Counter(shorter)  # each counts as one here
        for path, count in zip(shorter, counts, strict=True):
            if count > 1:
                paths[path] += count - 1
        if len(paths) <= wanted:
            return paths
    requests = paths.total()
    kept = Counter({path: count for path, count in paths.items() if count > 1 and b"%" not in path})
    if len(kept) >= wanted:
        kept = Counter(dict(kept.most_common(wanted - 1)))
    kept[_REST] += requests - kept.total()
    return kept


def _helps(pattern: re.Pattern[bytes], short: bytes, paths: Counter[bytes]) -> bool:
    """Whether a part of them tells that it would leave fewer."""
    some = list(itertools.islice(paths, 0, None, max(1, len(paths) // _TRIED)))
    return len(set(pattern.sub(short, b"\n".join(some)).split(b"\n"))) < len(some) * 0.9


_SHORTER = (
    (_ID, b"*"),
    *((re.compile(rb"((?:/[^/\n]*){%d})[^\n]*" % n), rb"\1") for n in (4, 3, 2)),
)
"""What makes fewer paths of many lines of them, one after the other."""
_TRIED = 5_000


def admin_log_of(chunks: Iterable[bytes]) -> AdminLog:
    """The same as `read_admin_log`, of chunks that each end with a line."""
    found: dict[tuple[str, str, int, str], tuple[int, int]] = {}
    line = 1
    for chunk in chunks:
        at = 0
        for match in _CALL.finditer(chunk):
            line += chunk.count(b"\n", at, match.start())
            at = match.start()
            method, path, status, agent = (
                (part or b"").decode("utf-8", "replace") for part in match.groups()
            )
            key = (method, path.partition("?")[0], int(status), agent)
            if key in found:
                count, first = found[key]
                found[key] = (count + 1, first)
            elif len(found) < MOST_CALLS:
                found[key] = (1, line)
        line += chunk.count(b"\n", at)
    return AdminLog(
        calls=tuple(
            AdminCall(method=m, path=p, status=s, agent=a, count=count, line=first)
            for (m, p, s, a), (count, first) in found.items()
        )
    )


def error_log_of(chunks: Iterable[bytes]) -> ErrorLog:
    """The same as `read_error_log`, of chunks that each end with a line."""
    wanted = [
        (row.id, [text.encode().lower() for text in row.texts], row) for row in catalog.error_log()
    ]
    found: dict[str, tuple[int, int, str]] = {}
    line = 1
    for chunk in chunks:
        lowered = chunk.lower()
        for rule, texts, _ in wanted:
            for start, end in _lines_with(lowered, texts):
                count, first, sample = found.get(rule, (0, 0, ""))
                if not count:
                    first = line + chunk.count(b"\n", 0, start)
                    text = chunk[start:end].decode("utf-8", "replace")
                    sample = _HIDDEN.sub(r"\1...", text)[:_SAMPLE]
                found[rule] = (count + 1, first, sample)
        line += chunk.count(b"\n")
    return ErrorLog(
        lines=tuple(
            LogLine(rule=rule, line=first, count=count, text=sample)
            for rule, (count, first, sample) in found.items()
        )
    )


def _lines_with(chunk: bytes, texts: list[bytes]) -> Iterator[tuple[int, int]]:
    """Start and end of the lines that have one of the texts; each line once."""
    seen: set[int] = set()
    for text in texts:
        at = chunk.find(text)
        while at >= 0:
            start = chunk.rfind(b"\n", 0, at) + 1
            end = chunk.find(b"\n", at)
            end = len(chunk) if end < 0 else end
            if start not in seen:
                seen.add(start)
                yield start, end
            at = chunk.find(text, end)
