"""Probe: one request of a staging or smoke test, its credential, and the answer it should get."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum

import attrs
from attrs.validators import in_, matches_re, optional

__all__ = [
    "NO_ROUTE",
    "Answer",
    "Credential",
    "CredentialKind",
    "JwtAlgorithm",
    "Probe",
    "is_credential",
]

NO_ROUTE = "no route"
"""Stands for a route where none shall take a request."""

_REFERENCE = r"(?:env|file):.+"
_SECRET_NAME = re.compile(
    r"(?i)authorization|cookie|credential|passw|secret|token|api[-_]?key|^(?:x-)?key$|^sig$|signature"
)
_JSON_PATH = re.compile(r"\$(?:\.[^.\[\]]+|\[\d+\]|\['[^']*'\])*")


def is_credential(name: str) -> bool:
    """Whether a header, or an argument in a query, is named as one that holds a credential."""
    return _SECRET_NAME.search(name) is not None


class CredentialKind(StrEnum):
    """How a credential is shown to a gateway."""

    KEY = "key-auth"
    """The key in a header, for key-auth and key-auth-enc alike."""
    BASIC = "basic-auth"
    JWT = "jwt"
    """A token that is signed anew for each request, with `Credential.algorithm`."""
    HMAC = "hmac-auth"
    """Date and request line are signed anew for each request, with hmac-sha256."""
    MTLS = "mtls-auth"
    """A certificate of the client, shown in the TLS handshake."""


class JwtAlgorithm(StrEnum):
    """How a token is signed."""

    HS256 = "HS256"
    """With the consumer's secret."""
    RS256 = "RS256"
    """With an RSA key, whose public half the consumer's credential has; needs `kong-lts[jwt]`."""
    ES256 = "ES256"
    """With a key of the curve P-256, likewise."""


@attrs.frozen(kw_only=True)
class Credential:
    """Who a probe says it is; the secret itself stands in no plan."""

    kind: CredentialKind = attrs.field(converter=CredentialKind)
    """Which plugin asks for it."""
    secret: str = attrs.field(validator=matches_re(_REFERENCE))
    """Reference of the key, the password, the secret or the private key (PEM): `env:NAME` or
    `file:PATH`; of mtls-auth always a file, with the certificate and its key."""
    user: str = ""
    """User name; of a JWT the consumer's key, which becomes its `iss`."""
    header: str = "apikey"
    """Where key-auth looks for the key."""
    algorithm: JwtAlgorithm = attrs.field(default=JwtAlgorithm.HS256, converter=JwtAlgorithm)
    """Of a JWT."""

    @secret.validator
    def _file_of_mtls(self, attribute: object, value: str) -> None:
        if self.kind is CredentialKind.MTLS and not value.startswith("file:"):
            raise ValueError("mtls-auth needs file:PATH, a PEM with the certificate and its key")


@attrs.frozen(kw_only=True)
class Probe:
    """One request of a staging or smoke test, and the answer that it should get."""

    name: str
    """What reports call it."""
    path: str = "/"
    """As sent, with its query."""
    method: str = "GET"
    """One of `Settings.safe_methods`."""
    host: str | None = None
    """The `Host` header; None for that of the proxy."""
    scheme: str | None = attrs.field(default=None, validator=optional(in_(("http", "https"))))
    """`http` or `https`; None goes to the listener that a proxy has first."""
    server_name: str | None = attrs.field(default=None)
    """What the TLS handshake asks for (SNI); None is the name in the address of the listener."""
    verifies_certificate: bool = attrs.field(default=True)
    """Whether the certificate must be one to trust, and of that name; else the request is sent
    whatever is shown."""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """A value may be a reference, `env:NAME` or `file:PATH`; a credential must be one."""
    body: str | None = None
    """What is sent; it may be a reference too."""
    credential: Credential | None = None
    """None for a request that nobody has to sign."""
    expect_status: int = 200
    """Not looked at where a route is expected: what is behind it may answer anything."""
    expect_in_body: str | None = None
    """A part of the body that must be there."""
    expect_headers: Mapping[str, str] = attrs.field(factory=dict)
    """Headers of the answer, with a part of their value that must be there."""
    expect_json: Mapping[str, str] = attrs.field(factory=dict)
    """JSON paths (`$.items[0].id`) into the body, and the value there, as JSON."""
    expect_routes: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    """Names or ids of the routes of which one should take it, or `NO_ROUTE`; empty for any."""
    ignore_json: tuple[str, ...] = attrs.field(default=(), converter=tuple[str, ...])
    """JSON paths that differ from one answer to the next, and are not compared."""

    @server_name.validator
    def _only_over_tls(self, attribute: object, value: str | None) -> None:
        if value is not None and self.scheme != "https":
            raise ValueError(f"probe {self.name} has a server_name, which only https asks for")

    @verifies_certificate.validator
    def _no_secret_unverified(self, attribute: object, value: bool) -> None:
        secrets = [v for v in (*self.headers.values(), self.body or "") if _is_reference(v)]
        if not value and (self.credential is not None or secrets):
            raise ValueError(
                f"probe {self.name} would show a credential to whoever answers:"
                " let it verify the certificate"
            )

    @headers.validator
    def _no_credential(self, attribute: object, value: Mapping[str, str]) -> None:
        for name, text in value.items():
            if is_credential(name) and not re.fullmatch(_REFERENCE, text):
                raise ValueError(
                    f"header {name} of probe {self.name} is a credential: write env:NAME or"
                    " file:PATH, or give `credential`"
                )

    @expect_json.validator
    def _paths_and_values(self, attribute: object, value: Mapping[str, str]) -> None:
        for path, text in value.items():
            _check_path(path)
            try:
                json.loads(text)
            except ValueError:
                raise ValueError(
                    f"{text!r}, expected at {path}, is no JSON; a text has quotes"
                ) from None

    @ignore_json.validator
    def _paths(self, attribute: object, value: tuple[str, ...]) -> None:
        for path in value:
            _check_path(path)


def _is_reference(text: str) -> bool:
    return re.fullmatch(_REFERENCE, text) is not None


def _check_path(path: str) -> None:
    if _JSON_PATH.fullmatch(path) is None:
        raise ValueError(f"{path!r} is no JSON path: write it as $.items[0].id")


@attrs.frozen(kw_only=True)
class Answer:
    """What came back to a probe."""

    status: int
    """HTTP status, 100 to 599."""
    body: str = attrs.field(default="", repr=False)
    """As text."""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """By name in lower case."""
    latency_ms: float | None = None
    """From the opening of the connection to the last byte, where it was measured."""
