"""Secrets, given by reference so that they stand in no inventory, plan or argument."""

import os
from collections.abc import Iterable, Mapping

from kong_lts.errors import SecretError

__all__ = ["is_reference", "masked", "resolve_secret"]

_PREFIXES = ("env:", "file:")
_MASK = "***"


def is_reference(text: str) -> bool:
    """Whether a text names a secret instead of being one."""
    return text.startswith(_PREFIXES)


def resolve_secret(reference: str, environ: Mapping[str, str] = os.environ) -> str:
    """The secret that a reference names, read anew each time so that it may be rotated.

    Args:
        reference: `env:NAME` or `file:PATH`; of a file, one line end at its end does not count.
        environ: Where `env:NAME` is looked up.

    Raises:
        SecretError: There is no such variable or file. Names the reference, never the value.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        if (value := environ.get(name)) is None:
            raise SecretError(
                f"reading the secret {reference}", "no such variable in the environment"
            )
        return value
    if kind == "file" and name:
        return _line_of(name, reference)
    # What was given may be the secret itself, so it is not repeated.
    raise SecretError("reading a secret", "no reference was given: write env:NAME or file:PATH")


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret in it blotted out."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


def _line_of(path: str, reference: str) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except OSError as exc:
        why = exc.strerror or "it cannot be read"
        raise SecretError(f"reading the secret {reference}", why) from exc
    except UnicodeDecodeError:  # its text repeats the bytes
        raise SecretError(f"reading the secret {reference}", "it is no UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")
