"""How long and how much memory `declarative.convert` takes, and how both grow with the routes.

Each figure is of a process of its own. The last column, relative to one thousand routes of the
smallest file, says whether it grows in a straight line.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = (10_000, 30_000, 100_000, 300_000)
RUNS = 3

CONVERT = """
import pathlib, sys
from kong_lts import declarative
source, verify, everything = pathlib.Path(sys.argv[1]), sys.argv[2] == "1", sys.argv[3] == "1"
conversion = declarative.convert(source.read_bytes(), verify=verify)
if everything:
    conversion.findings
    conversion.patch()
print(sum(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def kong_yml(routes: int) -> str:
    """So many routes in services of ten, with comments, regexes and an old plugin each."""
    lines = ["# kong.yml", '_format_version: "2.1"', "services:"]
    for s in range(routes // 10):
        lines += [
            f"  # service {s}",
            f"  - name: svc-{s:06d}",
            f"    url: http://b-{s % 97}.test/api",
        ]
        lines.append("    routes:")
        for r in range(10):
            path = (f"/v1/items-{s}/{r}", rf"/v1/items-{s}/{r}/(?<id>\d+)$")[r % 3 == 1]
            lines += [f"      - name: route-{s:06d}-{r}", "        methods: [GET, POST]"]
            lines += [
                "        paths:",
                f"          - {path}   # public",
                "        strip_path: false",
            ]
        lines += ["    plugins:", "      - name: acl", "        config:"]
        lines += ["          whitelist: [internal]", "          hide_groups_header: true"]
    return "\n".join(lines) + "\n"


def measured(source: Path, *, verify: bool, everything: bool) -> tuple[float, float]:
    """CPU seconds and MiB of the best of some runs."""
    found = []
    arguments = [str(source), str(int(verify)), str(int(everything))]
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-c", CONVERT, *arguments], check=True, capture_output=True, text=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append((cpu_s, int(done.stdout) / 1024))
    return min(found)


def main() -> None:
    """Measure each size bare, proved, and with findings and patch."""
    first = None
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "kong.yml")
        for routes in SIZES:
            source.write_text(kong_yml(routes), encoding="utf-8")
            for name, verify, everything in (
                ("bare", False, False),
                ("proved", True, False),
                ("with findings and patch", False, True),
            ):
                cpu_s, mib = measured(source, verify=verify, everything=everything)
                first = first or cpu_s / routes
                print(
                    f"{routes:>7} routes, {source.stat().st_size / 1e6:5.1f} MB, {name}: "
                    f"{cpu_s:.2f} s CPU, {mib:.0f} MiB, {cpu_s / routes / first:.2f}"
                )


if __name__ == "__main__":
    main()
