"""What hybrid mode asks of the keys of one node."""

import re
from collections.abc import Iterator

from kong_lts.kong_conf.addresses import is_off
from kong_lts.kong_conf.loading import Loaded
from kong_lts.versions import Release

__all__ = ["cluster_refusals"]

_CONTROL_PLANE = "control_plane"
_DATA_PLANE = "data_plane"
_LABELS = 10
_LABEL_CHARACTERS = range(1, 64)
_LABEL = re.compile(r"[a-z0-9](?:[0-9A-Za-z_.:-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)
_RESERVED = ("kong", "konnect", "insomnia", "mesh", "kic")


def cluster_refusals(loaded: Loaded) -> Iterator[tuple[str, str]]:
    """The key and the reason, for each thing that does not go with the role."""
    role = loaded.values.get("role")
    if "role" in loaded.unknown:
        return
    if role == _CONTROL_PLANE:
        yield from _control_plane(loaded)
    elif role == _DATA_PLANE:
        yield from _data_plane(loaded)
    if loaded.values.get("cluster_use_proxy") is True and loaded.values.get("proxy_server") is None:
        yield "cluster_use_proxy", "it is on, and no proxy_server is given"
    labels = loaded.values.get("cluster_dp_labels")
    if labels and role != _DATA_PLANE:
        yield "cluster_dp_labels", "labels are for role = data_plane only"
    if role in (_CONTROL_PLANE, _DATA_PLANE):
        for key in ("cluster_cert", "cluster_cert_key"):
            if loaded.values.get(key) is None:
                yield key, f"role = {role} needs cluster_cert and cluster_cert_key"


def _control_plane(loaded: Loaded) -> Iterator[tuple[str, str]]:
    values = loaded.values
    for key in ("admin_listen", "cluster_listen"):
        if _closed(loaded, key):
            yield key, "role = control_plane needs it"
    if values.get("cluster_mtls") == "pki" and values.get("cluster_ca_cert") is None:
        yield "cluster_ca_cert", "cluster_mtls = pki needs it"
    if values.get("database") == "off":
        yield "database", "role = control_plane needs a database"
    if values.get("cluster_use_proxy") is True:
        yield "cluster_use_proxy", "it does not go with role = control_plane"


def _data_plane(loaded: Loaded) -> Iterator[tuple[str, str]]:
    values = loaded.values
    if _closed(loaded, "proxy_listen"):
        yield "proxy_listen", "role = data_plane needs it"
    if values.get("database") != "off":
        yield "database", "role = data_plane has none; set database = off"
    labels = values.get("cluster_dp_labels")
    if loaded.release is Release.V3_4 and isinstance(labels, tuple):
        if len(labels) > _LABELS:
            yield "cluster_dp_labels", f"more than {_LABELS} labels"
        for label in labels:
            if not _is_label(label):
                yield "cluster_dp_labels", f"{label!r} is no label as in tier:edge"


def _closed(loaded: Loaded, key: str) -> bool:
    listen = loaded.values.get(key)
    return not isinstance(listen, tuple) or not listen or is_off(listen)


def _is_label(label: str) -> bool:
    key, _, value = label.partition(":")
    return not key.lower().startswith(_RESERVED) and all(
        len(part) in _LABEL_CHARACTERS and _LABEL.fullmatch(part) for part in (key, value)
    )
