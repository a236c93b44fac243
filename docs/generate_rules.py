"""Writes docs/reference/rules.md: every rule of the catalog, one anchor each."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from kong_lts import catalog
from kong_lts.catalog.rows import ConfTrigger, KongConfRule, Rule
from kong_lts.checks import ALL

PAGE = Path(__file__).with_name("reference") / "rules.md"

INTRODUCTION = """# Rules

Every finding names the rule that it comes from.
This page is made from the catalog by `python docs/generate_rules.py`; do not edit it.

Each says how bad it can be, what breaks, what to do, where it is looked for, and who says so.
The severity is the most a rule can say; a deployment may lower it.
What stands in braces is filled in for each finding.
*measured* means seen on real gateways, *documents* that only texts say it.
*Suffered* names what it was for people who upgraded without knowing of it.
How rules are chosen, weighed and accepted: [why each rule](../explanation/why-each-rule.md).
"""

FILES: tuple[tuple[str, str], ...] = (
    ("kong.conf", "kong_conf"),
    ("Declarative files: entities", "entities"),
    ("Declarative files: plugins", "plugins"),
    ("Database", "database"),
    ("Routes", "routes"),
    ("Prerequisites", "prerequisites"),
    ("Several inputs together", "cross_input"),
    ("Custom plugins", "custom_plugins"),
    ("Automation", "automation"),
    ("Metrics, logs and headers", "metrics"),
    ("Templates and the prefix folder", "templates"),
    ("Operating systems and images", "platforms"),
    ("Error log", "error_log"),
    ("Inputs", "inputs"),
)
"""A heading, and the function of `kong_lts.catalog` that gives its rules."""


def page() -> str:
    """The whole page."""
    chapters = "".join(_chapter(title, name) for title, name in FILES)
    return INTRODUCTION + chapters + "".join(_by_hand())


def _by_hand() -> Iterator[str]:
    """What no input shows, and what a person does about it."""
    yield "\n## What no input shows\n\n"
    yield "These changes and troubles cannot be seen from any input; do this by hand.\n\n"
    changes = [(row.id, row.by_hand) for row in catalog.changes()]
    for name, by_hand in [*changes, *((row.id, row.by_hand) for row in catalog.pains())]:
        if by_hand:
            yield f"- `{name}`: {by_hand}\n"


def _chapter(title: str, name: str) -> str:
    rows: Callable[[], tuple[Rule, ...]] = getattr(catalog, name)
    return f"\n## {title}\n" + "".join(_rule(row) for row in rows())


def _rule(row: Rule) -> str:
    lines = [
        f'<a id="{row.id}"></a>',
        f"### {row.id}",
        "",
        f"{row.severity.upper()}, {row.verified}. {_sentence(row.message)}",
        "",
        _sentence(row.action),
        "",
        *_facts(row.id),
        f"- Source: {row.source}.",
    ]
    if isinstance(row, KongConfRule):
        lines += _examples(row)
    return "\n" + "\n".join(lines) + "\n"


def _facts(rule: str) -> Iterator[str]:
    if rule in _inputs():
        yield f"- Looked for in: {' or '.join(_inputs()[rule])}."
    if rule in _categories():
        yield f"- Category of the guide: {_categories()[rule]}."
    if rule in _suffered():
        yield f"- Suffered: {'; '.join(_suffered()[rule])}."


@cache
def _inputs() -> Mapping[str, tuple[str, ...]]:
    """By rule: what the checks need to see it."""
    found: dict[str, dict[str, None]] = {}
    for check in ALL:
        for rule in check.rules():
            found.setdefault(rule, {})[check.needs_called or "whatever is given"] = None
    return {rule: tuple(inputs) for rule, inputs in found.items()}


@cache
def _categories() -> Mapping[str, int]:
    """By rule: the guide's category; the lowest where several changes are found by one rule."""
    found: dict[str, int] = {}
    for row in catalog.changes():
        for rule in row.rules if row.category else ():
            found[rule] = min(found.get(rule, 5), row.category or 5)
    return found


@cache
def _suffered() -> Mapping[str, list[str]]:
    """By rule: what it was for people who upgraded before."""
    found: dict[str, list[str]] = {}
    for row in catalog.pains():
        for rule in row.rules:
            found.setdefault(rule, []).append(row.title)
    return found


def _examples(row: KongConfRule) -> Iterator[str]:
    if row.question:
        yield from ("", f"A rewrite leaves it and asks: {row.question}")
    if row.before:
        yield from _block("Before", row.before)
    elif row.trigger is ConfTrigger.ABSENT:
        yield from ("", "Before: the key is not set.")
    if row.after:
        yield from _block("After", row.after)
    elif row.before or row.trigger is ConfTrigger.ABSENT:
        yield from ("", "After: the file stays as it is.")


def _block(title: str, text: str) -> tuple[str, ...]:
    return "", f"{title}:", "", "```ini", text, "```"


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
