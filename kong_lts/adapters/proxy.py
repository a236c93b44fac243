"""The proxy listener of one cluster, beside the load balancer."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime

import attrs

from kong_lts.adapters.credentials import shown_to_gateway
from kong_lts.adapters.http_client import HttpClient
from kong_lts.adapters.secrets import is_reference, resolve_secret
from kong_lts.errors import ProxyError, SecretError
from kong_lts.protocols import Answer, CredentialKind, Probe

__all__ = ["HttpProxy"]

_MAX_BYTES = 1 << 20


@attrs.frozen
class HttpProxy:
    """Sends probes; follows no redirect, and keeps the first megabyte of a body.

    Args:
        url: Where the listener is.
        tls_url: Where the other listener is, for probes that want TLS; None where *url* has it.
        timeout_s: Seconds for one request.
        ca_file: Certificates to trust; None takes those of the system.
        environ: Where `env:NAME` of a header, a body or a credential is looked up.
    """

    url: str = attrs.field(repr=False)
    tls_url: str | None = attrs.field(default=None, kw_only=True, repr=False)
    timeout_s: float = attrs.field(default=30.0, kw_only=True)
    ca_file: str | None = attrs.field(default=None, kw_only=True)
    environ: Mapping[str, str] = attrs.field(default=os.environ, kw_only=True, repr=False)

    def send(self, probe: Probe) -> Answer:
        doing = f"sending the probe {probe.name}"
        try:
            headers, body, secrets = self._made(probe)
        except SecretError as exc:
            raise ProxyError(doing, str(exc)) from exc
        client = HttpClient(
            timeout_s=self.timeout_s,
            max_bytes=_MAX_BYTES,
            ca_file=self.ca_file,
            verifies=probe.verifies_certificate,
            server_name=probe.server_name,
            client_certificate=_certificate(probe),
        )
        url = self._listener(probe, doing)
        found = client.send(
            probe.method, url, probe.path, body=body,
            doing=doing, error=ProxyError, headers=headers, secrets=secrets,
        )  # fmt: skip
        return Answer(
            status=found.status,
            body=found.text(),
            headers=found.headers,
            latency_ms=found.took_s * 1000,
        )

    @property
    def schemes(self) -> tuple[str, ...]:
        """What the listeners speak, the first one first."""
        urls = filter(None, (self.url, self.tls_url))
        return tuple(url.partition("://")[0].lower() for url in urls)

    def _listener(self, probe: Probe, doing: str) -> str:
        """Where a probe is sent to.

        Raises:
            ProxyError: No listener speaks what it wants.
        """
        for url, scheme in zip((self.url, self.tls_url), self.schemes, strict=False):
            if url is not None and probe.scheme in (None, scheme):
                return url
        hint = "give HttpProxy its tls_url" if probe.scheme == "https" else "give HttpProxy its url"
        raise ProxyError(doing, f"there is no listener for {probe.scheme}: {hint}")

    def _made(self, probe: Probe) -> tuple[dict[str, str], bytes | None, tuple[str, ...]]:
        """Headers and body with every reference resolved, and the secrets in them."""
        secrets: list[str] = []

        def plain(text: str) -> str:
            if not is_reference(text):
                return text
            secrets.append(resolve_secret(text, self.environ))
            return secrets[-1]

        headers = {name: plain(value) for name, value in probe.headers.items()}
        if probe.host is not None:
            headers["Host"] = probe.host
        credential = probe.credential
        if credential is not None and credential.kind is not CredentialKind.MTLS:
            shown = shown_to_gateway(
                credential, plain(credential.secret),
                method=probe.method, target=probe.path, now=datetime.now(UTC),
            )  # fmt: skip
            secrets += shown.values()
            headers |= shown
        body = None if probe.body is None else plain(probe.body).encode()
        return headers, body, tuple(secrets)


def _certificate(probe: Probe) -> str | None:
    """Path of the client's certificate."""
    credential = probe.credential
    if credential is None or credential.kind is not CredentialKind.MTLS:
        return None
    return credential.secret.removeprefix("file:")
