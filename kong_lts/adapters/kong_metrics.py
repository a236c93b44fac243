"""Proxied requests of a cluster, from the `/metrics` pages of its own nodes."""

from collections.abc import Iterator, Mapping

import attrs

from kong_lts.adapters.http_client import HttpClient
from kong_lts.adapters.prometheus_text import Sample, samples
from kong_lts.adapters.traffic_counts import Figures, how_to_turn_on, queries
from kong_lts.catalog.rows import MetricQuery, Quantity
from kong_lts.errors import MetricsError
from kong_lts.events import TrafficCount
from kong_lts.versions import Release

__all__ = ["KongMetrics"]

_MAX_BYTES = 256 << 20


@attrs.frozen
class KongMetrics:
    """Adds up the pages of all nodes, each read in the names of its own release.

    A page grows with routes times buckets. With thousands of routes let Prometheus read it, and use
    `PrometheusMetrics`.

    Args:
        urls: Where the status listener or the Admin API of each node is, without `/metrics`.
        timeout_s: Seconds for one page.
        ca_file: Certificates to trust; None takes those of the system.
        some_may_be_down: Whether nodes that cannot be read count for nothing while another one can:
            for upgrades that replace node by node, where some are not there yet and others no more.
    """

    urls: Mapping[str, str] = attrs.field(repr=False)
    timeout_s: float = attrs.field(default=10.0, kw_only=True)
    ca_file: str | None = attrs.field(default=None, kw_only=True)
    some_may_be_down: bool = attrs.field(default=False, kw_only=True)

    def count(self) -> TrafficCount:
        figures = Figures()
        told = [_read(page, figures) for page in self._pages()]
        if not any(told):
            nodes = ", ".join(self.urls) or "no node"
            raise MetricsError(
                f"counting the requests of {nodes}",
                f"their /metrics have no requests by status; {how_to_turn_on()}",
            )
        return figures.count()

    def _pages(self) -> Iterator[str]:
        """Of each node.

        Raises:
            MetricsError: One cannot be read; where some may be down, none can.
        """
        failures: list[MetricsError] = []
        for node in self.urls:
            try:
                page = self._page(node)
            except MetricsError as exc:
                if not self.some_may_be_down:
                    raise
                failures.append(exc)
            else:
                yield page
        if failures and len(failures) == len(self.urls):
            raise failures[0]

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


def _read(text: str, figures: Figures) -> bool:
    """Add one page; returns whether it tells of requests at all."""
    names = {name: row for release in Release for name, row in _names(release)}
    told = False
    for sample in samples(text, names):
        row = names[sample.name]
        if any(sample.labels.get(label) != value for label, value in row.select.items()):
            continue
        # On 2.8 nothing is switched off: without requests by status nothing was proxied yet.
        told |= row.quantity is Quantity.REQUESTS or (
            row.quantity is Quantity.PRESENT and row.release is Release.V2_8
        )
        _add(sample, row, figures)
    return told


def _names(release: Release) -> Iterator[tuple[str, MetricQuery]]:
    """Names of samples, and the query that each belongs to."""
    for row in queries(release).values():
        ends = ("_bucket", "_sum", "_count") if row.quantity is Quantity.LATENCY else ("",)
        yield from ((row.family + end, row) for end in ends)


def _add(sample: Sample, row: MetricQuery, figures: Figures) -> None:
    if row.quantity is Quantity.REQUESTS:
        figures.add_status(sample.labels.get(row.by, ""), sample.value)
    elif sample.name.endswith("_bucket"):
        figures.add_bucket(sample.labels.get(row.by, ""), sample.value)
    elif sample.name.endswith("_sum"):
        figures.latency_ms += sample.value
    elif sample.name.endswith("_count"):
        figures.timed += sample.value
