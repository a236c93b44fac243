"""What a probe shows a gateway to say who it is, made anew for each request."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from kong_lts.adapters.signing import signed_by_key
from kong_lts.protocols import Credential, CredentialKind, JwtAlgorithm

__all__ = ["shown_to_gateway"]

_JWT_VALID_S = 60
_SIGNED = "date request-line"


def shown_to_gateway(
    credential: Credential, secret: str, *, method: str, target: str, now: datetime
) -> Mapping[str, str]:
    """The headers that carry a credential.

    Args:
        credential: Its kind, user and header.
        secret: What its reference names.
        method: Of the request, which hmac-auth signs.
        target: Path and query, likewise.
        now: The time, in UTC.

    Raises:
        SecretError: The private key of a JWT cannot be used, or `kong-lts[jwt]` is not installed.

    Source:
        Kong/kong 2.8.5 and 3.4.2, plugins key-auth, basic-auth, jwt, hmac-auth; RFC 7515; RFC 7617.
    """
    if credential.kind is CredentialKind.KEY:
        return {credential.header: secret}
    if credential.kind is CredentialKind.BASIC:
        pair = f"{credential.user}:{secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    if credential.kind is CredentialKind.JWT:
        return {"Authorization": f"Bearer {_jwt(credential, secret, now)}"}
    return _hmac(credential.user, secret, f"{method} {target} HTTP/1.1", now)


def _jwt(credential: Credential, secret: str, now: datetime) -> str:
    issued = int(now.timestamp())
    head = {"alg": credential.algorithm.value, "typ": "JWT"}
    claims = {
        "iss": credential.user,
        "iat": issued,
        "nbf": issued,
        "exp": issued + _JWT_VALID_S,
    }
    signed = ".".join(_url(json.dumps(part).encode()) for part in (head, claims))
    if credential.algorithm is JwtAlgorithm.HS256:
        return f"{signed}.{_url(_sha256(secret, signed))}"
    signature = signed_by_key(credential.algorithm, secret, signed.encode(), credential.secret)
    return f"{signed}.{_url(signature)}"


def _hmac(user: str, secret: str, request_line: str, now: datetime) -> Mapping[str, str]:
    date = format_datetime(now, usegmt=True)
    signature = base64.b64encode(_sha256(secret, f"date: {date}\n{request_line}")).decode()
    return {
        "Date": date,
        "Authorization": f'hmac username="{user}", algorithm="hmac-sha256",'
        f' headers="{_SIGNED}", signature="{signature}"',
    }


def _sha256(secret: str, text: str) -> bytes:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
