"""Credentials are shown as each plugin wants them, made anew for each request, and never told."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from kong_lts.adapters import HttpProxy
from kong_lts.adapters.credentials import shown_to_gateway
from kong_lts.errors import ProxyError
from kong_lts.protocols import Credential, Probe
from tests.adapters.servers import NOBODY, Reply, Serve

NOW = datetime(2026, 11, 23, 2, 2, 6, tzinfo=UTC)
MARK = "S3CR3T-marked"


def shown(kind: str, secret: str = "secret", **fields: str) -> dict[str, str]:
    credential = Credential(kind=kind, secret="env:SECRET", **fields)
    return dict(shown_to_gateway(credential, secret, method="GET", target="/requests?a=1", now=NOW))


def test_a_key_goes_into_its_header() -> None:
    assert shown("key-auth") == {"apikey": "secret"}
    assert shown("key-auth", header="X-Key") == {"X-Key": "secret"}


def test_basic_auth_is_that_of_the_rfc() -> None:
    """RFC 7617, section 2: user Aladdin with password "open sesame"."""
    found = shown("basic-auth", "open sesame", user="Aladdin")

    assert found == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}


def test_a_jwt_is_signed_and_lasts_a_minute() -> None:
    token = shown("jwt", user="key-1")["Authorization"].removeprefix("Bearer ")
    head, claims, signature = token.split(".")

    def plain(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    assert json.loads(plain(head)) == {"alg": "HS256", "typ": "JWT"}
    found = json.loads(plain(claims))
    assert (found["iss"], found["exp"] - found["nbf"]) == ("key-1", 60)
    expected = hmac.new(b"secret", f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert plain(signature) == expected


def test_hmac_signs_date_and_request_line() -> None:
    found = shown("hmac-auth", user="alice")
    text = "date: Mon, 23 Nov 2026 02:02:06 GMT\nGET /requests?a=1 HTTP/1.1"
    signature = base64.b64encode(hmac.new(b"secret", text.encode(), hashlib.sha256).digest())

    assert found["Date"] == "Mon, 23 Nov 2026 02:02:06 GMT"
    assert found["Authorization"] == (
        'hmac username="alice", algorithm="hmac-sha256", headers="date request-line",'
        f' signature="{signature.decode()}"'
    )


@pytest.mark.parametrize("kind", ["key-auth", "basic-auth", "jwt", "hmac-auth"])
def test_a_probe_shows_its_credential_and_tells_nobody(serve: Serve, kind: str) -> None:
    server = serve(lambda _: Reply(200, b"{}"))
    credential = Credential(kind=kind, secret="env:SECRET", user="u")
    probe = Probe(name="p", path="/a", credential=credential, body="env:BODY", method="POST")
    environ = {"SECRET": MARK, "BODY": "hello"}

    answer = HttpProxy(server.url, environ=environ).send(probe)

    (received,) = server.received
    assert answer.latency_ms is not None
    assert {"apikey", "authorization"} & set(received.headers)
    assert received.headers["content-length"] == "5"
    assert MARK not in repr(probe)
    with pytest.raises(ProxyError) as caught:
        HttpProxy(NOBODY, environ=environ).send(probe)
    assert MARK not in str(caught.value)


def test_a_secret_that_is_not_there_is_an_error(serve: Serve) -> None:
    probe = Probe(name="p", credential=Credential(kind="key-auth", secret="env:SECRET"))

    with pytest.raises(ProxyError, match="env:SECRET: no such variable"):
        HttpProxy(NOBODY, environ={}).send(probe)
