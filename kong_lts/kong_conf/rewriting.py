"""Rewriting: from differences to edits, variables, and questions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import attrs

from kong_lts.catalog.rows import ConfRewriting
from kong_lts.edits import Edit
from kong_lts.findings import Finding, Location
from kong_lts.kong_conf.comparison import Comparison, Difference, Origin, as_text
from kong_lts.kong_conf.line_edits import commented_out, new_key, new_value
from kong_lts.kong_conf.lines import reading
from kong_lts.kong_conf.loading import variable
from kong_lts.kong_conf.pins import Pin, pin_block
from kong_lts.kong_conf.statements import Setting
from kong_lts.kong_conf.values import from_environment, split_list, stripped
from kong_lts.kong_conf.vaults import is_reference
from kong_lts.versions import Release

__all__ = ["Question", "Rewriting", "safe_edits"]

_PATCH = "Which patch release of 2.8 is in use? Pin the old default if it is an older one."
_SAFE = (ConfRewriting.COMMENT_OUT, ConfRewriting.RENAME)
_ESCAPE = "\\#"
_TWICE_ESCAPED = (
    "What is meant? To 2.8 its value has a backslash before a #, which 3.4 sees otherwise."
)
_BRANCHES = "Which of the two counts? They may stand in different branches of a template."
_BY_HAND = "How should this be written? It is a template, or runs over several lines."


@attrs.frozen(kw_only=True)
class Question:
    """What a person has to decide."""

    finding: Finding
    """What was found."""
    question: str
    """What a person has to decide."""

    def __str__(self) -> str:
        return f"{self.finding.subject}: {self.question}"


@attrs.define(kw_only=True)
class Rewriting:
    """A rewrite on its way."""

    comparison: Comparison
    keeps: bool
    edits: list[Edit] = attrs.field(factory=list, repr=False)
    environ: dict[str, str] = attrs.field(repr=False)
    applied: list[Finding] = attrs.field(factory=list)
    left: list[Question] = attrs.field(factory=list)
    pins: list[tuple[Difference, Pin]] = attrs.field(factory=list, repr=False)
    _done: set[str] = attrs.field(factory=set)
    _gone: set[str] = attrs.field(factory=set)
    """Keys of which no line and no variable is left."""
    _written: set[str] = attrs.field(factory=set)
    _undecided: set[str] = attrs.field(factory=set)
    """Keys that a person may have to give a value."""

    @environ.default
    def _same_environ(self) -> dict[str, str]:
        return dict(self.comparison.conf.environ)

    def act_on(self, difference: Difference) -> None:
        """Take in what one finding asks for."""
        actions: Mapping[ConfRewriting, Callable[[Difference], bool]] = {
            ConfRewriting.COMMENT_OUT: self._comment_out,
            ConfRewriting.RENAME: self._rename,
            ConfRewriting.ESCAPE: self._escape,
            ConfRewriting.DROP_ITEM: self._drop_item,
            ConfRewriting.PIN: self._pin,
        }
        act = actions.get(difference.rule.rewriting)
        was_lowered = difference.finding.severity is not difference.rule.severity
        if act is None and was_lowered:
            return  # nothing depends on the answer here
        if act is None:
            self._ask(difference, difference.rule.question)
        elif act(difference):
            self.applied += [difference.finding, *self._on_other_lines(difference)]

    def _on_other_lines(self, difference: Difference) -> Iterator[Finding]:
        """The finding again for each further line of its key, all of which change with it."""
        if difference.key not in self._done:
            return
        named = difference.finding.location
        for setting in self._settings(difference.key):
            for line in range(setting.line, setting.last_line + 1):
                if named is None or line != named.line:
                    where = Location(path=self.comparison.conf.path, line=line)
                    yield attrs.evolve(difference.finding, location=where, evidence=Origin.FILE)

    def _ask(self, difference: Difference, question: str) -> None:
        self._undecided.add(difference.rule.to)
        self.left.append(Question(finding=difference.finding, question=question or _BY_HAND))

    def _leave(self, difference: Difference, question: str) -> bool:
        self._ask(difference, question)
        return False

    def _settings(self, key: str) -> tuple[Setting, ...]:
        return self.comparison.conf.all_by_key.get(key, ())

    def _comment_out(self, difference: Difference) -> bool:
        """Take a key out of the file and of the environment."""
        if difference.key in self._done:
            return False
        self._done.add(difference.key)
        self._gone.add(difference.key)
        for setting in self._settings(difference.key):
            conf = self.comparison.conf
            self.edits += commented_out(conf, setting, difference.rule.id)
        self.environ.pop(variable(difference.key), None)
        return True

    def _rename(self, difference: Difference) -> bool:
        """Give its value to another key, unless that is set; drop whatever does not count."""
        key, to = difference.key, difference.rule.to
        if key in self._done:
            return False
        if self.comparison.may_be_another_branch(key, to):
            return self._leave(difference, _BRANCHES)
        if to in self.comparison.set_keys or to in self._written:
            return self._comment_out(difference)
        settings = self._settings(key)
        branched = key in self.comparison.conf.alternatives
        counting = settings if branched else settings[-1:]
        as_loaded = difference.rule.as_loaded or (
            not branched and self._differs(difference.setting)
        )
        if to in self._undecided or (as_loaded and self._is_unknown(key)):
            return self._leave(difference, _BY_HAND)
        value = as_text(self.comparison.old.values.get(to)) if as_loaded else None
        if difference.origin == Origin.ENVIRONMENT:
            counting = ()
            renamed = self._rename_variable(difference, value)
        else:
            renamed = self._rename_lines(difference, counting, value)
        if renamed:
            for setting in settings[: len(settings) - len(counting)]:
                self.edits += commented_out(self.comparison.conf, setting, difference.rule.id)
            self._done.add(key)
            self._written.add(to)
        return renamed

    def _rename_variable(self, difference: Difference, value: str | None) -> bool:
        old, new = variable(difference.key), variable(difference.rule.to)
        given = _as_2_8(self.environ[old]) if value is None else value
        if _ESCAPE in given:
            return self._leave(difference, _TWICE_ESCAPED)
        del self.environ[old]
        self.environ[new] = given
        return True

    def _rename_lines(
        self, difference: Difference, settings: Sequence[Setting], value: str | None
    ) -> bool:
        to = difference.rule.to
        edits = [_renamed(self.comparison, s, to, self._or_reading(value, s)) for s in settings]
        if None in edits:
            return self._leave(difference, _BY_HAND)
        self.edits += [edit for of_line in edits for edit in of_line or ()]
        return True

    def _or_reading(self, value: str | None, setting: Setting) -> str | None:
        """A value, or what 2.8 reads off a line that 3.4 would read differently."""
        if value is not None or not self._differs(setting):
            return value
        return reading(setting, Release.V2_8)

    def _is_unknown(self, key: str) -> bool:
        """Whether nobody can say what 2.8 makes of a key."""
        old, new = self.comparison.old, self.comparison.new
        refused = {refusal.key for refusal in old.refusals}
        values = (old.user.get(key, ""), new.user.get(key, ""))
        return key in old.unknown or key in refused or any(map(is_reference, values))

    def _differs(self, setting: Setting | None) -> bool:
        """Whether the releases read the value of a line differently."""
        if setting is None or "#" not in setting.raw:
            return False
        return reading(setting, Release.V2_8) != reading(setting, Release.V3_4)

    def _escape(self, difference: Difference) -> bool:
        """Write a value so that 3.4 reads what 2.8 does."""
        if difference.key in self._done:
            return False
        if difference.origin == Origin.ENVIRONMENT:
            name = variable(difference.key)
            value = _as_2_8(self.environ[name])
            if _ESCAPE in value:
                return self._leave(difference, _TWICE_ESCAPED)
            self.environ[name] = value
            return True
        refused = {refusal.key for refusal in self.comparison.old.refusals}
        if not self.keeps or difference.setting is None or difference.key in refused:
            return self._leave(difference, difference.rule.question)
        edit = new_value(difference.setting, reading(difference.setting, Release.V2_8))
        if edit is None:
            return self._leave(difference, _BY_HAND)
        self.edits.append(edit)
        return True

    def _drop_item(self, difference: Difference) -> bool:
        """Take items out of a list."""
        value = self.comparison.value(difference.key) or ""
        gone = difference.rule.values
        kept = ", ".join(item for item in split_list(value) if item not in gone)
        if difference.origin == Origin.ENVIRONMENT:
            self.environ[variable(difference.key)] = kept
            return True
        edit = None if difference.setting is None else new_value(difference.setting, kept)
        if edit is None:
            return self._leave(difference, _BY_HAND)
        self.edits.append(edit)
        return True

    def _pin(self, difference: Difference) -> bool:
        """Note a default to be written out; `write_pins` does it."""
        if not self.keeps or difference.key in self._written | self._undecided:
            return False
        references = self.comparison.references | self.comparison.old_references
        if difference.rule.unless_references and references - self._gone:
            return False
        old, new = self.comparison.defaults(difference.key)
        value = difference.rule.pin if old is None else old
        knows = self.comparison.knows(self.comparison.old, difference.key)
        if knows and old == new:  # only another patch release has an old default
            return self._leave(difference, _PATCH)
        self.pins.append((difference, (difference.key, value or "")))
        return True

    def write_pins(self) -> None:
        """Write the defaults of 2.8 into the file, or into the environment where that is all."""
        conf = self.comparison.conf
        pins = [pin for _, pin in self.pins]
        if not pins:
            return
        if not conf.text and conf.environ:
            self.environ.update({variable(key): value for key, value in pins})
        else:
            # First, because the line below it may get a mark at the same place.
            self.edits.insert(0, pin_block(conf, pins))


def safe_edits(comparison: Comparison, differences: Iterable[Difference]) -> Iterator[Finding]:
    """The findings, each with the one change of the file that settles it, where there is one."""
    work = Rewriting(comparison=comparison, keeps=False)
    for difference in differences:
        if difference.origin == Origin.FILE and difference.rule.rewriting in _SAFE:
            before = len(work.edits)
            work.act_on(difference)
            if len(work.edits) == before + 1:
                yield attrs.evolve(difference.finding, edit=work.edits[-1])
                continue
        yield difference.finding


def _as_2_8(variable_value: str) -> str:
    """What 2.8 reads in a variable, which is what both read in the result."""
    return str(stripped(from_environment(variable_value, Release.V2_8), Release.V2_8))


def _renamed(
    comparison: Comparison, setting: Setting, to: str, value: str | None
) -> list[Edit] | None:
    """The edits of a rename, None where the statement runs over several lines."""
    found = [new_key(comparison.conf, setting, to)]
    if value is not None:
        found.append(new_value(setting, value))
    edits = [edit for edit in found if edit is not None]
    return edits if len(edits) == len(found) else None
