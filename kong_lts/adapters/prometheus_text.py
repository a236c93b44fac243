"""The text in which Prometheus metrics are given."""

import re
from collections.abc import Collection, Iterator, Mapping

import attrs

__all__ = ["Sample", "samples"]

_LINE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'(?:\{(?P<labels>(?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?'
    r"[ \t]+(?P<value>\S+)"
)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


@attrs.frozen
class Sample:
    """One value of one series."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples(text: str, names: Collection[str]) -> Iterator[Sample]:
    """The samples of some families, in order.

    Args:
        text: Lines as a `/metrics` page has them; what is none of a sample is passed over.
        names: Of the samples, with their `_sum` or `_count`.
    """
    for line in text.split("\n"):
        if not line.startswith(tuple(names)):
            continue
        match = _LINE.match(line)
        if match is None or match["name"] not in names:
            continue
        try:
            value = float(match["value"])
        except ValueError:
            continue
        labels = {key: _plain(raw) for key, raw in _LABEL.findall(match["labels"] or "")}
        yield Sample(match["name"], labels, value)


def _plain(raw: str) -> str:
    return _ESCAPE.sub(lambda m: "\n" if m[1] == "n" else m[1], raw)
