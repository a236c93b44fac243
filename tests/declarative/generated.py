"""Declarative files in every style that people write them in, and what becomes of them.

The second half is a plain walk over the parsed file: it shares no code with the conversion.
"""

import json
from typing import Any

from hypothesis import strategies as st

from kong_lts.routing import migrate_path

__all__ = ["converted_document", "files"]

PATHS = (
    "/",
    "/plain",
    "/a/b.c~d",
    "/a%20b",
    "/caf%C3%A9",
    "/é",
    "/a/../b",
    r"/a/\d+",
    r"/a%2Eb/\d+$",
    "/(?<id>[^/]+)/x",
    "/it's",
    '/say"what"',
    "/a b",
    "/a:b",
    "/x#y",
    "/a|/b",
    "/{id}",
    "/a,b[1]",
)
NAMES = ("a", "B-2", "svc_1", "yes", "0123", "null-ish", "x.y", "t~1")
PLUGINS: tuple[dict[str, Any], ...] = (
    {"name": "acl", "config": {"whitelist": ["x", "y"], "hide_groups_header": True}},
    {"name": "ip-restriction", "config": {"blacklist": ["10.0.0.0/8"]}},
    {"name": "my-guard", "config": {"whitelist": ["x"], "functions": ["y"]}},
    {"name": "pre-function", "config": {"functions": ["return 1 -- it's"], "access": []}},
    {"name": "post-function", "config": {"functions": [], "log": ["return 2"]}},
    {"name": "aws-lambda", "config": {"proxy_scheme": "https", "aws_region": "x"}},
    {"name": "http-log", "config": {"headers": {"X-A": ["1", "2"], "X-B": "c", "X-C": []}}},
    {"name": "request-termination", "config": {"status_code": None, "message": "m"}},
    {"name": "syslog", "config": {"facility": None}},
    {"name": "correlation-id", "config": {"generator": "uuid#counter"}},
    {"name": "rate-limiting", "config": {"minute": 5, "policy": "local"}},
)
LISTS = {"whitelist": "allow", "blacklist": "deny"}
RENAMED = {
    "acl": LISTS,
    "ip-restriction": LISTS,
    "pre-function": {"functions": "access"},
    "post-function": {"functions": "access"},
}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A configuration as parsed; names are used once."""
    numbers = iter(range(10_000))

    def name() -> str:
        return f"{draw(st.sampled_from(NAMES))}-{next(numbers)}"

    def plugins() -> list[dict[str, Any]]:
        chosen = draw(st.lists(st.sampled_from(PLUGINS), max_size=2, unique_by=lambda p: p["name"]))
        return json.loads(json.dumps(chosen))  # type: ignore[no-any-return] # a deep copy

    def route() -> dict[str, Any]:
        paths = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3))
        made: dict[str, Any] = {"name": name(), "paths": paths}
        if draw(st.booleans()):
            made["methods"] = ["GET", "POST"]
        if draw(st.booleans()):
            made["strip_path"] = draw(st.booleans())
        if draw(st.integers(0, 3)) == 0:
            made["plugins"] = plugins()
        return made

    def service() -> dict[str, Any]:
        routes = [route() for _ in range(draw(st.integers(0, 3)))]
        return {"name": name(), "url": "http://a.b:80/c", "routes": routes, "plugins": plugins()}

    made: dict[str, Any] = {"_format_version": draw(st.sampled_from(["1.1", "2.1", "3.0"]))}
    made["services"] = [service() for _ in range(draw(st.integers(0, 3)))]
    made["routes"] = [route() for _ in range(draw(st.integers(0, 2)))]
    made["plugins"] = plugins()
    if made["_format_version"] == "3.0":
        _as_of_3_0(made)
    return made


def _as_of_3_0(node: Any) -> None:
    """Let all paths be such as 3.4 itself has them."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "paths":
                node[key] = [migrate_path(path) for path in value]
            else:
                _as_of_3_0(value)
    elif isinstance(node, list):
        for item in node:
            _as_of_3_0(item)


