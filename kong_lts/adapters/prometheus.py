"""Proxied requests of a cluster, from a Prometheus that reads its nodes."""

import json
import math
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import attrs

from kong_lts.adapters.http_client import HttpClient
from kong_lts.adapters.secrets import resolve_secret
from kong_lts.adapters.traffic_counts import Figures, how_to_turn_on, queries
from kong_lts.catalog.rows import MetricQuery, Quantity
from kong_lts.errors import MetricsError, SecretError
from kong_lts.events import TrafficCount
from kong_lts.versions import Release

__all__ = ["PrometheusMetrics"]

_MAX_BYTES = 16 << 20


@attrs.frozen
class PrometheusMetrics:
    """Asks the HTTP API of Prometheus, in the names of one release.

    Args:
        url: Of the server; a path before `/api/v1` belongs to it.
        release: Of the cluster that is asked about, 2.8 or 3.4.
        selector: Which series are this cluster's, as PromQL has it between braces:
            `job="kong-current"`. It must leave out every node of the other cluster.
        token: Reference of a bearer token, `env:NAME` or `file:PATH`; None where there is none.
        environ: Where `env:NAME` is looked up; None is this process.
        timeout_s: Seconds for one query.
        ca_file: Certificates to trust; None takes those of the system.

    Source:
        prometheus.io, HTTP API, "Instant queries".
    """

    url: str = attrs.field(repr=False)
    release: Release = attrs.field(converter=Release, kw_only=True)
    selector: str = attrs.field(kw_only=True)
    token: str | None = attrs.field(default=None, kw_only=True)
    environ: Mapping[str, str] | None = attrs.field(default=None, kw_only=True, repr=False)
    timeout_s: float = attrs.field(default=10.0, kw_only=True)
    ca_file: str | None = attrs.field(default=None, kw_only=True)

    def count(self) -> TrafficCount:
        rows, figures = queries(self.release), Figures()
        for labels, value in self._ask(self._query(rows[Quantity.REQUESTS])):
            figures.add_status(labels.get(rows[Quantity.REQUESTS].by, ""), value)
        if not figures.statuses:
            self._explain_absence(rows[Quantity.PRESENT])
        latency = rows[Quantity.LATENCY]
        for labels, value in self._ask(self._query(latency, "_bucket")):
            figures.add_bucket(labels.get(latency.by, ""), value)
        figures.latency_ms = sum(v for _, v in self._ask(self._query(latency, "_sum")))
        figures.timed = sum(v for _, v in self._ask(self._query(latency, "_count")))
        return figures.count()

    def _explain_absence(self, present: MetricQuery) -> None:
        """No requests by status: fine on a 2.8 that has proxied nothing yet, and nowhere else."""
        doing = f"counting the requests of {{{self.selector}}}"
        if not list(self._ask(self._query(present))):
            raise MetricsError(
                doing,
                f"Prometheus has no {present.family} with this selector: it does not read these"
                f" nodes, or they do not run {self.release}",
            )
        if self.release is Release.V3_4:
            raise MetricsError(doing, f"there are no requests by status; {how_to_turn_on()}")

    def _query(self, row: MetricQuery, end: str = "") -> str:
        labels = [f'{name}="{value}"' for name, value in row.select.items()]
        by = f"by ({row.by}) " if row.by and end in ("", "_bucket") else ""
        return f"sum {by}({row.family}{end}{{{','.join([*labels, self.selector])}}})"

    def _ask(self, query: str) -> Iterator[tuple[Mapping[str, str], float]]:
        doing = f"asking Prometheus for {query}"
        headers, secrets = self._headers(doing)
        client = HttpClient(timeout_s=self.timeout_s, max_bytes=_MAX_BYTES, ca_file=self.ca_file)
        answer = client.send(
            "GET", self.url, f"/api/v1/query?{urlencode({'query': query})}",
            doing=doing, error=MetricsError, headers=headers, secrets=secrets,
        )  # fmt: skip
        try:
            yield from _samples(json.loads(answer.body))
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            why = _refusal(answer.text()) or f"the answer has status {answer.status} and no samples"
            raise MetricsError(doing, why) from exc

    def _headers(self, doing: str) -> tuple[dict[str, str], tuple[str, ...]]:
        if self.token is None:
            return {}, ()
        try:
            token = (
                resolve_secret(self.token)
                if self.environ is None
                else resolve_secret(self.token, self.environ)
            )
        except SecretError as exc:
            raise MetricsError(doing, str(exc)) from exc
        return {"Authorization": f"Bearer {token}"}, (token,)


def _samples(document: Mapping[str, Mapping[str, object]]) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each sample of an instant vector.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It is none.
    """
    if str(document["status"]) != "success" or document["data"]["resultType"] != "vector":
        raise ValueError("no instant vector")
    rows = document["data"]["result"]
    if not isinstance(rows, list):
        raise TypeError("no list of samples")
    found = [
        ({str(k): str(v) for k, v in row["metric"].items()}, float(row["value"][1])) for row in rows
    ]
    return [(labels, value) for labels, value in found if math.isfinite(value)]


def _refusal(text: str) -> str:
    """What Prometheus says in place of samples."""
    try:
        document = json.loads(text)
    except ValueError:
        return ""
    said = document.get("error") if isinstance(document, dict) else None
    return said if isinstance(said, str) else ""
