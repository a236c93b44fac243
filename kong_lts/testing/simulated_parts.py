"""Parts of the simulated world that are plain values: state files of decK, keys of a keyring."""

import json
from collections.abc import Mapping

import attrs

__all__ = ["SimulatedDump", "SimulatedKeyring"]


@attrs.frozen(kw_only=True)
class SimulatedDump:
    """A state file of decK."""

    release: str
    """Of the gateway that it was made of."""
    rows: Mapping[str, str]
    """Path by route id."""
    basic_auth: tuple[str, ...] = ()
    """Usernames of credentials."""

    def to_text(self) -> str:
        """As a file; JSON is YAML."""
        return json.dumps(
            {
                "_format_version": "1.1" if self.release.startswith("2.") else "3.0",
                "services": [
                    {
                        "name": "everything",
                        "url": "http://localhost",
                        "routes": [
                            {"name": name, "paths": [path]} for name, path in self.rows.items()
                        ],
                    }
                ],
                "consumers": [
                    {"username": name, "basicauth_credentials": [{"username": name}]}
                    for name in self.basic_auth
                ],
            }
        )

    @classmethod
    def from_text(cls, text: str) -> "SimulatedDump":
        """Read what `to_text` wrote, or a conversion of it."""
        document = json.loads(text)
        routes = document["services"][0]["routes"]
        return cls(
            release="2.8" if document["_format_version"] == "1.1" else "3.4",
            rows={route["name"]: route["paths"][0] for route in routes},
            basic_auth=tuple(consumer["username"] for consumer in document["consumers"]),
        )


@attrs.define(kw_only=True)
class SimulatedKeyring:
    """The keys of one cluster."""

    ids: tuple[str, ...] = ()
    active: str | None = None
    unrecoverable: tuple[str, ...] = ()
    """Keys that the recovery key does not open."""
