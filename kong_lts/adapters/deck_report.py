"""What decK prints, read: the changes of a diff or a sync, and the refusals of a validation."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from kong_lts.adapters.admin_client import without_values
from kong_lts.state_files import Changes

__all__ = [
    "basic_auth_writes",
    "changes_of",
    "first_words",
    "refusals_of",
    "without_basic_auth_writes",
]

_ERROR = "Error: "
_LIST = re.compile(r"\d+ errors occurred:\s*")
_UNREADABLE = re.compile(r"reading (?:state )?file .*no such file|building state:")
_CREDENTIALS = frozenset(
    {"key-auth", "basic-auth", "hmac-auth", "jwt-auth", "oauth2-cred", "mtls-auth"}
)
_SHOWN_CHARACTERS = 400
_BASIC_AUTH = "basic-auth"


def changes_of(text: str) -> tuple[Changes, Mapping[str, Any]] | None:
    """The report of `--json-output`, and the same as a document.

    Args:
        text: The whole output; some releases print prose before the report.

    Returns:
        None where it is no report.
    """
    document = _document(text)
    changes = document.get("changes") if document is not None else None
    if document is None or not isinstance(changes, dict):
        return None
    updating = [(item, _ages_only(item)) for item in _items(changes, "updating")]
    dropped = [f"{_title(i)} was not tried any more" for i in _items(changes, "dropped_creations")]
    found = Changes(
        created=tuple(map(_title, _items(changes, "creating"))),
        updated=tuple(_title(item) for item, ages in updating if not ages),
        deleted=tuple(map(_title, _items(changes, "deleting"))),
        aging=tuple(_title(item) for item, ages in updating if ages),
        errors=(*(without_values(str(said)) for said in document.get("errors") or ()), *dropped),
    )
    return found, document


def basic_auth_writes(document: Mapping[str, Any]) -> frozenset[str]:
    """Usernames of the basic-auth credentials that a sync would create or change."""
    changes = document["changes"]
    items = (*_items(changes, "creating"), *_items(changes, "updating"))
    return frozenset(
        str((item.get("body") or {}).get("new", {}).get("username", ""))
        for item in items
        if item.get("kind") == _BASIC_AUTH
    )


def without_basic_auth_writes(changes: Changes) -> Changes:
    """The same, with what no sync of ours writes among what is left out."""
    written = (*changes.created, *changes.updated)
    return attrs.evolve(
        changes,
        created=tuple(title for title in changes.created if not _is_basic_auth(title)),
        updated=tuple(title for title in changes.updated if not _is_basic_auth(title)),
        left_out=tuple(
            title.partition(" for consumer ")[0] for title in written if _is_basic_auth(title)
        ),
    )


def refusals_of(text: str) -> tuple[str, ...] | None:
    """What `validate` has against a file, one line each; None if it could not look at it."""
    said = text.partition(_ERROR)[2]
    if not said or _UNREADABLE.match(_LIST.sub("", said)):
        return None
    listed = _LIST.search(said) is not None
    if not listed and "validate entity " not in said:
        return None
    lines = (_LIST.sub("", line).strip() for line in said.splitlines())
    return tuple(without_values(line) for line in lines if line)


def first_words(text: str) -> str:
    """The beginning of decK's own error: it says what failed first, and advice follows."""
    said = text.partition(_ERROR)[2] or text
    return without_values(" ".join(said.split()))[:_SHOWN_CHARACTERS]


def _document(text: str) -> dict[str, Any] | None:
    start = re.search(r"^\{", text, re.MULTILINE)
    if start is None:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text, start.start())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _items(changes: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    yield from (item for item in changes.get(name) or () if isinstance(item, dict))


def _title(item: Mapping[str, Any]) -> str:
    """Kind and name; of a credential decK's name is the end of its secret."""
    kind, name = str(item.get("kind", "")), str(item.get("name", ""))
    if kind in _CREDENTIALS and kind != _BASIC_AUTH:
        owner = name.rpartition(" for consumer ")[2]
        return f"{kind} of consumer {owner}" if owner != name else kind
    return f"{kind} {name}".strip()


def _is_basic_auth(title: str) -> bool:
    return title.startswith(f"{_BASIC_AUTH} ")


def _ages_only(item: Mapping[str, Any]) -> bool:
    body = item.get("body")
    new, old = (body.get("new"), body.get("old")) if isinstance(body, dict) else (None, None)
    if not isinstance(new, dict) or not isinstance(old, dict):
        return False
    differing = {key for key in new.keys() | old.keys() if new.get(key) != old.get(key)}
    return differing == {"ttl"}
