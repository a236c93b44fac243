"""Is a share really larger on the new cluster? The sequential test that decides it, and bounds.

The test is the *mixture sequential probability ratio test* (mSPRT), made on what both clusters did
within the same interval. Of all errors of an interval, those of the new cluster should be its share
of the requests; the likelihood of what was seen, were its error odds 1.25 to 30 times as high, is
set against that, multiplied up over the intervals and averaged over these factors. Under health the
average of this ratio never rises, so it passes 1 / a with a probability of at most a, however often
and however long one looks (Ville's inequality). A failure that hits both clusters at once divides
as the requests do, and moves nothing.

Source:
    Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; Johari et al.
    2017, "Peeking at A/B tests". Bounds: Wilson 1927; Newcombe 1998, method 10.
"""

import math
from collections.abc import Iterable

import attrs

__all__ = ["Suspicion", "Tally", "more_at_most"]

_FACTORS = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""How many times as high the odds may be; the test need not be told which."""
_Z_95 = 1.6449
_Z_999 = 3.0902
_ALMOST = 1e-12


@attrs.frozen
class Tally:
    """How many of some requests had something happen to them."""

    events: int
    requests: int

    @property
    def share(self) -> float:
        """Events by requests; 0 without any request."""
        return self.events / self.requests if self.requests else 0.0

    def lower(self, z: float = _Z_95) -> float:
        """The true share is not below this, with 95% certainty (Wilson)."""
        return min(self._wilson(-z), self.share) if self.requests else 0.0

    def upper(self, z: float = _Z_95) -> float:
        """The true share is not above this, with 95% certainty (Wilson)."""
        return max(self._wilson(z), self.share) if self.requests else 1.0

    @property
    def surely_at_most(self) -> float:
        """The true share is not above this, with 99.9% certainty."""
        return self.upper(_Z_999)

    def _wilson(self, z: float) -> float:
        n, p = self.requests, min(self.share, 1.0)
        middle = p + z * z / (2 * n)
        spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return min(max((middle + spread) / (1 + z * z / n), 0.0), 1.0)


def more_at_most(current: Tally, new: Tally, z: float = _Z_95) -> float:
    """How much larger the new share is at most, in shares of 1, with 95% certainty (Newcombe)."""
    above = new.upper(z) - new.share
    below = current.share - current.lower(z)
    return new.share - current.share + math.hypot(above, below)


@attrs.frozen
class Suspicion:
    """What speaks against the new cluster so far."""

    logs: tuple[float, ...] = (0.0,) * len(_FACTORS)
    """Log of the likelihood ratio, by factor."""

    @property
    def log_ratio(self) -> float:
        """Log of the average over all factors: beyond -log(a), a mistake is less likely than a."""
        highest = max(self.logs)
        return highest + math.log(
            math.fsum(math.exp(log - highest) for log in self.logs) / len(self.logs)
        )

    def beside(self, current: Tally, new: Tally) -> "Suspicion":
        """After one more interval, in which both clusters served."""
        requests = current.requests + new.requests
        if not current.requests or not new.requests:
            return self
        return self._seen(new.events, current.events, new.requests / requests)

    def alone(self, new: Tally, expected: float) -> "Suspicion":
        """After one more interval of the new cluster, of which no more than a share is expected."""
        return self._seen(new.events, new.requests - new.events, expected)

    def _seen(self, hits: int, misses: int, chance: float) -> "Suspicion":
        """Each of some trials hits with a known chance, or with odds that are higher."""
        chance = min(max(chance, _ALMOST), 1 - _ALMOST)
        return Suspicion(tuple(_updated(self.logs, hits, max(misses, 0), chance)))


def _updated(logs: Iterable[float], hits: int, misses: int, chance: float) -> Iterable[float]:
    for log, factor in zip(logs, _FACTORS, strict=True):
        grown = 1 + (factor - 1) * chance  # chance * factor / grown is the higher chance
        yield log + hits * math.log(factor) - (hits + misses) * math.log(grown)
