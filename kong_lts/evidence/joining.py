"""The logs of several nodes as one; of a message or a call, its first place counts."""

from collections import Counter

import attrs

from kong_lts.evidence.logs import AccessLog, AdminLog, ErrorLog, bounded

__all__ = ["joined_access_logs", "joined_admin_logs", "joined_error_logs"]


def joined_access_logs(known: AccessLog | None, log: AccessLog) -> AccessLog:
    """Both, or the one that there is."""
    if known is None:
        return log
    return AccessLog(
        requests=known.requests + log.requests,
        paths=_paths(Counter(known.paths) + Counter(log.paths)),
        with_token_in_query=known.with_token_in_query + log.with_token_in_query,
        percent_encoded=known.percent_encoded + log.percent_encoded,
    )


def _paths(found: Counter[str]) -> Counter[str]:
    few = bounded(Counter({path.encode(): count for path, count in found.items()}))
    return Counter({path.decode("utf-8", "replace"): count for path, count in few.items()})


def joined_admin_logs(known: AdminLog | None, log: AdminLog) -> AdminLog:
    """Both, or the one that there is."""
    if known is None:
        return log
    calls = {(c.method, c.path, c.status, c.agent): c for c in known.calls}
    for call in log.calls:
        before = calls.get(key := (call.method, call.path, call.status, call.agent))
        count = call.count + (before.count if before else 0)
        calls[key] = attrs.evolve(before or call, count=count)
    return AdminLog(calls=tuple(calls.values()))


def joined_error_logs(known: ErrorLog | None, log: ErrorLog) -> ErrorLog:
    """Both, or the one that there is."""
    if known is None:
        return log
    lines = {line.rule: line for line in known.lines}
    for line in log.lines:
        before = lines.get(line.rule)
        count = line.count + (before.count if before else 0)
        first = before or attrs.evolve(line, path=line.path or log.path)
        lines[line.rule] = attrs.evolve(first, count=count)
    return ErrorLog(lines=tuple(lines.values()), path=known.path)
