"""Probes over TLS reach the server of a real nginx whose name they ask for."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kong_lts.adapters import HttpProxy
from kong_lts.errors import ProxyError
from kong_lts.protocols import Credential, Probe
from tests.certificates import Authority
from tests.integration.balancers.servers import NGINX_HEAD, listens, running
from tests.integration.balancers.upstreams import HOST, free_port

_CONF = (
    NGINX_HEAD
    + """\
    server {{
        listen {host}:{port} ssl default_server;
        server_name shop.test;
        ssl_certificate {shop};
        ssl_certificate_key {shop};
        return 200 '{{"server": "shop", "host": "$http_host"}}';
    }}
    server {{
        listen {host}:{port} ssl;
        server_name login.test;
        ssl_certificate {login};
        ssl_certificate_key {login};
        ssl_client_certificate {authority};
        ssl_verify_client on;
        return 200 '{{"server": "login", "client": "$ssl_client_s_dn"}}';
    }}
}}
"""
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def url(nginx: Path, tmp_path: Path, authority: Authority) -> Iterator[str]:
    port = free_port()
    conf = tmp_path / "nginx.conf"
    text = _CONF.format(
        user="user root;\n" if os.geteuid() == 0 else "",
        folder=tmp_path, host=HOST, port=port, authority=authority.file,
        shop=authority.certificate("shop.test"), login=authority.certificate("login.test"),
    )  # fmt: skip
    conf.write_text(text)
    argv = (nginx, "-e", tmp_path / "error.log", "-c", conf)
    with running(argv, tmp_path, lambda: listens(port)):
        yield f"https://{HOST}:{port}"


def asking(name: str, host: str = "www.shop.test", **fields: Any) -> Probe:
    return Probe(name="p", host=host, scheme="https", server_name=name, **fields)


def test_the_name_of_the_handshake_is_neither_the_address_nor_the_host(
    url: str, authority: Authority
) -> None:
    answer = HttpProxy(url, ca_file=authority.file).send(asking("shop.test"))

    assert answer.body == '{"server": "shop", "host": "www.shop.test"}'


def test_a_client_certificate_is_shown_to_the_server_that_asks_for_one(
    url: str, authority: Authority
) -> None:
    known = Credential(kind="mtls-auth", secret=f"file:{authority.certificate('jane')}")
    proxy = HttpProxy(url, ca_file=authority.file)

    assert (
        proxy.send(asking("login.test", "login.test", credential=known)).body
        == '{"server": "login", "client": "CN=jane"}'
    )
    assert proxy.send(asking("login.test", "login.test")).status == 400


def test_a_certificate_must_be_one_to_trust_unless_it_may_be_any(
    url: str, authority: Authority
) -> None:
    with pytest.raises(ProxyError, match="certificate verify failed"):
        HttpProxy(url).send(asking("shop.test"))
    with pytest.raises(ProxyError, match="match"):
        HttpProxy(url, ca_file=authority.file).send(asking("other.test"))

    assert HttpProxy(url).send(asking("other.test", verifies_certificate=False)).status == 200
