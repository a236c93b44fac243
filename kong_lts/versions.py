"""Kong versions: parsing, order, edition, and which of them this upgrade is for."""

import functools
import re
from enum import StrEnum

import attrs

from kong_lts.errors import VersionError

__all__ = ["Edition", "KongVersion", "Release"]

_FORM = re.compile(r"((?:0|[1-9][0-9]{0,3})(?:\.(?:0|[1-9][0-9]{0,3})){2,3})(?:-[a-z][a-z0-9.-]*)?")
"""Three or four numbers, none with a zero in front; `GET /` of Enterprise appends
`-enterprise-edition`."""

_OPEN_SOURCE_PARTS = 3


class Release(StrEnum):
    """The two long-term-support releases that the guide connects."""

    V2_8 = "2.8"
    V3_4 = "3.4"


class Edition(StrEnum):
    """Which Kong Gateway: the free one or the one with a licence."""

    OSS = "oss"
    ENTERPRISE = "enterprise"


@functools.total_ordering
@attrs.frozen(order=False)
class KongVersion:
    """A version of Kong Gateway: three parts are open source, four are Enterprise.

    Ordered part by part; an open-source version sorts before the Enterprise ones that build on it.
    """

    parts: tuple[int, ...]
    """Three numbers for open source, four for Enterprise."""

    @classmethod
    def parse(cls, text: str) -> "KongVersion":
        """Read a version as Kong prints it.

        Args:
            text: `2.8.5`, `2.8.4.14` or `2.8.4.14-enterprise-edition`.

        Raises:
            VersionError: It has fewer or more parts, or something else in it.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise VersionError(text)
        return cls(tuple(int(part) for part in found[1].split(".")))

    @property
    def edition(self) -> Edition:
        """Enterprise if there is a fourth part."""
        return Edition.OSS if len(self.parts) == _OPEN_SOURCE_PARTS else Edition.ENTERPRISE

    @property
    def release(self) -> Release | None:
        """The long-term-support release it is a patch of, None for any other version."""
        return next((r for r in Release if str(self).startswith(f"{r}.")), None)

    def __str__(self) -> str:
        return ".".join(map(str, self.parts))

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, KongVersion):
            return NotImplemented
        return self.parts < other.parts
