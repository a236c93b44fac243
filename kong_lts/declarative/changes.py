"""Makes the edits of a catalog row's conversion."""

import json

import attrs

from kong_lts.catalog.rows import Change, ChangeKind
from kong_lts.declarative.fields import Field, Subject, find
from kong_lts.declarative.nodes import Mapping, Node, Scalar, is_empty, is_null, same
from kong_lts.declarative.pen import Addition, Pen
from kong_lts.edits import Edit

__all__ = ["Done", "apply_change"]


@attrs.frozen(eq=False)
class Done:
    """What a conversion comes to."""

    edits: tuple[Edit, ...] = ()
    deletes: tuple[tuple[Mapping, int], ...] = ()
    adds: tuple[Addition, ...] = ()
    conflict: tuple[Node, Node] | None = None
    """Old and new value where both are set and differ, so that nothing can be done."""
    names: tuple[str, str] | None = None
    """The fields of these two, where the rule does not name them."""
    possible: bool = True


_IMPOSSIBLE = Done(possible=False)


def apply_change(change: Change, subject: Subject, field: Field, pen: Pen) -> Done:
    """The edits that convert a field.

    Args:
        change: What the rule says.
        subject: The entity.
        field: The rule's field of that entity.
        pen: Writes into the file.
    """
    match change.kind:
        case ChangeKind.RENAME:
            return _rename(change, subject, field, pen)
        case ChangeKind.DELETE:
            return Done(deletes=field.places)
        case ChangeKind.SET:
            return _set(change, field, pen)
        case ChangeKind.ADD:
            return _add(change, field, pen)
        case ChangeKind.CALL:
            raise AssertionError(change)


def _rename(change: Change, subject: Subject, field: Field, pen: Pen) -> Done:
    new = find(subject, change.to)
    old_value, new_value = field.value, new.value
    if old_value is None:
        return _IMPOSSIBLE
    if new_value is not None and not is_empty(old_value) and not is_empty(new_value):
        if not same(old_value, new_value):
            return Done(conflict=(old_value, new_value))
        return Done(deletes=field.places)
    if new_value is not None and is_empty(old_value):
        return Done(deletes=field.places)
    edits: list[Edit] = []
    deletes = list(new.places)
    renamed: set[int] = set()
    for mapping, n in field.places:
        key = mapping.pairs[n][0]
        if not isinstance(key, Scalar) or key.uses:
            return _IMPOSSIBLE
        if id(mapping) in renamed:  # a key written twice: the last one counts, and stays
            deletes.append((mapping, n))
            continue
        renamed.add(id(mapping))
        edits.append(pen.rename(key, new.name))
        edits += _mapped(change, mapping, n, pen)
    return Done(tuple(edits), tuple(deletes))


def _mapped(change: Change, mapping: Mapping, n: int, pen: Pen) -> list[Edit]:
    """The new value for the old one, where the rule lists it."""
    value = mapping.pairs[n][1]
    if not isinstance(value, Scalar):
        return []
    new = change.values.get("null" if is_null(value) else value.value)
    return [] if new is None else _written(json.loads(new), mapping, n, pen)


def _written(value: object, mapping: Mapping, n: int, pen: Pen) -> list[Edit]:
    """The edit that writes a value, in the quotes of the old one if it is a text."""
    old = mapping.pairs[n][1]
    text = pen.value(value)
    if isinstance(value, str) and isinstance(old, Scalar) and old.style in ("'", '"'):
        text = f"{old.style}{value}{old.style}"
    edit = pen.set_value(mapping, n, value, text)
    return [] if edit is None else [edit]


def _set(change: Change, field: Field, pen: Pen) -> Done:
    """Write another value; what `<<` brings in but does not count is left alone."""
    mapping, n = field.places[0]
    if change.values:
        edits = _mapped(change, mapping, n, pen)
    else:
        edits = _written(json.loads(change.value), mapping, n, pen)
    return Done(tuple(edits)) if edits else _IMPOSSIBLE


def _add(change: Change, field: Field, pen: Pen) -> Done:
    """Write the field into the first mapping that may hold it."""
    if field.places:
        return _set(change, field, pen)
    value = json.loads(change.value)
    if field.homes:
        return Done(adds=((field.homes[0], field.name, value),))
    if field.absent is not None:
        return Done(adds=((field.entity, field.absent, {field.name: value}),))
    return _IMPOSSIBLE
