"""What automates the gateway: the Admin API's access log, and scripts."""

import re
from collections.abc import Iterator, Sequence

import attrs

from kong_lts import catalog
from kong_lts.catalog.assessment_rows import CallRule
from kong_lts.catalog.rows import Rule
from kong_lts.checks.case import Case
from kong_lts.checks.check import Check, Seen, part
from kong_lts.checks.manifests import Manifest, line_of
from kong_lts.evidence import AdminCall, TextFile
from kong_lts.findings import Finding, Location

__all__ = ["CHECK", "Line", "lines_of"]

_LOG = "logs/admin_access.log"
_SHOWN = 100
_AHEAD = 6
"""Lines of a call that may stand below its address: its method, its body."""

_HASH = re.compile(r"""(?:[^#"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*'|(?<=[^\s])#)*""", re.DOTALL)
_SLASHES = (".js", ".mjs", ".ts", ".go", ".java", ".groovy", ".jsonnet")
_SQL = (".sql", ".lua")
_SCRIPTS = (".sh", ".bash", ".py", ".rb", ".pl", ".js", ".ts", ".go", ".php")
_METHOD = re.compile(
    r"""(?ix)(?:-X\s*|--request[\s=]+|\bmethod["']?\s*[:=]\s*["']?|\bhttp(?:ie|s)?\s+(?:-\S+\s+)*
    |->|requests?\.|session\.|client\.|axios\.|\.request\(\s*["']|-Method\s+|["'\s(,])
    (POST|PUT|PATCH|DELETE|GET)\b"""
)
_POSTS = re.compile(
    r"(?:^|\s)(?:-d|--data(?:-\w+)?|-F|--form|--json|--post-data|--post-file)\b|\.(?:post|Post|POST)\(|data="
)
_ELSEWHERE = r"(?:(?:[\"']\s*\+\s*[\w.()\[\]]+\s*\+\s*[\"']|\{\{[^}/]*\}\}|[^/\s\"'?])+)"
_ENDS = r"(?=[\s\"'?`,;)]|/?$|/[\s\"'?`])"


@attrs.frozen
class Line:
    """One line of a script without its comment, with what a backslash joins to it."""

    number: int
    text: str


def lines_of(file: TextFile) -> tuple[Line, ...]:
    """The lines of a script that do something."""
    found: list[Line] = []
    waiting, start = "", 0
    for number, raw in enumerate(file.text.splitlines(), 1):
        text = _without_comment(raw, file.path)
        start = start or number
        if text.rstrip().endswith("\\"):
            waiting += text.rstrip()[:-1] + " "
            continue
        if (waiting + text).strip():
            found.append(Line(start, waiting + text))
        waiting, start = "", 0
    if waiting.strip():
        found.append(Line(start, waiting))
    return tuple(found)


def _without_comment(text: str, path: str) -> str:
    if path.endswith(_SLASHES):
        return re.split(r"(?<!:)//", text, maxsplit=1)[0]
    if path.endswith(_SQL):
        return text.split("--", 1)[0]
    if text.lstrip().startswith("#"):
        return ""
    if "#" not in text:
        return text
    found = _HASH.match(text)
    return text[: found.end()] if found is not None else text


def _look(case: Case) -> Iterator[Seen]:
    rows = [
        _beside_others(case, row)
        for row in catalog.automation()
        if case.concerns(row.editions, row.modes) and not _is_settled(case, row)
    ]
    log = case.evidence.admin_access_log
    if log is not None:
        for row in rows:
            yield part(row.id, _in_log, row, log.calls)
    yield from (part(f"automation: {m.path}", _in_manifest, rows, m) for m in case.manifests)
    for file in case.evidence.scripts:
        yield part(f"automation: {file.path}", _in_file, rows, file)


def _is_settled(case: Case, row: CallRule) -> bool:
    """Whether a script does what is missed, or every configuration that sets a key sets it well."""
    scripts = case.evidence.scripts if row.nowhere else ()
    if any(re.search(row.nowhere, line.text) for file in scripts for line in lines_of(file)):
        return True
    for key, wanted in row.settled_by.items():
        values = {value.strip("\"'").lower() for _, value in case.written(key)}
        if values == {wanted}:
            return True
    return False


def _beside_others(case: Case, row: CallRule) -> CallRule:
    """The rule without what has to stand beside, where another file of the bundle has it."""
    found = False
    if row.beside_in_state:
        pattern = re.compile(row.beside_in_state.encode())
        found = any(pattern.search(file.data) for file in case.state_files)
    if row.beside_in_scripts:
        lines = (line.text for file in case.evidence.scripts for line in lines_of(file))
        found = found or any(re.search(row.beside, line) for line in lines)
    return attrs.evolve(row, beside="") if found else row


