"""Writes docs/reference/api/: every public name with its signature, fields, errors and source.

A page is made from the code alone: signatures, attrs fields with their defaults, and docstrings.
"""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import attrs
import griffe

FOLDER = Path(__file__).with_name("reference") / "api"

PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "deployment": ("What is upgraded", ("versions", "deployment")),
    "evidence": ("Evidence", ("evidence", "database", "state_files")),
    "assessment": ("Assessment and findings", ("assessment", "findings", "baseline")),
    "kong_conf": ("kong.conf", ("kong_conf",)),
    "declarative": ("kong.yml and decK's files", ("declarative",)),
    "routing": ("Routing", ("routing",)),
    "planning": ("Plans and strategies", ("planning", "strategies", "step")),
    "execution": ("Runs", ("execution", "rollback", "run", "progress", "adapters.following")),
    "fleet": ("Fleets", ("fleet", "fan_out")),
    "events": ("What a journal holds", ("events",)),
    "rehearsal": ("Rehearsal", ("rehearsal",)),
    "reports": ("Reports", ("reports",)),
    "backup": ("Backup and restore", ("admin_writes", "backup", "manifest", "restore")),
    "nodes": ("Nodes and migrations", ("nodes", "migrations", "schema")),
    "smoke_test": ("Staging and smoke tests", ("smoke_test",)),
    "traffic": ("Traffic", ("traffic",)),
    "monitoring": ("Monitoring", ("monitoring",)),
    "protocols": ("Protocols", ("protocols",)),
    "adapters": (
        "Adapters",
        ("adapters", "adapters.load_balancers", "adapters.dbos_engine", "adapters.dbos_runs"),
    ),
    "errors": ("Errors", ("errors",)),
    "testing": ("For your own tests", ("testing", "testing.fakes", "testing.scenarios")),
    "catalog": (
        "Catalog, checks and text",
        ("catalog", "checks", "edits", "files", "serialization"),
    ),
}
"""A page, its title, and the modules whose public names stand on it."""

UNITS = {
    "s": "seconds",
    "ms": "milliseconds",
    "percent": "percent",
    "bytes": "bytes",
    "mib": "MiB",
    "days": "days",
}
"""The ends of names that carry a unit."""


@cache
def package() -> griffe.Module:
    """The whole source, parsed and not imported."""
    loaded = griffe.load("kong_lts", resolve_aliases=True)
    assert isinstance(loaded, griffe.Module)
    return loaded


def pages() -> dict[str, str]:
    """Every page, by the name of its file."""
    return {f"{name}.md": _page(name) for name in PAGES}


def public(module: str) -> list[griffe.Object]:
    """What `__all__` of a module lists, but for modules."""
    source = package()[module]
    found = [_target(source[str(name)]) for name in source.exports or ()]
    return [one for one in found if not one.is_module]


@cache
def homes() -> dict[str, str]:
    """Each documented object's page; the one of its own module before any that passes it on."""
    places: dict[str, str] = {}
    own: set[str] = set()
    for page, (_, modules) in PAGES.items():
        for module in modules:
            for one in public(module):
                is_own = one.path.startswith(f"kong_lts.{module}.")
                if one.path not in places or (is_own and one.path not in own):
                    places[one.path] = page
                own |= {one.path} if is_own else set()
    return places


@cache
def links() -> dict[str, str]:
    """Where each name is written about; a name that two objects have is left out."""
    seen: dict[str, set[str]] = {}
    for path, page in homes().items():
        name = path.rpartition(".")[2]
        seen.setdefault(name, set()).add(f"{page}.md#{name.lower()}")
    return {name: places.pop() for name, places in seen.items() if len(places) == 1}


def object_at(path: str) -> griffe.Object:
    """What the page of a path is about."""
    return _target(package()[path.removeprefix("kong_lts.")])


def _target(found: griffe.Object | griffe.Alias) -> griffe.Object:
    return found.final_target if isinstance(found, griffe.Alias) else found


