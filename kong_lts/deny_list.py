"""Commands that are never run, whoever asks for them and however they are wrapped."""

import re
from collections.abc import Iterable, Iterator, Sequence

from kong_lts.errors import DeniedCommandError

__all__ = ["refuse_denied"]

_MIGRATIONS = "migrations"
_KONG = "kong"
_RESET = "reset"
_FORCE = "--force"
_TAKE_A_VALUE = "cp"
"""Short options of kong after whose letter a value follows, as in `-cFILE`; no flag is in it."""

_WHY = {
    _RESET: "it deletes the database's whole schema with every row",
    _FORCE: "run again over a database that saw it, it deletes the allow and deny lists of acl,"
    " ip-restriction and bot-detection, and writes ~~ into paths",
}
_HANDED_ON = re.compile(r"\$\{?[@*\d]\}?")
"""In a text for a shell, where the words after it come in."""
_QUOTES = re.compile(r"[\\'\"]")
_WORD = re.compile(r"[^\s;&|()<>`$={},]+")


def refuse_denied(argv: Sequence[str]) -> None:
    """Let a command pass, unless it is `kong migrations` with `reset`, `-f` or `--force`.

    A wrapper is seen through: what stands before `kong` is its own, and a text for a shell is taken
    apart into its words.

    Args:
        argv: Program and arguments.

    Raises:
        DeniedCommandError: It is one of these.

    Source:
        Measured on 2.8.5 and 3.4.2: `up -f` deletes what is named here.
    """
    plain = (_HANDED_ON.sub(f" {_KONG} ", _QUOTES.sub("", text)) for text in argv)
    words = [word for text in plain for word in _WORD.findall(text)]
    if _MIGRATIONS not in words:
        return
    for word, meant in _denied(words[_first(words) :]):
        raise DeniedCommandError(word, _WHY[meant])


def _first(words: Sequence[str]) -> int:
    """Where kong's own words begin: docker compose, before them, has a `-f` of its own."""
    return next(n for n, w in enumerate(words) if w.rpartition("/")[2] in {_KONG, _MIGRATIONS})


def _denied(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        if word == _RESET:
            yield word, _RESET
        elif word.startswith("--"):
            if len(word) > len("--") and (_FORCE.startswith(word) or word.startswith(_FORCE)):
                yield word, _FORCE
        elif word.startswith("-") and "f" in _flags(word):
            yield word, _FORCE


def _flags(word: str) -> str:
    """The letters of short options joined in one word, without the value of the last."""
    return re.split(f"[{_TAKE_A_VALUE}]", word[1:], maxsplit=1)[0]
