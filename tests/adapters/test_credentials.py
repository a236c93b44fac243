"""Credentials are shown as each plugin wants them, made anew for each request, and never told."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

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


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256 = ec.generate_private_key(ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase: bytes = b"") -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption(),
    ).decode()


def parts_of(token: str) -> tuple[bytes, bytes, bytes]:
    """What is signed, the head, and the signature."""
    head, claims, signature = token.removeprefix("Bearer ").split(".")
    plain = [base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in (head, signature)]
    return f"{head}.{claims}".encode(), plain[0], plain[1]


def test_a_jwt_may_be_signed_by_an_rsa_key() -> None:
    found = shown("jwt", pem(RSA), user="key-1", algorithm="RS256")
    signed, head, signature = parts_of(found["Authorization"])

    assert json.loads(head) == {"alg": "RS256", "typ": "JWT"}
    RSA.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


def test_a_jwt_may_be_signed_by_a_key_of_a_curve() -> None:
    found = shown("jwt", pem(P256), user="key-1", algorithm="ES256")
    signed, head, signature = parts_of(found["Authorization"])

    assert json.loads(head) == {"alg": "ES256", "typ": "JWT"}
    assert len(signature) == 64, "as RFC 7518 has it, not in DER"
    halves = [int.from_bytes(signature[:32]), int.from_bytes(signature[32:])]
    der = utils.encode_dss_signature(*halves)
    P256.public_key().verify(der, signed, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("algorithm", "key", "why"),
    [
        ("RS256", pem(P256), "of another kind than RS256 takes"),
        ("ES256", pem(RSA), "of another kind than ES256 takes"),
        ("ES256", pem(ec.generate_private_key(ec.SECP384R1())), "of another kind"),
        ("RS256", pem(RSA, MARK.encode()), "no private key in PEM without a passphrase"),
        ("RS256", MARK, "no private key in PEM"),
    ],
)
def test_a_key_that_cannot_sign_is_an_error_that_tells_nothing(
    algorithm: str, key: str, why: str
) -> None:
    credential = Credential(kind="jwt", secret="env:SECRET", user="u", algorithm=algorithm)
    probe = Probe(name="p", credential=credential)

    with pytest.raises(ProxyError, match=why) as caught:
        HttpProxy(NOBODY, environ={"SECRET": key}).send(probe)

    assert "env:SECRET" in str(caught.value)
    assert not any(line in str(caught.value) for line in key.splitlines())


def test_without_the_extra_an_error_names_it() -> None:
    code = """
import sys
sys.modules["cryptography"] = None
from kong_lts.adapters import HttpProxy
from kong_lts.protocols import Credential, Probe
key = Credential(kind="jwt", secret="env:SECRET", algorithm="RS256")
try:
    HttpProxy("http://127.0.0.1:1", environ={"SECRET": "x"}).send(Probe(name="p", credential=key))
except Exception as exc:
    print(type(exc).__name__, exc)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("ProxyError")
    assert "install kong-lts[jwt]" in done.stdout


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
