"""Proxied requests of a cluster, from the `/metrics` pages of its own nodes."""

from collections.abc import Mapping

import attrs

from kong_lts.adapters.http_client import HttpClient
from kong_lts.adapters.prometheus_text import samples
from kong_lts.errors import MetricsError
from kong_lts.events import TrafficCount

__all__ = ["KongMetrics"]

_STATUS = ("kong_http_status", "kong_http_requests_total")
"""2.8's name and 3.4's; a node has one of them."""
_LATENCY_2_8 = "kong_latency"
_LATENCY_3_4 = "kong_request_latency_ms"
_NAMES = (
    *_STATUS,
    *(f"{family}_{end}" for family in (_LATENCY_2_8, _LATENCY_3_4) for end in ("sum", "count")),
)
_MARK_2_8 = "kong_nginx_http_current_connections"
"""A page of 2.8 has it; there an absent status family means that nothing was proxied yet."""
_MAX_BYTES = 256 << 20
_FIRST_ERROR = 500


@attrs.frozen
class KongMetrics:
    """Adds up the pages of all nodes.

    Args:
        urls: Where the status listener or the Admin API of each node is, without `/metrics`.
        timeout_s: Seconds for one page.
        ca_file: Certificates to trust; None takes those of the system.
    """

    urls: Mapping[str, str] = attrs.field(repr=False)
    timeout_s: float = attrs.field(default=10.0, kw_only=True)
    ca_file: str | None = attrs.field(default=None, kw_only=True)

    def count(self) -> TrafficCount:
        pages = [_read(self._page(node)) for node in self.urls]
        if not any(page.has_status for page in pages):
            raise MetricsError(
                f"counting the requests of {', '.join(self.urls) or 'no node'}",
                "their /metrics have no requests by status. On 3.4 set "
                "config.status_code_metrics = true (and latency_metrics for the latency) in the "
                "prometheus plugin, and send a first request through a route",
            )
        latencies = sum(page.latencies for page in pages)
        return TrafficCount(
            requests=round(sum(page.requests for page in pages)),
            errors=round(sum(page.errors for page in pages)),
            latency_ms=sum(page.latency_ms for page in pages) / latencies if latencies else None,
        )

    def _page(self, node: str) -> str:
        client = HttpClient(timeout_s=self.timeout_s, max_bytes=_MAX_BYTES, ca_file=self.ca_file)
        doing = f"reading the metrics of node {node}"
        page = client.send("GET", self.urls[node], "/metrics", doing=doing, error=MetricsError)
        if page.status != 200:
            why = "; enable the prometheus plugin" if page.status == 404 else ""
            raise MetricsError(doing, f"the answer has status {page.status}{why}")
        if not page.complete:
            raise MetricsError(doing, f"the page is longer than {_MAX_BYTES} bytes")
        return page.text()


@attrs.define
class _Page:
    has_status: bool
    requests: float = 0.0
    errors: float = 0.0
    latency_ms: float = 0.0
    latencies: float = 0.0


def _read(text: str) -> _Page:
    page = _Page(has_status=text.startswith(_MARK_2_8) or f"\n{_MARK_2_8}" in text)
    for sample in samples(text, _NAMES):
        if sample.name in _STATUS:
            code = sample.labels.get("code", "")
            page.has_status = True
            page.requests += sample.value
            page.errors += sample.value if code.isdecimal() and int(code) >= _FIRST_ERROR else 0.0
        elif sample.name.startswith(_LATENCY_3_4) or sample.labels.get("type") == "request":
            is_sum = sample.name.endswith("_sum")
            page.latency_ms += sample.value if is_sum else 0.0
            page.latencies += 0.0 if is_sum else sample.value
    return page