@st.composite
def files(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A file as text, and as parsed."""
    document = draw(documents())
    if draw(st.integers(0, 5)) == 0:
        text = json.dumps(document, indent=draw(st.sampled_from([None, 2])), ensure_ascii=False)
        return text, document
    writer = _Writer(draw)
    text = "".join(f"{line}\n" for line in writer.mapping(document, 0))
    return text, document


class _Writer:
    """Writes YAML by hand: each part in a style of its own, with comments all over."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.count = 0

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def comment(self) -> str:
        if not self.chance(4):
            return ""
        self.count += 1
        return f"   # comment {self.count}"

    def mapping(self, value: dict[str, Any], indent: int) -> list[str]:
        lines: list[str] = []
        pad = " " * indent
        for key, item in value.items():
            if self.chance(8):
                self.count += 1
                lines.append(f"{pad}# comment {self.count}")
            if self.chance(12):
                lines.append("")
            lines += self.pair(f"{pad}{key}:", item, indent)
        return lines

    def pair(self, head: str, item: Any, indent: int) -> list[str]:
        nested = isinstance(item, dict | list) and item and not self.chance(4)
        if not nested:
            return [f"{head} {self.flow(item)}{self.comment()}"]
        step = self.draw(st.sampled_from([1, 2, 4]))
        if isinstance(item, dict):
            return [f"{head}{self.comment()}", *self.mapping(item, indent + step)]
        step = self.draw(st.sampled_from([0, 2]))
        return [f"{head}{self.comment()}", *self.sequence(item, indent + step)]

    def sequence(self, value: list[Any], indent: int) -> list[str]:
        lines: list[str] = []
        pad = " " * indent
        for item in value:
            if isinstance(item, dict) and item and not self.chance(5):
                inner = self.mapping(item, indent + 2)
                first = next(
                    n for n, line in enumerate(inner) if line.strip(" ")[:1] not in ("#", "")
                )
                lines += inner[:first]
                lines.append(f"{pad}- {inner[first].lstrip(' ')}")
                lines += inner[first + 1 :]
            else:
                lines.append(f"{pad}- {self.flow(item)}{self.comment()}")
        return lines

    def flow(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k}: {self.flow(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.flow, value)) + "]"
        if not isinstance(value, str):
            return json.dumps(value)
        return self.scalar(value)

    def scalar(self, value: str) -> str:
        doubled = value.replace("'", "''")
        styles = [json.dumps(value, ensure_ascii=False), f"'{doubled}'"]
        if not set(value) & set("#:,[]{}'\"|% ") and value not in ("yes", "null"):
            first_is_safe = value[0] in "/_" or (value[0].isalpha() and value[0].isascii())
            styles += [value] * (3 if first_is_safe else 0)
        return self.draw(st.sampled_from(styles))


def converted_document(document: Any) -> Any:
    """What the file means after it was converted."""
    migrated = document["_format_version"] == "3.0"
    return {**_walk(document, migrated=migrated), "_format_version": "3.0"}


def _walk(node: Any, *, migrated: bool) -> Any:
    if isinstance(node, list):
        return [_walk(item, migrated=migrated) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _walk(value, migrated=migrated) for key, value in node.items()}
    if "paths" in made and not migrated:
        made["paths"] = [migrate_path(path) for path in made["paths"]]
    if isinstance(made.get("config"), dict):
        made["config"] = _config(made["name"], made["config"])
    return made


def _config(name: str, config: dict[str, Any]) -> dict[str, Any]:
    made = dict(config)
    for old, new in RENAMED.get(name, {}).items():
        value = made.pop(old, None)
        if value:
            made[new] = value
    if name == "aws-lambda":
        made.pop("proxy_scheme", None)
    if name == "http-log":
        headers = made["headers"].items()
        joined = {k: ", ".join(v) if isinstance(v, list) else v for k, v in headers}
        made["headers"] = {k: v for k, v in joined.items() if v}
    if name == "request-termination" and made["status_code"] is None:
        made["status_code"] = 503
    if name == "syslog" and made["facility"] is None:
        made["facility"] = "user"
    return made
