"""A plan as a Markdown checklist, for a person who follows it by hand."""

from collections.abc import Iterator
from typing import get_args

from kong_lts.admin_writes import StopAdminWrites
from kong_lts.deployment import DeploymentMode, Side
from kong_lts.findings import Severity
from kong_lts.planning import AnyStep, Plan, guards
from kong_lts.reports.assessments import way
from kong_lts.reports.by_hand import ask, by_hand, serving
from kong_lts.reports.markdown import escaped
from kong_lts.reports.plans import WAY_BACK, point_text, where
from kong_lts.reports.words import clean, counted
from kong_lts.step import Reversibility
from kong_lts.strategies import Strategy

__all__ = ["plan_runbook"]

_ADDRESSES = {
    "KONG_CURRENT_ADMIN_URL": "http://CURRENT_NODE:8001",
    "KONG_CURRENT_PROXY_URL": "http://CURRENT_NODE:8000",
    "KONG_NEW_ADMIN_URL": "http://NEW_NODE:8001",
    "KONG_NEW_PROXY_URL": "http://NEW_NODE:8000",
    "KONG_CURRENT_TLS_PROXY": "CURRENT_NODE:8443",
    "KONG_NEW_TLS_PROXY": "NEW_NODE:8443",
}
"""What commands name, with what to fill in."""
_DATABASES = """\
cat >> ~/.pg_service.conf <<'END'
[kong-current]
host=CURRENT_DATABASE_HOST
dbname=CURRENT_DATABASE
user=KONG_USER
[kong-new]
host=NEW_DATABASE_HOST
dbname=NEW_DATABASE
user=KONG_USER
END
echo 'HOST:5432:*:KONG_USER:PASSWORD' >> ~/.pgpass
rows() { printf '%s \\\\gexec' "SELECT format('SELECT %L, count(*) FROM %I.%I', relname, nspname,\
 relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relkind = 'r' AND\
 nspname = 'public' ORDER BY 1" | PGSERVICE="$1" psql -XAtq ${2:+-d "$2"}; }"""
"""Services of libpq, so that no command has a password; and the rows of each table, counted."""


_ROWS = (
    "Tables of counters, tokens and sessions may differ in how many rows they have; a row that was"
    " changed in its place does not show, so ask who has an open Admin API, too."
)
_LOOK_AT_PLANES = (
    "ask_current /status",
    'curl -sS "$KONG_NEW_ADMIN_URL"/clustering/data-planes  # once it runs',
)


def plan_runbook(plan: Plan) -> str:
    """Every step with its commands, its proof and its way back, each with a box to tick."""
    lines = [
        f"# {escaped(clean(f'Runbook: {plan.strategy} upgrade of {way(plan.deployment)}'))}",
        "",
        f"{counted(len(plan.steps), 'step')}; go on only where the proof of a step holds."
        " On the way back, take the steps in reverse order.",
        "",
        "A word in capitals is yours to fill in."
        " What a step does on nodes is typed on each of them; all else where the backup is kept."
        " The name of a node is taken for its host name, 8001 for the port of its Admin API, and"
        " 8100 for that of the status listener of a data plane, which has no Admin API"
        " (`status_listen = 0.0.0.0:8100`, reached by you alone).",
        *_preparation(plan),
        *_findings(plan),
        *_guards(plan),
        *(line for number, step in enumerate(plan.steps) for line in _step(plan, number, step)),
    ]
    return "\n".join(lines) + "\n"


def _preparation(plan: Plan) -> Iterator[str]:
    """What the commands of the steps rely on."""
    commands = "\n".join((*_guards(plan), *_commands(plan)))
    has_database = "PGSERVICE" in commands
    yield from ("", "## In the shell that you use", "")
    if has_database and plan.strategy is Strategy.IN_PLACE:
        yield from ("There is one database, and both services name it.", "")
    yield from ("```sh", "umask 077")
    for name, address in _ADDRESSES.items():
        if f"${name}" in commands:
            yield f"export {name}={address}"
    for side in Side:
        if f"ask_{side} " in commands:
            loop = ask(plan.deployment, side, serving(plan.deployment, side), "$1")
            yield f"ask_{side}() {{ {clean(loop)}; }}"
    yield from (*([_DATABASES] if has_database else ()), "```")


def _commands(plan: Plan) -> Iterator[str]:
    """Every command of every step, and of its way back."""
    for step in plan.steps:
        yield from by_hand(step, plan.deployment).commands
        undo = step.undo({})
        if isinstance(undo, get_args(AnyStep)):
            yield from by_hand(undo, plan.deployment).commands


def _findings(plan: Plan) -> Iterator[str]:
    """What the assessment wants done first."""
    found = [f for f in plan.findings if f.severity is not Severity.INFO]
    if not found:
        return
    yield from ("", "## Before the first step", "")
    for finding in found:
        yield f"- [ ] {escaped(clean(f'{finding.subject}: {finding.message}'))}"
        yield f"  <br>{escaped(clean(finding.action))}"


def _guards(plan: Plan) -> Iterator[str]:
    """What has to be so at any time."""
    if found := guards(plan):
        yield from ("", "## Look before every step", "")
        yield from (f"- {escaped(clean(text))}" for text in found)
        if any(isinstance(step, StopAdminWrites) for step in plan.steps):
            yield from ("", _ROWS)
        stopped = [step.side for step in plan.steps if isinstance(step, StopAdminWrites)]
        yield from ("", "```sh")
        for side in stopped:
            until = side is Side.CURRENT and plan.strategy is Strategy.IN_PLACE
            when = f"once writes are stopped there{', until `up`' * until}"
            yield f"rows kong-{side} | diff stopped-{side}.rows - && echo equal  # {when}"
        if plan.deployment.mode is DeploymentMode.HYBRID:
            yield from _LOOK_AT_PLANES
        yield "```"


def _step(plan: Plan, number: int, step: AnyStep) -> Iterator[str]:
    how = by_hand(step, plan.deployment)
    if line := point_text(plan, number):
        yield from ("", "---", "", f"**{line}**")
    yield from ("", f"## {number + 1}. {escaped(clean(step.title))}", "")
    yield escaped(clean(f"{step.guide}; {where(step)}."))
    if how.what:
        yield from ("", escaped(clean(how.what)))
    if how.commands:
        yield from ("", "```sh", *map(clean, how.commands), "```")
    yield ""
    yield f"- [ ] **Proof**: {escaped(clean(how.proof))}"
    yield from _way_back(plan, step)


def _way_back(plan: Plan, step: AnyStep) -> Iterator[str]:
    """In words, and with the commands of the step that takes this one back."""
    undo = step.undo({})
    if not isinstance(undo, get_args(AnyStep)):
        covered = step.reversibility in (Reversibility.COMPENSATED, Reversibility.RESTORE)
        words = "that of an earlier step covers it" if covered else WAY_BACK[step.reversibility]
        yield f"- **Way back**: {escaped(words)}"
        return
    how = by_hand(undo, plan.deployment)
    yield f"- **Way back**: {escaped(clean(f'{undo.title}. {how.what}'.strip()))}"
    if how.commands:
        yield from ("", "  ```sh", *(f"  {clean(command)}" for command in how.commands), "  ```")
