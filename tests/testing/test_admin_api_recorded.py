"""The double of the Admin API gives the answers that Kong 2.8.5 and 3.4.2 gave decK."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kong_lts.testing.admin_api import KongAdminApi
from kong_lts.testing.admin_entities import kinds
from kong_lts.versions import Release
from tests.conftest import ROOT

SHARED = Path(os.environ.get("KONG_LTS_REFERENCE") or ROOT / "../shared")
HTTP = SHARED / "reference/kong/deck/http"
RECORDINGS = sorted(HTTP.glob("*.jsonl")) if HTTP.is_dir() else []
OF_ITS_OWN = frozenset({"created_at", "updated_at", "ttl"})
"""What depends on the moment."""
A_SECRET = re.compile(r"[\w-]{32,44}")
"""The default that a plugin has until the gateway starts anew."""
ONLY_AFTER_USE = frozenset({"len_min", "required"})
"""What a schema of the real one shows beside, once something was validated by it."""

pytestmark = pytest.mark.skipif(not RECORDINGS, reason="the recordings are not here")


def release_of(path: Path) -> Release:
    return Release.V2_8 if path.name.startswith("28") else Release.V3_4


def exchanges(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text("utf-8").splitlines():
        yield json.loads(line)


def loaded(path: Path) -> KongAdminApi:
    """The state that the reading requests of a recording show."""
    api = KongAdminApi(release=release_of(path))
    tables = {kind.path: kind.table for kind in kinds(api.release).values()}
    for one in exchanges(path):
        name = one["path"].rstrip("/").rpartition("/")[2]
        listed = one["method"] == "GET" and one["status"] == 200
        if listed and name in tables and not one["path"].startswith("/schemas"):
            data = one["response_body"]["data"]
            api.load(tables[name], [row | snis_of(name, row) for row in data])
    return api


def snis_of(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {} if name != "routes" else {"snis": row["snis"]}


def plain(body: object, path: str) -> object:
    """A body without what depends on the moment, and in one order."""
    if path == "/":
        assert isinstance(body, dict)
        return {key: body[key] for key in ("version", "tagline", "lua_version")}
    if path == "/workspaces/":
        assert isinstance(body, dict)
        return [{k: row[k] for k in ("name", "comment", "meta", "config")} for row in body["data"]]
    if isinstance(body, dict):
        left_out = {*OF_ITS_OWN, "description"} if not path.startswith("/schemas") else {
            *ONLY_AFTER_USE, "description",
        }  # fmt: skip
        return {
            k: plain(v, path) for k, v in body.items() if k not in left_out or isinstance(v, dict)
        }
    if isinstance(body, list):
        items = [plain(item, path) for item in body]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(body, str) and path.startswith("/schemas") and A_SECRET.fullmatch(body):
        return "a secret"
    return body


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_comes_out_the_same(path: Path) -> None:
    api, different = loaded(path), []
    for one in exchanges(path):
        target = f"{one['path']}?{one['query']}" if one["query"] else one["path"]
        body = b"" if one["request_body"] is None else json.dumps(one["request_body"]).encode()
        answer = api.answer(one["method"], target, {}, body)
        wanted = (one["status"], plain(one["response_body"], one["path"]))
        found = (answer.status, plain(answer.document, one["path"]))
        if found != wanted:
            different.append((one["method"], target, wanted, found))

    assert different == []