def _page(page: str) -> str:
    title, modules = PAGES[page]
    lines = [
        f"# {title}",
        "",
        "Made from the code by `python docs/generate_api.py`; do not edit it.",
    ]
    done: set[str] = set()
    for module in modules:
        here = [one for one in public(module) if homes()[one.path] == page and one.path not in done]
        done |= {one.path for one in here}
        lines += ["", f"## kong_lts.{module}", "", *_text(package()[module], "")]
        for one in here:
            lines += ["", f"### {one.name}", "", *_entry(one, module)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def _entry(one: griffe.Object, module: str) -> Iterator[str]:
    if isinstance(one, griffe.Class):
        yield from _class(one, module)
    elif isinstance(one, griffe.Function):
        yield from _code(_signature(one.name, one))
        yield from _text(one, one.name)
    else:
        assert isinstance(one, griffe.Attribute)
        if len(value := str(one.value)) < 200 and value != "None":
            yield from _code(f"{one.name} = {value}")
        yield from _text(one, one.name)


def _class(one: griffe.Class, module: str) -> Iterator[str]:
    real = getattr(import_module(f"kong_lts.{module}"), one.name)
    yield from _code(_how_to_make(one, real))
    if bases := [str(base) for base in one.bases if str(base) not in ("Protocol", "Enum")]:
        yield from (f"A kind of {_linked(', '.join(f'`{base}`' for base in bases))}.", "")
    yield from _text(one, one.name)
    if _is_enum(real):
        yield from _table(("value", "meaning"), _members(one, real))
    elif attrs.has(real):
        yield from _table(("field", "type", "default", "meaning"), fields(one, real))
        if elsewhere := _from_base(one, real):
            names = ", ".join(f"`{name}`" for name in elsewhere)
            yield from ("", f"The fields {names} are those of its base class.", "")
    yield from _methods(one)


def _is_enum(real: type) -> bool:
    return hasattr(real, "__members__")


def _how_to_make(one: griffe.Class, real: type) -> str:
    if _is_enum(real) or getattr(real, "_is_protocol", False):
        return f"class {one.name}"
    if attrs.has(real):
        return _called(one.name, [_parameter(one, real, field) for field in _initial(real)])
    written = one.all_members.get("__init__")
    if written is not None and isinstance(function := _target(written), griffe.Function):
        return _signature(one.name, function)
    return f"class {one.name}"


def _initial(real: type) -> list["attrs.Attribute[object] | None"]:
    """The fields that are arguments; None stands for the `*` before those with names."""
    fields = [f for f in attrs.fields(real) if f.init and not f.name.startswith("_")]
    places: list[attrs.Attribute[object] | None] = [f for f in fields if not f.kw_only]
    named = [field for field in fields if field.kw_only]
    return places + ([None] if named else []) + list(named)


def _parameter(one: griffe.Class, real: type, field: "attrs.Attribute[object] | None") -> str:
    if field is None:
        return "*"
    default = _default(one, field)
    name = f"{field.alias}: {_annotation(one, field.name)}"
    return name if default is None else f"{name} = {default}"


def _default(one: griffe.Class, field: "attrs.Attribute[object]") -> str | None:
    """As it is written, where it is short."""
    if field.default is attrs.NOTHING:
        return None
    found = _declaration(one, field.name)
    written = found.value if found else None
    if isinstance(written, griffe.ExprCall) and str(written.function) in ("attrs.field", "field"):
        said = {
            part.name: part.value
            for part in written.arguments
            if isinstance(part, griffe.ExprKeyword)
        }
        written = said.get("default") or said.get("factory")
        if "factory" in said:
            return "made anew" if "lambda" in str(written) else f"{written}()"
    text = str(written)
    return text if len(text) <= 60 else "..."


def _sources(one: griffe.Class) -> list[griffe.Class]:
    return [one, *(base for base in one.mro() if base.path.startswith("kong_lts."))]


def _declaration(one: griffe.Class, name: str) -> griffe.Attribute | None:
    for source in _sources(one):
        found = source.members.get(name)
        if isinstance(found, griffe.Attribute):
            return found
    return None


def _annotation(one: griffe.Class, name: str) -> str:
    found = _declaration(one, name)
    return str(found.annotation).strip("'\"") if found else "object"


def fields(one: griffe.Class, real: type) -> Iterator[tuple[str, ...]]:
    """The rows of the table of fields: name, type with its unit, default, meaning."""
    described = _arguments(one)
    for field in attrs.fields(real):
        if field.name.startswith("_") or field.name in _from_base(one, real):
            continue
        found = _declaration(one, field.name)
        meaning = found.docstring.value if found and found.docstring else described.get(field.alias)
        default = _default(one, field)
        yield (
            f"`{field.alias}`",
            _type(_annotation(one, field.name)) + _unit(field.name),
            "" if default is None else f"`{default}`",
            _linked(meaning or ""),
        )


def _from_base(one: griffe.Class, real: type) -> list[str]:
    """Fields that a documented base class describes."""
    bases = [base for base in one.mro() if base.path in homes()]
    names = {name for base in bases for name in base.members}
    own = {field.name for field in attrs.fields(real) if field.name in one.members}
    return [f.name for f in attrs.fields(real) if f.name in names - own]


def _unit(name: str) -> str:
    unit = UNITS.get(name.rpartition("_")[2]) if "_" in name or name in ("percent",) else None
    return f", {unit}" if unit else ""


def _arguments(one: griffe.Object) -> dict[str, str]:
    """What `Args:` says of each argument."""
    said: dict[str, str] = {}
    for section in sections(one):
        if isinstance(section, griffe.DocstringSectionParameters):
            said |= {str(part.name): part.description for part in section.value}
    return said


def _members(one: griffe.Class, real: type) -> Iterator[tuple[str, ...]]:
    for name, member in real.__members__.items():  # type: ignore[attr-defined]  # an enum has them
        found = one.members.get(name)
        meaning = found.docstring.value if found is not None and found.docstring else ""
        yield f"`{name}`", f"`{member.value!r}`. {_linked(meaning)}".removesuffix(". ")


def _is_shown(method: griffe.Object | griffe.Alias) -> bool:
    if method.name.startswith("_"):
        return False
    return method.is_function or "property" in method.labels


def _methods(one: griffe.Class) -> Iterator[str]:
    """Those that say little in a list, each other one in a part of its own."""
    shown = [_target(method) for method in one.members.values() if _is_shown(method)]
    told = [method for method in shown if method.docstring]
    short = [method for method in told if len(sections(method)) == 1]
    yield ""
    for method in short:
        yield f"- `{_call(method)}`: {_cell(_linked(str(sections(method)[0].value)))}"
    if silent := [method for method in shown if not method.docstring]:
        names = ", ".join(f"`{method.name}`" for method in silent)
        yield from ("", f"As its protocol or base class says: {names}.")
    for method in told:
        if method not in short:
            yield from ("", f"#### {one.name}.{method.name}", "", *_code(_call(method)))
            yield from _text(method, one.name)


def _call(method: griffe.Object) -> str:
    if isinstance(method, griffe.Function) and "property" not in method.labels:
        return _signature(method.name, method, bound="staticmethod" not in method.labels)
    kind = getattr(method, "annotation", None) or getattr(method, "returns", None)
    return f"{method.name}: {kind}".replace("'", "").replace('"', "")


def _signature(name: str, function: griffe.Function, *, bound: bool = False) -> str:
    parts: list[str] = []
    named = False
    for place, one in enumerate(function.parameters):
        if place == 0 and (bound or name[:1].isupper()):
            continue
        if one.kind is griffe.ParameterKind.keyword_only and not named:
            parts.append("*")
        named = named or one.kind in (
            griffe.ParameterKind.keyword_only,
            griffe.ParameterKind.var_positional,
        )
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(str(one.kind.value), "")
        text = f"{stars}{one.name}" + (f": {one.annotation}" if one.annotation else "")
        parts.append(text if one.default is None or stars else f"{text} = {one.default}")
    back = f" -> {function.returns}" if function.returns and not name[:1].isupper() else ""
    return _called(name, parts, back)


def _called(name: str, parts: list[str], back: str = "") -> str:
    line = f"{name}({', '.join(parts)}){back}"
    if len(line) <= 88:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){back}"


