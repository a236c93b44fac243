"""Signatures with a private key, RS256 and ES256; cryptography (extra `jwt`) is imported on use."""

from kong_lts.errors import SecretError
from kong_lts.protocols import JwtAlgorithm

__all__ = ["signed_by_key"]

_HALF_BYTES = 32
"""Of a signature by P-256: two numbers of so many bytes each."""


def signed_by_key(algorithm: JwtAlgorithm, pem: str, text: bytes, reference: str) -> bytes:
    """The signature of a text.

    Args:
        algorithm: RS256 or ES256.
        pem: The private key, without a passphrase.
        text: What is signed.
        reference: Where the key comes from, for the error.

    Raises:
        SecretError: It is no such key, or cryptography is not installed. Tells nothing of the key.

    Source:
        RFC 7518, 3.3 and 3.4.
    """
    doing = f"signing a token with {algorithm} by the key {reference}"
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
    except ImportError as exc:
        raise SecretError(doing, "cryptography is absent: install kong-lts[jwt]") from exc
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):  # their text may hold a part of it
        raise SecretError(doing, "it is no private key in PEM without a passphrase") from None
    if algorithm is JwtAlgorithm.RS256 and isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    if (
        algorithm is JwtAlgorithm.ES256
        and isinstance(key, ec.EllipticCurvePrivateKey)
        and isinstance(key.curve, ec.SECP256R1)
    ):
        halves = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
        return b"".join(half.to_bytes(_HALF_BYTES) for half in halves)
    raise SecretError(doing, f"the key is of another kind than {algorithm} takes")
