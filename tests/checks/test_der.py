"""What the DER reader sees in a certificate, and that nothing makes it fail otherwise."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_lts.checks.der import certificates_of
from tests.checks import weak_certificates as pems


@pytest.mark.parametrize(
    ("pem", "key", "bits", "digest"),
    [
        (pems.RSA_1024, "RSA", 1024, None),
        (pems.RSA_2048, "RSA", 2048, None),
        (pems.RSA_PSS, "RSA", 2048, None),
        (pems.EC_192, "EC", 192, None),
        (pems.SHA_1, "RSA", 2048, "SHA-1"),
        (pems.ED_25519, "1.3.101.112", None, None),
    ],
)
def test_key_and_signature(pem: str, key: str, bits: int | None, digest: str | None) -> None:
    (found,) = certificates_of(pem)

    assert found is not None
    assert (found.key, found.bits, found.weak_digest) == (key, bits, digest)


def test_every_certificate_of_a_chain_is_seen_with_its_line() -> None:
    found = list(certificates_of(pems.RSA_2048 + pems.RSA_1024))

    assert [(one.bits, one.line) for one in found if one] == [
        (2048, 1),
        (1024, pems.RSA_2048.count("\n") + 1),
    ]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_certificate_or_none(data: bytes) -> None:
    text = base64.b64encode(data).decode()

    assert (
        len(
            list(certificates_of(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"))
        )
        == 1
    )


@given(st.data())
def test_a_damaged_certificate_is_no_error(data: st.DataObject) -> None:
    der = bytearray(base64.b64decode("".join(pems.RSA_1024.splitlines()[1:-1])))
    at = data.draw(st.integers(0, len(der) - 1))
    der[at] ^= data.draw(st.integers(1, 255))
    text = base64.b64encode(der).decode()

    list(certificates_of(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"))
