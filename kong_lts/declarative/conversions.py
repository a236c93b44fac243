"""What a row of the catalog cannot say by itself: functions that it names."""

import re
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Table

import attrs

from kong_lts.catalog.rows import DeclarativeRule
from kong_lts.declarative.changes import Done
from kong_lts.declarative.fields import Field, Subject, find
from kong_lts.declarative.nodes import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    is_empty,
    is_null,
    number,
)
from kong_lts.declarative.pen import Pen
from kong_lts.declarative.settings import Settings
from kong_lts.declarative.writing import written_like
from kong_lts.edits import Edit
from kong_lts.findings import Severity
from kong_lts.routing.dialect import check_header_regex

__all__ = ["CALLS", "Asked", "Told"]


@attrs.frozen(eq=False)
class Asked:
    """What a function gets to see."""

    rule: DeclarativeRule
    subject: Subject
    field: Field
    pen: Pen
    settings: Settings
    workspace: str | None


@attrs.frozen(eq=False)
class Told:
    """What a function has to say: where, with which words, and what is to be done."""

    at: Node
    words: dict[str, str] = attrs.field(factory=dict)
    most: Severity | None = None
    done: Done | None = None


def _join_header_lists(asked: Asked) -> Iterator[Told]:
    """http-log: a header with a list of values becomes one text, as the migration joins them."""
    field, pen = asked.field, asked.pen
    value = field.value
    if not isinstance(value, Mapping) or field.key is None:
        return
    lists = [
        (layer, n)
        for layer in value.layers()
        for n, (_, item, _) in enumerate(layer.pairs)
        if isinstance(item, Sequence)
    ]
    if not lists:
        return
    kept = [layer.pairs[n] for layer in value.layers() for n in range(len(layer.pairs))]
    if all(isinstance(item, Sequence) and not item.items for _, item, _ in kept):
        yield Told(field.key, done=Done(deletes=field.places))
        return
    edits: list[Edit] = []
    deletes: list[tuple[Mapping, int]] = []
    for layer, n in lists:
        values = layer.pairs[n][1]
        assert isinstance(values, Sequence)  # that is how they were chosen
        if not values.items:
            deletes.append((layer, n))
            continue
        joined = _joined(values, layer, pen)
        made = None if joined is None else pen.list_to_scalar(layer, n, *joined)
        if made is None:
            yield Told(field.key, done=Done(possible=False))
            return
        edits += made
    yield Told(field.key, done=Done(tuple(edits), tuple(deletes)))


def _joined(values: Sequence, layer: Mapping, pen: Pen) -> tuple[str, str] | None:
    """The items of a list as one text, and that in their own style; decK's placeholders stay."""
    parts = [item for item in values.items if isinstance(item, Scalar)]
    if len(parts) != len(values.items):
        return None
    whole = ", ".join(_without_mask(part, pen) for part in parts)
    double = any(part.style == '"' for part in parts) and '"' not in whole
    style = '"' if double else "'"  # what decK fills in has quotes of its own, not to be escaped
    return whole, written_like(whole, style, in_flow=layer.flow, as_json=pen.as_json)


def _without_mask(scalar: Scalar, pen: Pen) -> str:
    """The value of a scalar as it is in the text, where decK's placeholders were masked."""
    text = pen.source.text
    masked = pen.source.parsed[scalar.start : scalar.end]
    at = masked.find(scalar.value)
    if at < 0 or not pen.source.has_placeholders:
        return scalar.value
    return text[scalar.start + at : scalar.start + at + len(scalar.value)]


@attrs.frozen
class _Parameter:
    """A parameter of queues: what it is called, and the values that 3.4 takes for it."""

    name: str
    least: float
    most: float

    @classmethod
    def parse(cls, text: str) -> "tuple[str, _Parameter]":
        """Read `old: new 1..10`, as the catalog writes it."""
        old, _, rest = text.partition(": ")
        name, _, limits = rest.partition(" ")
        least, _, most = limits.partition("..")
        return old, cls(name, float(least), float(most))

    def takes(self, value: Node) -> bool:
        """Whether it may have a value; null stands for no value at all."""
        found = number(value)
        return is_null(value) if found is None else self.least <= found <= self.most


def _queue_parameters(asked: Asked) -> Iterator[Told]:
    """`queue_size` and `flush_timeout` become `queue.max_batch_size` and `max_coalescing_delay`."""
    parameters = dict(map(_Parameter.parse, asked.rule.values))
    field = asked.field
    config = field.homes[0] if field.homes else None
    if config is None or field.key is None:
        return
    old = [
        (parameters[name], place)
        for name in parameters
        for place in find(asked.subject, f"config.{name}").places
    ]
    queue = config.get("queue")
    places = {id(mapping) for _, (mapping, _) in old}
    fits = all(new.takes(mapping.pairs[n][1]) for new, (mapping, n) in old)
    if not fits or len(places) != 1 or (queue is not None and not isinstance(queue, Mapping)):
        yield Told(field.key, done=Done(possible=False))
        return
    yield Told(field.key, done=_moved_to_queue(old, queue))


def _moved_to_queue(
    old: list[tuple[_Parameter, tuple[Mapping, int]]], queue: Mapping | None
) -> Done:
    """The old fields taken out, and what they say written into `queue`."""
    values = {new.name: mapping.pairs[n][1] for new, (mapping, n) in old}
    written = {name: _count(node) for name, node in values.items() if number(node) is not None}
    deletes = tuple(place for _, place in old)
    if queue is None:
        home = old[0][1][0]
        return Done(deletes=deletes, adds=((home, "queue", written),) if written else ())
    for name in written:
        present = queue.get(name)
        if present is not None:
            mapping, n = next(place for new, place in old if new.name == name)
            key = mapping.pairs[n][0]
            said = key.value if isinstance(key, Scalar) else ""
            return Done(conflict=(values[name], present), names=(said, f"queue.{name}"))
    return Done(deletes=deletes, adds=tuple((queue, *item) for item in written.items()))


