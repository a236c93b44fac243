"""What the router of 3.4 makes of a pattern of 2.8, and the exact rewrite where there is one."""

import functools
import re
from collections.abc import Iterable, Sequence

import attrs

from kong_lts.edits import Edit, apply_edits
from kong_lts.errors import EditError
from kong_lts.routing.dialect import follow, pcre, rust, size
from kong_lts.routing.dialect.pcre_text import Text, Trouble
from kong_lts.routing.dialect.rust_text import RefusedError
from kong_lts.routing.dialect.tree import Assertion, Node, series

__all__ = ["Flavor", "Verdict", "verdict"]

_TOO_LARGE = "regex-size-limit"
_ALTERNATION = "regex-toplevel-alternation"
_POSSESSIVE = "regex-possessive"
_REWRITTEN_BY_COMPAT = "regex-question-lt-rewrite"
_REMEMBERED = 4096
_TOO_DEEP = "its groups are nested too deeply to tell"
_LITERAL_START = re.compile(r"(?:/[A-Za-z0-9_-]+)+(?=/)")
_STAND_IN = "sQs"


@attrs.frozen
class Flavor:
    """How a router flavor hands a pattern to Rust."""

    anchored: bool
    """Whether `^` is put before it."""
    named_in_python_style: bool
    """Whether every `?<` becomes `?P<`, wherever it stands."""

    def compiled(self, pattern: str) -> str:
        """What Rust gets to see.

        Source:
            Kong/kong 3.4.2 kong/router/compat.lua.
        """
        if self.named_in_python_style:
            pattern = pattern.replace("?<", "?P<")
        return f"^{pattern}" if self.anchored else pattern


