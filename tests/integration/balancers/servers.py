"""The real nginx, HAProxy and bind9, each in a folder of its own and on free ports of loopback."""

import base64
import contextlib
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from kong_lts.deployment import Side
from tests.integration.balancers.upstreams import HOST, free_port

PATIENCE_S = 30.0


@contextlib.contextmanager
def running(argv: Sequence[str | Path], folder: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """A program in the foreground, from when it is ready to the end of the block."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + PATIENCE_S
            while not ready():
                said = (folder / "output").read_text(errors="replace")[-2000:]
                assert process.poll() is None, said
                assert time.monotonic() < end, said
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


# --- nginx ----------------------------------------------------------------------------------------

NGINX_HEAD = """\
{user}daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
"""
"""The start of an nginx.conf whose files are all below one folder; `http` is left open."""
_NGINX = (
    NGINX_HEAD
    + """\
    upstream kong_current {{ server {host}:{current}; }}
    upstream kong_new {{ server {host}:{new}; }}
    include {split};
    server {{
        listen {host}:{port} backlog=512;
        location / {{
            add_header X-Side $kong_lts_upstream;
            proxy_pass http://$kong_lts_upstream;
        }}
    }}
}}
"""
)
_FIRST = "split_clients x $kong_lts_upstream { * kong_current; }\n"


@attrs.frozen
class Nginx:
    folder: Path
    program: Path
    port: int
    split: Path

    @property
    def command(self) -> tuple[str, ...]:
        conf = str(self.folder / "nginx.conf")
        return (str(self.program), "-e", str(self.folder / "error.log"), "-c", conf)

    @property
    def pid_file(self) -> Path:
        return self.folder / "nginx.pid"


@contextlib.contextmanager
def nginx_server(program: Path, folder: Path, sides: Mapping[Side, int]) -> Iterator[Nginx]:
    """It has never seen a file of ours: its first one sends all to the current cluster."""
    server = Nginx(folder, program, free_port(), folder / "split.conf")
    text = _NGINX.format(
        user="user root;\n" if os.geteuid() == 0 else "",
        folder=folder, host=HOST, port=server.port, split=server.split,
        current=sides[Side.CURRENT], new=sides[Side.NEW],
    )  # fmt: skip
    (folder / "nginx.conf").write_text(text)
    server.split.write_text(_FIRST)
    with running(server.command, folder, lambda: listens(server.port)):
        server.split.unlink()
        yield server


# --- HAProxy --------------------------------------------------------------------------------------

_HAPROXY = """\
global
    stats socket {socket} mode 600 level admin
    maxconn 1024
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend proxy
    bind {host}:{port}
    use_backend sessions if {{ req.hdr(host) -i login.example.com }}
    default_backend kong
backend kong
    balance roundrobin
    server current {host}:{current} weight 100
    server new {host}:{new} weight 0
    server spare {host}:{new} weight 0
backend sessions
    balance hdr(x-client)
    hash-type consistent
    server current {host}:{current} weight 100
    server new {host}:{new} weight 0
backend others
    balance static-rr
    server current {host}:{current} weight 100
    server new {host}:{new} weight 100
"""


@attrs.frozen
class Haproxy:
    port: int
    socket: str


@contextlib.contextmanager
def haproxy_server(program: Path, folder: Path, sides: Mapping[Side, int]) -> Iterator[Haproxy]:
    server = Haproxy(free_port(), str(folder / "h.sock"))
    text = _HAPROXY.format(
        socket=server.socket, host=HOST, port=server.port,
        current=sides[Side.CURRENT], new=sides[Side.NEW],
    )  # fmt: skip
    (folder / "haproxy.cfg").write_text(text)
    argv = (program, "-db", "-f", folder / "haproxy.cfg")
    runtime = Path(server.socket)  # its name comes last
    with running(argv, folder, lambda: runtime.exists() and listens(server.port)):
        yield server


# --- bind9 ----------------------------------------------------------------------------------------

ZONE = "shop.test"
_NAMED = """\
options {{
    directory "{folder}";
    pid-file "{folder}/named.pid";
    session-keyfile "{folder}/session.key";
    listen-on port {port} {{ {host}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    notify no;
}};
controls {{ }};
key "kong" {{ algorithm hmac-sha256; secret "{secret}"; }};
key "reader" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "{zone}" {{
    type primary;
    file "{folder}/zone.db";
    update-policy {{ grant kong zonesub ANY; }};
}};
"""
_ZONE = """\
$TTL 60
@ IN SOA ns.{zone}. admin.{zone}. 1 3600 600 86400 60
@ IN NS ns.{zone}.
ns IN A 127.0.0.1
alias IN CNAME api
legacy IN A 192.0.2.1
both IN AAAA 2001:db8::1
api 1 IN A {first}
"""


@attrs.frozen
class Bind9:
    port: int
    secret: Path
    """Of the keys `kong`, which may change the zone, and `reader`, which may not."""

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"


@contextlib.contextmanager
def bind9_server(program: Path, folder: Path, first: str) -> Iterator[Bind9]:
    """A primary server of one zone, in which the name `api` has one address."""
    server = Bind9(free_port(), folder / "secret")
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    server.secret.write_text(secret + "\n")
    text = _NAMED.format(folder=folder, port=server.port, host=HOST, secret=secret, zone=ZONE)
    (folder / "named.conf").write_text(text)
    (folder / "zone.db").write_text(_ZONE.format(zone=ZONE, first=first))
    argv = (program, "-g", "-c", folder / "named.conf")
    output = folder / "output"  # it listens before it has read the zone
    with running(argv, folder, lambda: "all zones loaded" in output.read_text(errors="replace")):
        yield server
