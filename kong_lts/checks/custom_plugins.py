"""What 3.4 makes of the code of custom plugins."""

import fnmatch
import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping

import attrs

from kong_lts import catalog
from kong_lts.catalog.assessment_rows import LuaRule
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.lua import LuaSource, Token
from kong_lts.checks.manifests import Manifest
from kong_lts.evidence import TextFile
from kong_lts.findings import Finding, Location

__all__ = ["CHECK", "Source", "priorities", "sources"]

Said = Iterator[tuple[str, int]]
"""What was found, and on which line."""

_VERSION = re.compile(r"\d+(?:\.\d+){0,2}")
_MODULE = re.compile(r"(?:^|/)kong/plugins/([^/]+)/(.+)$")
_BESIDE_IMAGE = re.compile(
    r"(?:^|/)([^/]+)/((?:handler|schema|daos|api|access)\.lua|migrations/[^/]+\.lua)$"
)
_FOLDER = re.compile(r"^(?:plugins/)?([^/]+)/(.+)$")
_LEGACY_KEYS = ("no_consumer", "no_service", "no_route", "no_api", "self_check")
_LEGACY_ATTRIBUTES = ("legacy",)
_SESSION_3 = frozenset(
    {"present", "started", "opened", "regenerate", "cipher", "strategy", "samesite", "httponly"}
)
_SESSION_4 = frozenset(
    {
        "audience", "set_subject", "get_subject", "set_audience", "get_audience", "touch",
        "refresh", "get_property", "clear_request_cookie", "set_remember", "get_remember",
        "idling_timeout", "rolling_timeout", "absolute_timeout", "cookie_name", "cookie_same_site",
        "cookie_http_only", "set_request_headers", "set_response_headers", "store_metadata",
    }
)  # fmt: skip
"""Names of lua-resty-session that only one of its versions has."""


@attrs.frozen
class Source:
    """One Lua file of a custom plugin."""

    plugin: str
    path: str
    """Below the plugin's folder."""
    file: TextFile
    lua: LuaSource


def sources(case: Case) -> Iterator[Source]:
    """Every Lua file of the custom plugins, those in config maps and beside a Dockerfile too."""
    for file in case.evidence.custom_plugins:
        yield from case.apart.look(f"custom plugins: {file.path}", _of_file, file)
    for file in case.lua_of_scripts:
        yield from case.apart.look(f"custom plugins: {file.path}", _in_image, file)
    for manifest in case.manifests:
        yield from case.apart.look(f"manifests: {manifest.path}", _of_manifest, manifest)


def _of_file(file: TextFile) -> Iterator[Source]:
    found = _MODULE.search(file.path) or _FOLDER.match(file.path)
    if file.path.endswith(".lua") and found is not None:
        yield Source(found[1], found[2], file, LuaSource(file.text))


def _in_image(file: TextFile) -> Iterator[Source]:
    if (found := _BESIDE_IMAGE.search(file.path)) is not None:
        yield Source(found[1], found[2], file, LuaSource(file.text))


def _of_manifest(manifest: Manifest) -> Iterator[Source]:
    for key, text in manifest.texts:
        if key.endswith(".lua"):
            name = manifest.name.removeprefix("kong-plugin-")
            yield Source(name, str(key), TextFile(path=manifest.path, text=text), LuaSource(text))


def _look(case: Case) -> Iterator[Seen]:
    for source in sources(case):
        for row in catalog.custom_plugins():
            yield part((row.id, f"custom plugins: {source.file.path}"), _about, row, source)


def _about(row: LuaRule, source: Source) -> Iterator[Finding]:
    """What one rule says of one file."""
    if row.files and not any(re.fullmatch(f, source.path) for f in row.files):
        return
    modules = {module for module, _ in source.lua.required}
    if any(_fits(module, row.unless_modules) for module in modules):
        return
    for found, line in _once(_said(row, source)):
        yield row.finding(
            f"plugin {source.plugin}",
            location=Location(path=source.file.path, line=line),
            evidence=source.file.path,
            plugin=source.plugin,
            found=found,
        )