def _count(node: Node) -> float:
    """A number as whole as it is written."""
    found = number(node) or 0.0
    return int(found) if found.is_integer() else found


def _deduplicate(asked: Asked) -> Iterator[Told]:
    """A list that became a set: each item once."""
    value, key = asked.field.value, asked.field.key
    if not isinstance(value, Sequence) or key is None:
        return
    seen: set[str] = set()
    twice: list[Scalar] = []
    for item in value.items:
        if isinstance(item, Scalar):
            if item.value in seen:
                twice.append(item)
            seen.add(item.value)
    if twice:
        yield Told(
            key,
            {"value": ", ".join(dict.fromkeys(item.value for item in twice))},
            done=_without_items(value, twice, asked.pen),
        )


def _without_items(value: Sequence, gone: list[Scalar], pen: Pen) -> Done:
    edits = pen.remove_items(value, gone)
    return Done(possible=False) if edits is None else Done(tuple(edits))


def _without_phases(asked: Asked) -> Iterator[Told]:
    """pre-function and post-function need code in one of the phases."""
    phases = (find(asked.subject, f"config.{name}").value for name in asked.rule.values)
    if all(is_empty(phase) for phase in phases):
        yield Told(asked.subject.entity.node)


def _global_in_workspace(asked: Asked) -> Iterator[Told]:
    """A plugin on a whole workspace that is not the default one."""
    node = asked.subject.entity.node
    scoped = any(not is_empty(node.get(scope)) for scope in ("service", "route", "consumer"))
    top = asked.subject.entity.parent is None
    if top and not scoped and asked.workspace not in (None, "default"):
        yield Told(node, {"value": asked.workspace or ""})


def _scalars(node: Node | None) -> list[str]:
    """The texts of a list."""
    items = node.items if isinstance(node, Sequence) else []
    return [item.value for item in items if isinstance(item, Scalar)]


def _makes_sessions(asked: Asked) -> Iterator[Told]:
    """A plugin that keeps sessions; openid-connect may be told to authenticate without any."""
    chosen = _scalars(find(asked.subject, "config.auth_methods").value)
    if not chosen or set(chosen) & set(asked.rule.values):
        yield Told(asked.subject.entity.node)


def _several_places(asked: Asked) -> Iterator[Told]:
    """jwt: more than one place is searched, and one of them was chosen by hand."""
    found = {name: find(asked.subject, f"config.{name}") for name in asked.rule.values}
    written = [name for name, field in found.items() if field.places]
    used = [
        name for name, field in found.items() if field.value is None or not is_empty(field.value)
    ]
    if len(used) > 1:
        home = asked.subject.entity.node
        at = found[written[0]].key if written else home
        query = _scalars(found[asked.rule.values[0]].value)
        by_hand = query not in ([], ["jwt"]) or bool(_scalars(found[asked.rule.values[-1]].value))
        most = Severity.WARNING if by_hand else Severity.INFO
        yield Told(at or home, {"value": ", ".join(used)}, most=most)


def _criteria(asked: Asked) -> Iterator[Told]:
    """A route with so many criteria that their number overflows in the router's priority."""
    node = asked.subject.entity.node
    kinds = [name for name in asked.rule.values if not is_empty(node.get(name))]
    if len(kinds) >= int(asked.rule.pattern or 0):
        yield Told(node, {"value": ", ".join(kinds)})


def _header_values(asked: Asked) -> Iterator[tuple[Sequence, Scalar, Scalar]]:
    """Every value of a route's `headers` that is a regex, with its list and its header."""
    headers = asked.field.value
    if not isinstance(headers, Mapping):
        return
    for layer in headers.layers():
        for key, values, _ in layer.pairs:
            if isinstance(values, Sequence) and isinstance(key, Scalar):
                for value in values.items:
                    if isinstance(value, Scalar) and value.value.startswith("~*"):
                        yield values, key, value


def _header_regex_in_list(asked: Asked) -> Iterator[Told]:
    for values, key, value in _header_values(asked):
        if len(values.items) > 1:
            yield Told(value, {"value": value.value, "header": key.value})


def _header_regex_lowered(asked: Asked) -> Iterator[Told]:
    """An upper-case letter counts where it is an escape: `\\D` becomes `\\d`."""
    for _, key, value in _header_values(asked):
        if value.value != value.value.lower():
            changed = re.search(r"\\[DSWBPAHNRVX]", value.value)
            most = Severity.WARNING if changed else Severity.INFO
            yield Told(value, {"value": value.value, "header": key.value}, most=most)


def _header_regex_refused(asked: Asked) -> Iterator[Told]:
    for _, key, value in _header_values(asked):
        found = check_header_regex(value.value, router_flavor=asked.settings.router_flavor)
        blockers = [finding for finding in found if finding.severity is Severity.BLOCKER]
        if blockers:
            words = {"value": value.value, "header": key.value, "reason": blockers[0].message}
            yield Told(value, words)


CALLS: Table[str, Callable[[Asked], Iterator[Told]]] = {
    "criteria": _criteria,
    "deduplicate": _deduplicate,
    "global_in_workspace": _global_in_workspace,
    "header_regex_in_list": _header_regex_in_list,
    "header_regex_lowered": _header_regex_lowered,
    "header_regex_refused": _header_regex_refused,
    "join_header_lists": _join_header_lists,
    "makes_sessions": _makes_sessions,
    "queue_parameters": _queue_parameters,
    "several_places": _several_places,
    "without_phases": _without_phases,
}
"""All functions that a row may name in `call`."""
