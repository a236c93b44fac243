"""Each part that the integration tests rest on is there and answers."""

import subprocess
from pathlib import Path

import psycopg

from tests.integration.conftest import program

STATE = """\
_format_version: "3.0"
services:
- name: orders
  url: http://orders.internal:8080
  routes:
  - name: orders
    paths:
    - /orders
"""

NGINX_CONF = """\
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:8000; }}
}}
"""

HAPROXY_CFG = """\
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend proxy
    bind 127.0.0.1:8000
    default_backend kong
backend kong
    server current 127.0.0.1:8001
"""


def said(*argv: str | Path) -> str:
    """What a command printed, on either stream; a status other than 0 fails the test."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def written(folder: Path, name: str, text: str) -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_deck_says_its_version(deck: Path) -> None:
    assert said(deck, "version").startswith("decK")


def test_deck_takes_a_state_file(deck: Path, tmp_path: Path) -> None:
    said(deck, "file", "validate", written(tmp_path, "kong.yml", STATE))


def test_nginx_says_its_version(nginx: Path) -> None:
    assert "nginx/" in said(nginx, "-v")


def test_nginx_takes_a_configuration(nginx: Path, tmp_path: Path) -> None:
    conf = written(tmp_path, "nginx.conf", NGINX_CONF.format(folder=tmp_path))

    # `-e stderr`: an ordinary user may not open the log file that is compiled in.
    assert "test is successful" in said(nginx, "-t", "-e", "stderr", "-c", conf)


def test_bind9_says_its_version(bind9: Path) -> None:
    assert "BIND 9" in said(bind9, "-v")


def test_bind9_takes_a_configuration(bind9: Path, tmp_path: Path) -> None:
    conf = written(tmp_path, "named.conf", f'options {{ directory "{tmp_path}"; }};\n')

    said(program("named-checkconf"), conf)


def test_haproxy_says_its_version(haproxy: Path) -> None:
    assert "HAProxy version" in said(haproxy, "-v")


def test_haproxy_takes_a_configuration(haproxy: Path, tmp_path: Path) -> None:
    said(haproxy, "-c", "-f", written(tmp_path, "haproxy.cfg", HAPROXY_CFG))


def test_postgres_says_its_version(postgres: str) -> None:
    with psycopg.connect(postgres) as connection:
        row = connection.execute("SELECT version()").fetchone()

    assert row is not None
    assert row[0].startswith("PostgreSQL")
