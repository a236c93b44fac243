"""Reads what an X.509 certificate says of its key and its signature, and no more.

DER is small enough to read in place: a dependency for a dozen fields would be larger than this.
"""

import base64
import binascii
import re
from collections.abc import Iterator

import attrs

__all__ = ["Certificate", "certificates_of"]

_PEM = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)"
    r"-----END (?:X509 |TRUSTED )?CERTIFICATE-----",
    re.DOTALL,
)
_SEQUENCE, _INTEGER, _BITS, _OID = 0x30, 0x02, 0x03, 0x06
_RSA = "1.2.840.113549.1.1.1"
_PSS = "1.2.840.113549.1.1.10"
_DSA = "1.2.840.10040.4.1"
_EC = "1.2.840.10045.2.1"
_CURVES = {
    "1.2.840.10045.3.1.1": 192,
    "1.2.840.10045.3.1.7": 256,
    "1.3.132.0.33": 224,
    "1.3.132.0.34": 384,
    "1.3.132.0.35": 521,
    "1.3.132.0.10": 256,
    "1.3.132.0.8": 160,
    "1.3.132.0.9": 160,
    "1.3.132.0.30": 160,
    "1.3.132.0.31": 192,
    "1.3.132.0.32": 224,
    "1.3.132.0.6": 112,
    "1.3.132.0.28": 128,
}
_WEAK_DIGESTS = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.1.1.3": "MD4",
    "1.2.840.113549.1.1.4": "MD5",
    "1.2.840.113549.1.1.5": "SHA-1",
    "1.3.14.3.2.29": "SHA-1",
    "1.3.14.3.2.27": "SHA-1",
    "1.2.840.10040.4.3": "SHA-1",
    "1.2.840.10045.4.1": "SHA-1",
}
_COMMON_NAME = bytes.fromhex("0603550403")


class _NoDerError(Exception):
    """The bytes are no certificate; not meant to leave this module."""


@attrs.frozen(kw_only=True)
class Certificate:
    """What OpenSSL's security level looks at."""

    key: str
    """`RSA`, `DSA`, `EC`, or the number of another algorithm."""
    bits: int | None
    weak_digest: str | None
    """`SHA-1`, `MD5` and the like; None for a better one."""
    self_signed: bool
    name: str
    line: int


def certificates_of(text: str) -> Iterator[Certificate | None]:
    """Every certificate of a PEM text; None for one that cannot be read."""
    for found in _PEM.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        try:
            data = base64.b64decode(re.sub(r"\s", "", found[1]), validate=True)
            yield _certificate(data, line)
        except (_NoDerError, binascii.Error, IndexError, ValueError):
            yield None


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each value in a row."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            if not 0 < count <= 4:
                raise _NoDerError
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise _NoDerError
        yield tag, data[at : at + length]
        at += length


def _inner(data: bytes, *tags: int) -> list[tuple[int, bytes]]:
    """The values inside of the one that the data is, whose first ones have these tags."""
    (outer, content), *_ = _parts(data)
    found = list(_parts(content))
    if outer != _SEQUENCE or [tag for tag, _ in found[: len(tags)]] != list(tags):
        raise _NoDerError
    return found


def _certificate(data: bytes, line: int) -> Certificate:
    body, algorithm, *_ = _inner(data, _SEQUENCE, _SEQUENCE, _BITS)
    fields = [part for part in _parts(body[1]) if part[0] != 0xA0]
    issuer, subject, key = fields[2][1], fields[4][1], fields[5][1]
    name, bits = _key(key)
    return Certificate(
        key=name,
        bits=bits,
        weak_digest=_digest(algorithm[1]),
        self_signed=issuer == subject,
        name=_common_name(subject),
        line=line,
    )


def _key(content: bytes) -> tuple[str, int | None]:
    algorithm, public = list(_parts(content))[:2]
    oid, *parameters = list(_parts(algorithm[1]))
    name = _oid(oid[1])
    if name in (_RSA, _PSS):
        modulus = _inner(public[1][1:], _INTEGER, _INTEGER)[0][1]
        return "RSA", int.from_bytes(modulus, "big").bit_length()
    if name == _DSA:
        prime = next(iter(_parts(parameters[0][1])))[1] if parameters else b""
        return "DSA", int.from_bytes(prime, "big").bit_length() or None
    if name == _EC:
        curve = _oid(parameters[0][1]) if parameters and parameters[0][0] == _OID else ""
        return "EC", _CURVES.get(curve)
    return name, None


def _digest(content: bytes) -> str | None:
    oid, *parameters = list(_parts(content))
    name = _oid(oid[1])
    if name == _PSS:
        # Without parameters RSASSA-PSS means SHA-1.
        has_hash = parameters and parameters[0][1][:1] == b"\xa0"
        return None if has_hash and b"\x2b\x0e\x03\x02\x1a" not in parameters[0][1] else "SHA-1"
    return _WEAK_DIGESTS.get(name)


def _oid(content: bytes) -> str:
    numbers, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2) if numbers else 0
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]])) if numbers else ""


def _common_name(subject: bytes) -> str:
    at = subject.rfind(_COMMON_NAME)
    if at < 0:
        return ""
    at += len(_COMMON_NAME)
    return subject[at + 2 : at + 2 + subject[at + 1]].decode("utf-8", "replace")
