"""Form: how one value class becomes JSON and comes back."""

import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Generic, TypeVar, cast

import attrs
import cattrs
from cattrs.errors import AttributeValidationNote, IterableValidationNote

from kong_lts.errors import FormatError
from kong_lts.serialization.hooks import converter, shown

__all__ = ["FORMAT_VERSION", "Form"]

FORMAT_VERSION = 1
"""Of every JSON document that this library writes."""

T = TypeVar("T")

_SURROGATE = re.compile("[\ud800-\udfff]")
_NOTES = (AttributeValidationNote, IterableValidationNote)


@attrs.define
class Form(Generic[T]):
    """How one value class becomes JSON and comes back.

    Args:
        kind: The class.
        what: What it is called in an error, as in "not a plan: ...".
        unions: The unions of classes below it, told apart by a field `kind`; inner ones first.
    """

    kind: type[T]
    what: str
    unions: tuple[object, ...] = ()
    _made: cattrs.Converter | None = attrs.field(default=None, init=False, repr=False)

    @property
    def _cattrs(self) -> cattrs.Converter:
        if self._made is None:
            self._made = converter(self.unions)
        return self._made

    def document(self, value: T) -> dict[str, object]:
        """The value as JSON would hold it, without `format_version`."""
        return cast("dict[str, object]", self._cattrs.unstructure(value, unstructure_as=self.kind))

    def to_json(self, value: T, *, indent: int | None = 2) -> str:
        """The value as a JSON text: keys in the order of the class, then stable from run to run."""
        document = {"format_version": FORMAT_VERSION, **self.document(value)}
        text = json.dumps(document, indent=indent, ensure_ascii=False)
        # Bytes of a file that are no UTF-8 travel as surrogates, and no encoding takes those.
        return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

    def from_document(self, document: object, *, path: str | None = None) -> T:
        """The value of a document as parsed.

        Raises:
            FormatError: It does not fit; every fault has its place, as `$.nodes[0].role`.
        """
        try:
            return self._cattrs.structure(document, self.kind)
        except Exception as exc:  # cattrs raises groups of whatever its hooks raised
            problems = dict.fromkeys(_problems(exc, "$"))
            raise FormatError(self.what, tuple(problems), path) from None

    def from_json(self, text: str, *, path: str | None = None) -> T:
        """The value of a JSON text.

        Raises:
            FormatError: It is no JSON, of another `format_version`, or does not fit.
        """
        try:
            document = json.loads(text)
        except json.JSONDecodeError as exc:
            raise FormatError(self.what, (f"no JSON: {exc.msg}",), path, exc.lineno) from None
        except (ValueError, RecursionError) as exc:  # a number too long, lists in lists in lists
            raise FormatError(self.what, (f"no JSON: {exc}",), path) from None
        if not isinstance(document, dict):
            raise FormatError(self.what, ("not a JSON object",), path)
        version = document.pop("format_version", None)
        if version != FORMAT_VERSION:
            problem = f"its format_version is {shown(version)}, not {FORMAT_VERSION}"
            raise FormatError(self.what, (problem,), path)
        return self.from_document(document, path=path)


def _problems(exc: BaseException, at: str, kind: object = None) -> Iterator[str]:
    """Every fault of a document, each with its place, as `it is missing @ $.nodes[0].name`."""
    if isinstance(exc, cattrs.BaseValidationError):
        for inner in exc.exceptions:
            notes = getattr(inner, "__notes__", ())
            note = next((n for n in notes if isinstance(n, _NOTES)), None)
            below = "" if note is None else _below(note)
            yield from _problems(inner, at + below, getattr(note, "type", None))
    elif isinstance(exc, cattrs.ForbiddenExtraKeysError):
        known = ", ".join(f.alias for f in attrs.fields(exc.cl))
        for name in sorted(exc.extra_fields):
            yield f"unknown field {name} (known: {known}) @ {at}.{name}"
    else:
        match exc.args:
            case (str() as text, attrs.Attribute() as field, *_):  # a validator of a field
                yield f"{text} @ {at}.{field.alias}"
            case _:
                yield f"{_explain(exc, kind)} @ {at}"


def _below(note: AttributeValidationNote | IterableValidationNote) -> str:
    """What the place of a fault has more than the place of the value that holds it."""
    if isinstance(note, AttributeValidationNote):
        return f".{note.name}"
    return f"[{note.index}]" if isinstance(note.index, int) else f".{note.index}"


def _explain(exc: BaseException, kind: object) -> str:
    """One fault of a document, in words for the person who wrote it."""
    if isinstance(exc, KeyError):
        return "it is missing"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"{exc}; give one of {', '.join(str(member.value) for member in kind)}"
    return str(exc) or f"invalid value for {kind}"
