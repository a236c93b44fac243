"""YAML that people write, as plain values that know their lines; stricter than YAML itself."""

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import attrs

from kong_lts.errors import FormatError

__all__ = ["loose_documents", "yaml_document"]


def yaml_document(
    text: str, *, what: str, path: str | None = None
) -> tuple[object, dict[str, int]]:
    """A YAML text as plain values, and the line on which each field stands.

    Args:
        text: One document, YAML 1.2.
        what: What it should be, for the error.
        path: The file, for the error.

    Returns:
        The document, and lines by field, as `{"$.nodes[0].role": 4}`.

    Raises:
        FormatError: No YAML, an anchor used as an alias, or a field given twice.
    """
    # Importing this package must stay cheap.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False  # nothing may use them
    reader = _Reader(yaml.constructor)
    try:
        node = yaml.compose(text)
        value = None if node is None else reader.plain(node, "$")
    except MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else None
        raise FormatError(what, (f"no YAML: {exc.problem or exc.context}",), path, line) from None
    except YAMLError:
        raise FormatError(what, ("no YAML: a control character is in it",), path) from None
    except RecursionError:
        raise FormatError(what, ("it is nested too deeply",), path) from None
    except _RefusedError as exc:
        raise FormatError(what, (exc.problem,), path, exc.line) from None
    return value, reader.lines


@attrs.define
class _RefusedError(Exception):
    """What a YAML text may not have although YAML itself would."""

    problem: str
    line: int


def _name(at: str) -> str:
    """A place of a document for people: without what stands for the whole of it."""
    return at.removeprefix("$").lstrip(".") or "the document"


@attrs.define
class _Reader:
    """Makes plain values of composed nodes, and notes the line of each."""

    constructor: Any
    lines: dict[str, int] = attrs.Factory(dict)
    _seen: set[int] = attrs.Factory(set)

    def plain(self, node: Any, at: str, line: int | None = None) -> object:
        """A node as plain values.

        Args:
            node: Of ruamel.yaml.
            at: Its place in the document.
            line: Where it is named, which is not where it stands if it is an alias.
        """
        line = line or node.start_mark.line + 1
        self.lines[at] = line
        if id(node) in self._seen:
            raise _RefusedError(f"{_name(at)} is an alias, *{node.anchor}: write it out", line)
        self._seen.add(id(node))
        if node.id == "mapping":
            return self._mapping(node, at)
        if node.id == "sequence":
            return [self.plain(inner, f"{at}[{i}]") for i, inner in enumerate(node.value)]
        try:
            return cast("object", self.constructor.construct_object(node))
        except (ArithmeticError, LookupError, TypeError, ValueError):
            kind = node.tag.rpartition(":")[2]
            raise _RefusedError(f"{_name(at)} is no {kind}; quote it", line) from None

    def _mapping(self, node: Any, at: str) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.id != "scalar":
                raise _RefusedError(
                    f"{_name(at)} has a list or a mapping as the name of a field", line
                )
            key = str(key_node.value)
            if key in found:
                raise _RefusedError(f"{_name(f'{at}.{key}')} is given twice", line)
            found[key] = self.plain(value_node, f"{at}.{key}", line)
        return found


def loose_documents(
    text: str, *, refused: Callable[[int], object] = lambda line: None
) -> Iterator[tuple[int, object]]:
    """Every document of a text with its first line; one that is no YAML is left out.

    For files of others, as manifests are: anchors may be used, and a template is no error.

    Args:
        text: Of the file.
        refused: Told the first line of each document that is left out.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    def load(part: str, *, pure: bool = False) -> object:
        return YAML(typ="safe", pure=pure).load(part)

    for line, part in _parts(text):
        if not part.strip():
            continue
        try:
            try:
                found = load(part)
            except YAMLError as exc:
                if _COLON_IN_FLOW not in str(exc):
                    raise
                found = load(part, pure=True)
        except (YAMLError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError):
            refused(line)
            continue
        yield line, found


_COLON_IN_FLOW = "found unexpected ':'"
"""What the fast parser, of YAML 1.1, says of `{url: http://a}`; that of Kubernetes takes it."""
_BETWEEN = re.compile(r"^---(?:[ \t][^\n]*)?$", re.MULTILINE)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """The text between lines of `---`, each part with the number of its first line."""
    at, line = 0, 1
    for found in _BETWEEN.finditer(text):
        yield line, text[at : found.start()]
        line += text.count("\n", at, found.end())
        at = found.end()
    yield line, text[at:]