def _once(said: Said) -> Iterator[tuple[str, int]]:
    """Each thing that was found once, where it stands first."""
    seen: set[str] = set()
    for found, line in said:
        if found not in seen:
            seen.add(found)
            yield found, line


def _said(row: LuaRule, source: Source) -> Said:
    lua = source.lua
    if row.call:
        yield from _CALLS[row.call](source)
    if row.modules:
        yield from ((name, line) for name, line in lua.required if _fits(name, row.modules))
    if row.names:
        yield from ((name, line) for name, line in lua.named if _fits(name, row.names))
    if row.keys:
        yield from ((key, line) for key, line, _ in lua.keys if key in row.keys)
    for pattern in row.strings:
        yield from ((text, line) for text, line in lua.strings if re.fullmatch(pattern, text))


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(
        name == pattern
        or ("*" in pattern and fnmatch.fnmatchcase(name, pattern))
        or name.startswith(f"{pattern}.")
        for pattern in patterns
    )


def _assigned(lua: LuaSource, key: str) -> tuple[str, int, Token | None] | None:
    """The last value that a key of a table gets."""
    return next((found for found in reversed(lua.keys) if found[0] == key), None)


def _is_elsewhere(lua: LuaSource) -> bool:
    """Whether the file hands on what another module returns, so that nothing is known here."""
    at = lua.returned
    if at is None:
        return True
    if lua.text_at(at) == "require":
        return True
    name = lua.text_at(at)
    made = [n for n, token in enumerate(lua.all) if token.text == name and token.kind == "name"]
    return any(
        lua.text_at(n - 1) == "local"
        and lua.text_at(n + 1) == "="
        and lua.text_at(n + 2) in ("require", "setmetatable")
        and "base_plugin" not in lua.text_at(n + 3) + lua.text_at(n + 4)
        for n in made
    )


def _first_line(lua: LuaSource) -> int:
    return lua.all[-1].line if lua.all else 1


def _negative(lua: LuaSource, value: Token | None) -> bool:
    return value is not None and value.text == "-"


def _priority_value(lua: LuaSource, value: Token | None) -> float | None:
    """The number that a value is; None for an expression that only Lua can tell."""
    if value is None:
        return None
    at = lua.all.index(value)
    sign = -1 if value.text == "-" else 1
    if sign < 0:
        at += 1
    token = lua.all[at] if at < len(lua.all) else value
    follows = lua.text_at(at + 1)
    if token.kind == "number" and follows not in ("*", "+", "-", "/", "^", "%"):
        try:
            return sign * (
                float(int(token.text, 16)) if token.text[:2].lower() == "0x" else float(token.text)
            )
        except (ValueError, OverflowError):
            return None
    if token.text == "math" and lua.text_at(at + 2) == "huge":
        return sign * math.inf
    return None


def _priority(source: Source) -> Said:
    lua = source.lua
    found = _assigned(lua, "PRIORITY")
    if found is None:
        if not _is_elsewhere(lua):
            yield "nothing (missing)", _first_line(lua)
        return
    _, line, value = found
    number = _priority_value(lua, value)
    if value is not None and (value.kind == "string" or value.text in ("nil", "true", "false")):
        yield value.text, line
    elif number is not None and (math.isinf(number) or not number.is_integer()):
        yield "infinity (math.huge)" if math.isinf(number) else f"{number:g}", line


def _version(source: Source) -> Said:
    lua = source.lua
    found = _assigned(lua, "VERSION")
    if found is None:
        if not _is_elsewhere(lua):
            yield "nothing (missing)", _first_line(lua)
        return
    _, line, value = found
    if value is None:
        return
    last = lua.text_at(lua.all.index(value) + 1) == ".."
    if value.kind == "number" or value.text in ("nil", "true", "false"):
        yield value.text, line
    elif value.kind == "string" and not last and not _VERSION.fullmatch(value.text):
        yield f'"{value.text}"', line