def _code(text: str) -> Iterator[str]:
    # Not `python`: such a block is run, and this is no program.
    yield from ("```py", text, "```", "")


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    lines = [" | ".join(_cell(cell) for cell in row) for row in rows]
    if lines:
        yield from ("", f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}")
        yield from (f"| {line} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def sections(one: griffe.Object) -> list[griffe.DocstringSection]:
    """A docstring, taken apart."""
    return one.docstring.parse("google", warnings=False) if one.docstring else []


def _text(one: griffe.Object, name: str) -> Iterator[str]:
    """A docstring as Markdown; the arguments of an attrs class stand with its fields."""
    fields = attrs.has(real_class(one)) if isinstance(one, griffe.Class) else False
    for section in sections(one):
        match section:
            case griffe.DocstringSectionText():
                yield from (_linked(section.value, but=name), "")
            case griffe.DocstringSectionParameters() if not fields:
                rows = ((f"`{p.name}`", _linked(p.description)) for p in section.value)
                yield from (*_table(("argument", "meaning"), rows), "")
            case griffe.DocstringSectionReturns() | griffe.DocstringSectionYields():
                said = " ".join(part.description for part in section.value)
                yield from (f"**{section.kind.value.capitalize()}**: {_linked(said)}", "")
            case griffe.DocstringSectionRaises():
                for part in section.value:
                    error = _linked(f"`{part.annotation}`")
                    yield f"- **Raises** {error}: {_linked(part.description)}"
                yield ""
            case griffe.DocstringSectionAdmonition():
                yield from (f"**{section.title}**: {_linked(section.value.description)}", "")


def real_class(one: griffe.Class) -> type:
    """The class itself."""
    found = getattr(import_module(one.module.path), one.name)
    return found if inspect.isclass(found) else type(None)


def _type(text: str) -> str:
    """A type, as a link to the first of the public names in it."""
    names = [name for name in re.findall(r"[A-Za-z_]\w*", text) if name in links()]
    return f"[`{text}`]({links()[names[0]]})" if names else f"`{text}`"


def _linked(text: str, *, but: str = "") -> str:
    """The text with a link at each public name that stands in backticks."""

    def link(found: re.Match[str]) -> str:
        name = found[1].removesuffix("()").rpartition(".")[2]
        known = name in links() and name != but and (name[:1].isupper() or "kong_lts." in found[1])
        return f"[`{found[1]}`]({links()[name]})" if known else found[0]

    return re.sub(r"(?<!\[)`([^`\n]+)`", link, text)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
