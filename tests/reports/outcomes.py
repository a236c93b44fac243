"""What the steps of the sample plan give, and how long they take."""

from kong_lts.database import Fingerprint, TableFingerprint
from kong_lts.events import (
    BackedUp,
    Confirmed,
    Diverted,
    Done,
    Migrated,
    Outcome,
    Probed,
    ProbeResult,
    Restored,
    TrafficCount,
    Watched,
    WritesStopped,
)

FINGERPRINT = Fingerprint(
    tables=(
        TableFingerprint(name="routes", rows=120, digest="0" * 64),
        TableFingerprint(name="services", rows=40, digest="1" * 64),
    )
)
QUIET = TrafficCount(requests=12_000, errors=3, latency_ms=21.4)


def watched(requests: int, errors: int, watched_s: float = 60) -> Watched:
    """What a watch saw on the new cluster, beside a quiet current one."""
    new = TrafficCount(requests=requests, errors=errors, latency_ms=19.0)
    return Watched(watched_s=watched_s, current=QUIET, new=new)


OUTCOMES: dict[str, tuple[Outcome, float]] = {
    "stop-admin-writes": (
        WritesStopped(
            tables=("routes", "services"),
            proof="ERROR: admin writes are stopped",
            fingerprint=FINGERPRINT,
        ),
        0.4,
    ),
    "back-up-database": (
        BackedUp(
            folder="kong-lts-backup",
            fingerprint=FINGERPRINT,
            size_bytes=1_572_864,
            server_version="13.4",
            tool_version="13.4",
        ),
        1.9,
    ),
    "back-up-files": (Confirmed(by="alice"), 40),
    "create-database": (Done(), 0.2),
    "restore-database": (
        Restored(folder="kong-lts-backup", database="kong_34", fingerprint=FINGERPRINT),
        2.2,
    ),
    "migrations-up": (Migrated(state="up", executed=40, pending=3, duration_s=5.1), 5.3),
    "staging-test": (
        Probed(
            results=(
                ProbeResult(name="orders", expected="200", found="200"),
                ProbeResult(name="health", expected="200", found="200"),
            )
        ),
        0.3,
    ),
    "divert-10": (Diverted(new_percent=10), 0.1),
    "watch-10": (watched(1_200, 0), 60),
    "approve-50": (Confirmed(by="carol", note="looks good"), 30),
    "divert-50": (Diverted(new_percent=50), 0.1),
    "watch-50": (watched(6_000, 2, 120), 120),
    "divert-100": (Diverted(new_percent=100), 0.1),
    "watch-100": (watched(12_000, 5), 60),
    "resume-admin-writes": (Done(), 0.1),
}
"""What each step of the short plan gives, and how long it takes."""
