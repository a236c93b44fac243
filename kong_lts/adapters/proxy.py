"""The proxy listener of one cluster, beside the load balancer."""

import os
from collections.abc import Mapping

import attrs

from kong_lts.adapters.http_client import HttpClient
from kong_lts.adapters.secrets import is_reference, resolve_secret
from kong_lts.errors import ProxyError, SecretError
from kong_lts.protocols import Answer, Probe

__all__ = ["HttpProxy"]

_MAX_BYTES = 1 << 20


@attrs.frozen
class HttpProxy:
    """Sends probes; follows no redirect, and keeps the first megabyte of a body.

    Args:
        url: Where the listener is.
        timeout_s: Seconds for one request.
        ca_file: Certificates to trust; None takes those of the system.
        environ: Where `env:NAME` of a header is looked up.
    """

    url: str = attrs.field(repr=False)
    timeout_s: float = attrs.field(default=30.0, kw_only=True)
    ca_file: str | None = attrs.field(default=None, kw_only=True)
    environ: Mapping[str, str] = attrs.field(default=os.environ, kw_only=True, repr=False)

    def send(self, probe: Probe) -> Answer:
        doing = f"sending the probe {probe.name}"
        headers = dict(probe.headers)
        secrets: list[str] = []
        try:
            for name, value in probe.headers.items():
                if is_reference(value):
                    headers[name] = resolve_secret(value, self.environ)
                    secrets.append(headers[name])
        except SecretError as exc:
            raise ProxyError(doing, str(exc)) from exc
        if probe.host is not None:
            headers["Host"] = probe.host
        client = HttpClient(timeout_s=self.timeout_s, max_bytes=_MAX_BYTES, ca_file=self.ca_file)
        found = client.send(
            probe.method, self.url, probe.path,
            doing=doing, error=ProxyError, headers=headers, secrets=tuple(secrets),
        )  # fmt: skip
        return Answer(status=found.status, body=found.text(), headers=found.headers)
