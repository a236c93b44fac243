"""How long kong.conf takes: the catalog once, then parse, compare and rewrite of growing files."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from kong_lts import kong_conf

RUNS = 5
SIZES = (1, 2, 4, 8)
PIECE_BYTES = 37_500

TIMED_CATALOG = """
import time
from kong_lts import catalog
from kong_lts.versions import Release
began = time.process_time()
catalog.kong_conf()
for release in Release:
    catalog.conf_keys(release)
print(time.process_time() - began)
"""

COMMENT = "# What this key is for, in a line or two of about eighty characters, as Kong ships it\n"
SHAPES = {
    "mostly comments": (*(COMMENT,) * 6, "nginx_http_add_header_{n} = X-Header-{n} value  # why\n"),
    "settings only": (
        "nginx_http_add_header_{n} = X-Header-{n} value  # a comment\n",
        "nginx_proxy_set_header_{n} = value\n",
        "pluginserver_number_{n}_start_cmd = /usr/local/bin/server-{n}\n",
        "vault_number_{n} = some\\#thing{n}\n",
    ),
    "a finding in each line": (
        "cassandra_number_{n} = kong\n",
        "log_level = notice\n",
        "nginx_http_number_{n} = glued#comment\n",
    ),
}


def text(pieces: int, lines: Sequence[str]) -> str:
    """A kong.conf of so many pieces of `PIECE_BYTES` that repeats some lines with new numbers."""
    found: list[str] = []
    size = n = 0
    while size < pieces * PIECE_BYTES:
        line = lines[n % len(lines)].format(n=n)
        found.append(line)
        size += len(line)
        n += 1
    return "".join(found)


def cpu_ms(source: str) -> float:
    """The best CPU time of one pass, in milliseconds."""
    times = []
    for _ in range(RUNS):
        began = time.process_time()
        conf = kong_conf.parse(source)
        kong_conf.diff(conf, edition="oss")
        kong_conf.rewrite(conf, edition="oss")
        times.append(time.process_time() - began)
    return min(times) * 1000


def catalog_ms() -> float:
    """The CPU time of the catalog in a new process, once Python has compiled what it imports."""
    with tempfile.TemporaryDirectory() as compiled:
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", TIMED_CATALOG]
        for _ in range(2):
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    return float(done.stdout) * 1000


def main() -> None:
    """Print the catalog's time in a fresh interpreter, then that of each size."""
    print(f"catalog: {catalog_ms():.1f} ms")
    kong_conf.diff(kong_conf.parse(""), edition="oss")
    for shape, lines in SHAPES.items():
        for pieces in SIZES:
            source = text(pieces, lines)
            print(f"{shape}, {len(source) // 1000} kB: {cpu_ms(source):.1f} ms")


if __name__ == "__main__":
    main()
