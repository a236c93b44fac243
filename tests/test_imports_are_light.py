"""Importing kong_lts costs little: what only some callers need is loaded on first use."""

import json
import subprocess
import sys

HEAVY = ("psycopg", "httpx", "ruamel.yaml", "yaml", "hypothesis", "jinja2", "rich")


def test_importing_the_package_loads_no_heavy_package() -> None:
    code = "import json, sys, kong_lts; print(json.dumps(sorted(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    loaded = json.loads(done.stdout)
    assert "kong_lts" in loaded
    assert [name for name in HEAVY if name in loaded] == []