def _daos_by_name(source: Source) -> Said:
    """`return { name = schema }`, or a table that gets its schemas by name."""
    lua = source.lua
    at = lua.returned
    if at is None:
        return
    if lua.text_at(at) == "{":
        following, equals = lua.text_at(at + 1), lua.text_at(at + 2)
        is_name = at + 1 < len(lua.all) and lua.all[at + 1].kind == "name"
        if (is_name and equals == "=") or (following == "[" and lua.text_at(at + 4) == "="):
            yield following if is_name else lua.text_at(at + 2), lua.all[at].line


def _legacy_schema(source: Source) -> Said:
    """`fields` as a map, or attributes of the schemas before 1.0, at the top of the schema."""
    lua = source.lua
    typed = any(key == "name" for key, _, _ in lua.keys)
    for key, line, value in lua.keys:
        if key in _LEGACY_KEYS and value is not None and value.text != "typedefs":
            yield key, line
        if key == "fields" and value is not None and value.text == "{" and not typed:
            at = lua.all.index(value)
            if lua.text_at(at + 2) == "=" and lua.text_at(at + 3) == "{":
                yield "fields as a map", line


def _legacy_attribute(source: Source) -> Said:
    for key, line, value in source.lua.keys:
        if key in _LEGACY_ATTRIBUTES and value is not None and value.text in ("true", "false"):
            yield f"{key} = {value.text}", line


def _has_migrations(source: Source) -> Said:
    yield source.path, 1


def _response_and_filters(source: Source) -> Said:
    filters = source.lua.methods & {"header_filter", "body_filter"}
    if "response" in source.lua.methods and filters:
        yield ", ".join(sorted(filters)), _first_line(source.lua)


def _compares_versions(source: Source) -> Said:
    """`require("kong.plugins.X.handler").VERSION`, or a local name of that module."""
    handlers = {
        module
        for module, _ in source.lua.required
        if re.fullmatch(r"kong\.plugins\..*\.handler", module)
    }
    for name, line in source.lua.named:
        if name.endswith(".VERSION") and any(name.startswith(f"<{h}>") for h in handlers):
            yield name.replace("<", "").replace(">", ""), line


def _resty_session_3(source: Source) -> Said:
    if not _is_for_session_4(source.lua):
        yield from _session_modules(source)


def _resty_session_4(source: Source) -> Said:
    if _is_for_session_4(source.lua):
        yield from _session_modules(source)


def _session_modules(source: Source) -> Said:
    for name, line in source.lua.required:
        if _fits(name, ("resty.session",)):
            yield name, line


def _is_for_session_4(lua: LuaSource) -> bool:
    """Whether it uses what only version 4 of lua-resty-session has, and nothing of version 3."""
    names = {token.text for token in lua.all if token.kind == "name"}
    return bool(names & _SESSION_4) and not names & _SESSION_3


_CALLS: Mapping[str, Callable[[Source], Said]] = {
    "priority": _priority,
    "version": _version,
    "daos_by_name": _daos_by_name,
    "legacy_schema": _legacy_schema,
    "legacy_attribute": _legacy_attribute,
    "has_migrations": _has_migrations,
    "response_and_filters": _response_and_filters,
    "compares_versions": _compares_versions,
    "resty_session_3": _resty_session_3,
    "resty_session_4": _resty_session_4,
}


def priorities(case: Case) -> dict[str, tuple[int, Location]]:
    """The PRIORITY of each custom plugin whose handler says it as a number, and where."""
    return {
        plugin: (number, location)
        for source in sources(case)
        for plugin, number, location in case.apart.look(
            f"custom plugins: {source.file.path}", _priority_in, source
        )
    }


def _priority_in(source: Source) -> Iterator[tuple[str, int, Location]]:
    if source.path == "handler.lua" and (said := _assigned(source.lua, "PRIORITY")):
        number = _priority_value(source.lua, said[2])
        if number is not None and math.isfinite(number):
            location = Location(path=source.file.path, line=said[1])
            yield source.plugin, int(number), location


@functools.cache
def _rows() -> tuple[Rule, ...]:
    return tuple(catalog.custom_plugins())


CHECK = Check(
    name="custom plugins",
    look=_look,
    rows=_rows,
    needs=("custom_plugins", "kubernetes", "lua_of_scripts"),
    needs_called="the sources of custom plugins",
)