@attrs.frozen
class Verdict:
    """What becomes of one pattern."""

    refusal: str | None
    """Why Rust does not compile it; None if it does."""
    refused_at: int
    """The character of the pattern at which it gave up."""
    not_pcre: str | None
    """Why 2.8 does not compile it, nor the schema of 3.4."""
    differs: bool
    """Whether Rust takes it and reads something else than PCRE."""
    troubles: tuple[Trouble, ...]
    rewritten: str | None
    """The same meaning in a form that both engines read alike."""
    unicode_at: int | None
    """Where characters beyond ASCII make a difference; None if nowhere."""
    ascii_only: str | None
    """The pattern, or its rewrite, that keeps them out as PCRE did; None where none does."""

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing at all to say."""
        return not (self.refusal or self.not_pcre or self.differs) and self.unicode_at is None


def verdict(pattern: str, flavor: Flavor) -> Verdict:
    """Read the pattern as both engines do, and compare.

    What a path literally begins with makes no difference, so that paths which go on alike are
    compared once.

    Args:
        pattern: A regex path without its `~`.
        flavor: How 3.4 is set up to match it.
    """
    literal = _LITERAL_START.match(pattern)
    if literal is None or _STAND_IN in pattern:
        return _verdict(pattern, flavor)
    found = _verdict(f"/{_STAND_IN}{pattern[literal.end() :]}", flavor)
    return found if found.is_clean else _restored(found, literal[0])


def _restored(found: Verdict, start: str) -> Verdict:
    """A verdict on a stand-in as one on the pattern that begins with *start*."""
    longer = len(start) - len(_STAND_IN) - 1

    def back(text: str) -> str:
        return text.replace(_STAND_IN, start[1:], 1)

    def moved(at: int) -> int:
        return at + longer if at > len(_STAND_IN) else at

    return attrs.evolve(
        found,
        refused_at=moved(found.refused_at),
        troubles=tuple(
            attrs.evolve(trouble, at=moved(trouble.at), text=back(trouble.text))
            for trouble in found.troubles
        ),
        rewritten=None if found.rewritten is None else back(found.rewritten),
        unicode_at=None if found.unicode_at is None else moved(found.unicode_at),
        ascii_only=None if found.ascii_only is None else back(found.ascii_only),
    )


@functools.lru_cache(maxsize=_REMEMBERED)
def _verdict(pattern: str, flavor: Flavor) -> Verdict:
    reason, refused_at, understood = _by_rust(pattern, flavor)
    try:
        reading = pcre.read(pattern)
    except pcre.BadPatternError as exc:
        return Verdict(reason, refused_at, exc.reason, False, (), None, None, None)
    except RecursionError:
        return Verdict(_TOO_DEEP, 0, None, False, (), None, None, None)
    meaning = follow.relaxed(reading.tree)
    same = understood is not None and understood == _anchored(meaning, flavor)
    troubles: tuple[Trouble, ...] = ()
    rewritten = None
    if reason is not None or not same:
        troubles = tuple(_that_matter(reading, meaning, flavor))
        if reason is not None and understood is not None:
            troubles += (Trouble(_TOO_LARGE, 0, pattern, ()),)
        edits = [edit for trouble in troubles for edit in trouble.edits or ()]
        if all(trouble.edits is not None for trouble in troubles):
            rewritten = _exact(pattern, edits, reading.text, meaning, flavor)
    return Verdict(
        refusal=reason,
        refused_at=refused_at,
        not_pcre=None,
        differs=reason is None and not same,
        troubles=troubles,
        rewritten=rewritten,
        unicode_at=reading.text.unicode_at,
        ascii_only=_ascii_only(pattern, troubles, reading.text, meaning, flavor),
    )


def _by_rust(pattern: str, flavor: Flavor) -> tuple[str | None, int, Node | None]:
    """Why Rust refuses and where; what it understands, also where only the size is too much."""
    try:
        pattern.encode()
        understood = rust.read(flavor.compiled(pattern))
    except UnicodeEncodeError as exc:
        return "the pattern is not UTF-8", exc.start, None
    except RefusedError as exc:
        return exc.reason, _place(pattern, exc.at, flavor), None
    except RecursionError:
        return _TOO_DEEP, 0, None
    if size.program_bytes(understood) > size.LARGEST_BYTES:
        return "it compiles to more than 10 MiB", 0, understood
    return None, 0, understood


def _place(pattern: str, at: int, flavor: Flavor) -> int:
    """Where a place of what Rust sees stands in the pattern."""
    at -= flavor.anchored
    if flavor.named_in_python_style:
        for n in range(len(pattern)):
            if n + pattern.count("?<", 0, n) >= at:
                return n
    return max(0, min(at, len(pattern) - 1))


def _anchored(meaning: Node, flavor: Flavor) -> Node:
    return series([Assertion("start"), meaning]) if flavor.anchored else meaning


def _that_matter(reading: pcre.Reading, meaning: Node, flavor: Flavor) -> Iterable[Trouble]:
    """The troubles that make the difference here."""
    stubborn = set(follow.atomics(meaning))
    pattern = reading.text.pattern
    if flavor.anchored and len(reading.branches) > 1:
        yield _alternation(reading)
    for trouble in reading.text.troubles:
        if trouble.rule == _REWRITTEN_BY_COMPAT and not flavor.named_in_python_style:
            continue
        if trouble.at in stubborn:
            yield attrs.evolve(trouble, edits=None)
            continue
        harmless = trouble.rule == _POSSESSIVE and pattern[trouble.at - 1] in "+*"
        if not harmless:
            yield trouble


def _alternation(reading: pcre.Reading) -> Trouble:
    """`/foo|/bar`: only the first is anchored, unless `/` is taken out of all of them."""
    pattern = reading.text.pattern
    live = [b for b in reading.branches if follow.can_begin(b.node, "/")]
    dead = [b for b in reading.branches if b not in live]
    at = reading.branches[0].end
    edits: list[Edit] = []
    for branch in dead:
        last = branch.end == len(pattern)
        start, end = (branch.start - 1, branch.end) if last else (branch.start, branch.end + 1)
        edits.append(Edit(start=start, end=end, replacement=""))
    if len(live) > 1:
        if not all(pattern.startswith("/", branch.start) for branch in live):
            return Trouble(_ALTERNATION, at, pattern, None)
        edits.append(_replace(live[0].start, "/(?:"))
        edits += [_replace(branch.start, "") for branch in live[1:]]
        edits.append(Edit(start=live[-1].end, end=live[-1].end, replacement=")"))
    return Trouble(_ALTERNATION, at, pattern, tuple(edits) if live else None)


def _replace(at: int, replacement: str) -> Edit:
    return Edit(start=at, end=at + 1, replacement=replacement)


def _exact(
    pattern: str, edits: Sequence[Edit], text: Text, meaning: Node, flavor: Flavor
) -> str | None:
    """The pattern with the edits made, if both engines then read what PCRE read before."""
    for more in ([], text.shorthands):
        changed = _applied(pattern, [*edits, *more])
        if changed is None or changed == pattern:
            continue
        if _means(changed, meaning, flavor):
            return changed
    return None


def _ascii_only(
    pattern: str, troubles: Sequence[Trouble], text: Text, meaning: Node, flavor: Flavor
) -> str | None:
    if text.unicode_always or not text.shorthands or any(t.edits is None for t in troubles):
        return None
    edits = [edit for trouble in troubles for edit in trouble.edits or ()]
    changed = _applied(pattern, [*edits, *text.shorthands])
    return changed if changed is not None and _means(changed, meaning, flavor) else None


def _applied(pattern: str, edits: Sequence[Edit]) -> str | None:
    """The pattern with the edits made: of two on one text the later, else the wider."""
    chosen: list[Edit] = []
    latest = {(edit.start, edit.end): edit for edit in edits}
    for edit in sorted(latest.values(), key=lambda e: (e.start, -e.end)):
        if not chosen or edit.start >= chosen[-1].end:
            chosen.append(edit)
    try:
        return apply_edits(pattern, chosen)
    except EditError:
        return None


def _means(pattern: str, meaning: Node, flavor: Flavor) -> bool:
    """Whether both engines take it and read exactly this; 3.4 also has PCRE compile every path."""
    reason, _, understood = _by_rust(pattern, flavor)
    if reason is not None or understood != _anchored(meaning, flavor):
        return False
    try:
        return follow.relaxed(pcre.read(pattern).tree) == meaning
    except pcre.BadPatternError:
        return False
