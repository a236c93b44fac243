"""Certificates and keys that stand in kong.conf themselves, as text or in base64."""

import base64
import binascii

__all__ = ["is_pem", "pem_of"]

_START = "-----BEGIN"


def pem_of(text: str) -> str | None:
    """The certificate or key that a text in base64 holds, None if it holds none."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    text = decoded.decode("utf-8", "surrogateescape")
    return text if text.startswith(_START) else None


def is_pem(text: str) -> bool:
    """Whether a text is a certificate or key, and no path to one."""
    return text.startswith(_START) or pem_of(text) is not None