def _in_manifest(rows: Sequence[CallRule], manifest: Manifest) -> Iterator[Seen]:
    """What its containers run; the images of Kong have rules of their own."""
    for command in manifest.commands():
        lines = tuple(Line(manifest.line, line) for line in command.splitlines())
        file = TextFile(path=manifest.path, text=command)
        for row in rows:
            yield part(row.id, _of_command, row, file, lines, manifest)
    for key, text in manifest.texts:
        if key.endswith(_SCRIPTS) or text.startswith("#!"):
            for row in rows:
                yield part(row.id, _of_held, row, key, text, manifest)


def _of_held(row: CallRule, key: str, text: str, manifest: Manifest) -> Iterator[Finding]:
    """What one rule says of a script in a config map."""
    lines = lines_of(TextFile(path=key, text=text))
    whole = "\n".join(line.text for line in lines)
    file = TextFile(path=manifest.path, text=text)
    first = line_of(manifest, f"{key}:") or manifest.line
    for finding in _in_script(row, file, lines, whole, manifest.kind):
        number = (finding.location.line or 0) if finding.location else 0
        where = Location(path=manifest.path, line=first + number)
        yield attrs.evolve(finding, location=where)


def _of_command(
    row: CallRule, file: TextFile, lines: Sequence[Line], manifest: Manifest
) -> Iterator[Finding]:
    """What one rule says of a command, at the line where its first word stands."""
    for finding in _in_script(row, file, lines, file.text, manifest.kind):
        words = file.text.removeprefix("image: ").split()
        line = line_of(manifest, words[0]) or manifest.line
        yield attrs.evolve(finding, location=Location(path=manifest.path, line=line))


def _in_file(rows: Sequence[CallRule], file: TextFile) -> Iterator[Seen]:
    lines = lines_of(file)
    whole = "\n".join(line.text for line in lines)
    for row in rows:
        yield part(row.id, _in_script, row, file, lines, whole)


def _in_log(row: CallRule, calls: Sequence[AdminCall]) -> Iterator[Finding]:
    fitting = [call for call in calls if _fits(row, call)]
    if not fitting:
        return
    call = max(fitting, key=lambda one: one.count)
    first = min(fitting, key=lambda one: one.line)
    yield row.finding(
        f"{call.method} {call.path}",
        location=Location(path=_LOG, line=first.line),
        evidence="Admin API log",
        file="The Admin API's log",
        found=f"{call.method} {call.path}",
        count=sum(one.count for one in fitting),
        agent=f", {call.agent}" if call.agent else "",
        named="",
    )


def _fits(row: CallRule, call: AdminCall) -> bool:
    if row.agents and re.search(row.agents, call.agent):
        return True
    if not row.path or (row.methods and call.method not in row.methods):
        return False
    if row.statuses and call.status not in row.statuses:
        return False
    return re.fullmatch(rf"(?:/[^/]+)?{row.path}/?", call.path) is not None


def _in_script(
    row: CallRule, file: TextFile, lines: Sequence[Line], whole: str, kind: str = ""
) -> Iterator[Finding]:
    if row.without and re.search(row.without, whole, re.MULTILINE):
        return
    if row.beside and not re.search(row.beside, f"{whole}\n{kind}\n{file.path}", re.MULTILINE):
        return
    for at, line in enumerate(lines):
        if (found := _found(row, lines, at)) is not None:
            yield row.finding(
                file.path,
                location=Location(path=file.path, line=line.number),
                evidence=file.path,
                file=file.path,
                found=found if len(found) <= _SHOWN else f"{found[:_SHOWN]}...",
                count=1,
                agent="",
                named=_named(row, whole),
            )
            return


def _named(row: CallRule, whole: str) -> str:
    """Words of the script that tell what a line is about, each once."""
    words = dict.fromkeys(re.findall(row.names, whole)) if row.names else ()
    return f" ({', '.join(words)})" if words else ""


def _found(row: CallRule, lines: Sequence[Line], at: int) -> str | None:
    text = lines[at].text
    if row.lines and (said := re.search(row.lines, text)):
        return said[0].strip().strip("\"'")
    if not row.path:
        return None
    said = re.search(row.path.replace("[^/]+", _ELSEWHERE) + _ENDS, text)
    if said is None:
        return None
    method = _method(lines, at)
    if row.methods and method not in row.methods:
        return None
    return f"{method} {said[0]}"


def _method(lines: Sequence[Line], at: int) -> str:
    """How a call is made: as its line says, or those around it that belong to it."""
    own = lines[at].text
    for text in (own, *(line.text for line in lines[max(0, at - 2) : at + _AHEAD])):
        if (said := _METHOD.search(text)) is not None:
            return said[1].upper()
        if _POSTS.search(text):
            return "POST"
    return "GET"


def _rows() -> tuple[Rule, ...]:
    return tuple(catalog.automation())


CHECK = Check(
    name="automation",
    look=_look,
    rows=_rows,
    needs=("admin_access_log", "scripts", "kubernetes"),
    needs_called="the Admin API's access log, or scripts",
)
