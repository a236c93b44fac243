"""How long and how much memory an assessment takes, and how fast an access log is read.

100,000 routes, 20,000 plugins, 50 kong.conf files; the log is one of 200 MB, of which more is as
fast: it is read in chunks. Then as many routes and plugins as a look at a database shows them.
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ROUTES = (10_000, 40_000, 100_000)
NODES = 50
LOG_BYTES = 200 << 20
_ENDS = ("", r"/(?<id>\d+)$", "/detail")
_PLUGINS = {"acl": {"whitelist": ["internal"]}, "rate-limiting": {"minute": 5, "policy": "local"}}
_DEPLOYMENT = "mode: traditional\ncurrent: {version: 2.8.5}\nnew: {version: 3.4.2}\n"

ASSESS = """
import resource, sys, time
import kong_lts
began = time.process_time()
evidence = kong_lts.read_evidence(sys.argv[1])
read = time.process_time()
deployment = kong_lts.read_deployment(sys.argv[1] + "/deployment.yaml")
found = kong_lts.assess(deployment, evidence)
done = time.process_time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f"{read - began:.1f} {done - read:.1f} {peak} {len(found.findings)}")
"""


def bundle(folder: Path, routes: int) -> None:
    """A deployment with so many routes, a plugin for each five of them, and a log."""
    lines = ['_format_version: "1.1"', "services:"]
    for service in range(routes // 10):
        lines += [f"- name: svc-{service}", "  url: http://backend.example.com", "  routes:"]
        for number in range(10):
            end = _ENDS[number % 3]
            lines += [f"  - name: r-{service}-{number}", "    paths:"]
            lines += [f"    - /v1/items-{service}/{number}{end}", "    strip_path: false"]
        lines += ["  plugins:", "  - name: acl", "    config: {whitelist: [internal]}"]
        lines += ["  - name: rate-limiting", "    config: {minute: 5, policy: local}"]
    (folder / "kong.yml").write_text("\n".join(lines) + "\n")
    (folder / "kong.conf.d").mkdir()
    for node in range(NODES):
        text = f"database = postgres\nclient_max_body_size = 8m\n# node {node}\n"
        (folder / f"kong.conf.d/node-{node}.conf").write_text(text)
    (folder / "deployment.yaml").write_text(_DEPLOYMENT)
    write_log(folder / "logs" / "access.log", routes // 10)


def database(folder: Path, routes: int) -> None:
    """The same routes and plugins, in a database.json."""
    rows = [
        {
            "id": f"r-{number}",
            "name": f"r-{number}",
            "paths": [f"/v1/items-{number // 10}/{number % 10}" + _ENDS[number % 3]],
            "protocols": ["http", "https"],
            "regex_priority": 0,
            "path_handling": "v0",
            "service": f"s-{number // 10}",
        }
        for number in range(routes)
    ]
    services = [
        {"id": f"s-{number}", "host": "backend.example.com", "port": 80, "protocol": "http"}
        for number in range(routes // 10)
    ]
    plugins = [
        {"id": f"{name}-{service['id']}", "name": name, "config": config}
        for service in services
        for name, config in _PLUGINS.items()
    ]
    facts = {"routes": rows, "services": services, "plugins": plugins}
    (folder / "database.json").write_text(json.dumps(facts, indent=1))
    (folder / "deployment.yaml").write_text(_DEPLOYMENT)


def write_log(path: Path, services: int) -> None:
    """An access log of `LOG_BYTES`."""
    path.parent.mkdir()
    chance = random.Random(1)
    lines = "".join(
        f"10.1.4.20 - - [12/Feb/2024:06:00:01 +0000]"
        f' "GET /v1/items-{chance.randrange(services)}/{chance.randrange(10)}?x=1 HTTP/1.1"'
        f' 200 8211 "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"\n'
        for _ in range(100_000)
    )
    with path.open("w") as log:
        for _ in range(LOG_BYTES // len(lines)):
            log.write(lines)


DISTINCT = """
import itertools, sys, time
from kong_lts.evidence.logs import access_log_of
number = itertools.count()
def chunk(path):
    lines = (
        f'10.1.4.20 - - [12/Feb/2024:06:00:01 +0000] "GET {path(next(number))} HTTP/1.1"'
        ' 200 8211 "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"'
        for _ in range(7_000)
    )
    return "\\n".join([*lines, ""]).encode()
for kind, path in (
    ("ids", lambda n: f"/users/{n}/orders/{n * 7}"),
    ("words", lambda n: f"/w{n:x}z/{n * 2654435761 % 4294967296:x}q"),
):
    chunks = [chunk(path) for _ in range(100)]
    began = time.process_time()
    access_log_of(chunks)
    speed = sum(map(len, chunks)) / 1e6 / (time.process_time() - began)
    print(f"every path another one ({kind}): {speed:.0f} MB/s")
"""


def measured(folder: str) -> list[str]:
    """Seconds to read, seconds to assess, MiB at the peak, and findings of a bundle."""
    argv = [sys.executable, "-c", ASSESS, folder]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def main() -> None:
    """Print a line for each size, and how fast a log is in which no path comes twice."""
    print(subprocess.run([sys.executable, "-c", DISTINCT], capture_output=True, text=True).stdout)
    print("routes             read s  assess s  MiB  findings  log MB/s")
    for routes in ROUTES:
        with tempfile.TemporaryDirectory() as name:
            bundle(Path(name), routes)
            read, *rest = measured(name)
            speed = LOG_BYTES / 1e6 / max(float(read), 0.1)
            print(line(f"{routes} in files", read, *rest), f"{speed:8.0f}")
    with tempfile.TemporaryDirectory() as name:
        database(Path(name), ROUTES[-1])
        print(line(f"{ROUTES[-1]} of a database", *measured(name)))


def line(what: str, read: str, assess: str, peak: str, findings: str) -> str:
    """A row of the table."""
    return f"{what:17}  {read:>6}  {assess:>8}  {peak:>3}  {findings:>8}"


if __name__ == "__main__":
    main()
