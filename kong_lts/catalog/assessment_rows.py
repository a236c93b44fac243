"""Kinds of rows that only the assessment reads: one class each; the class is the schema."""

from collections.abc import Mapping

import attrs
from attrs.validators import ge, in_, le, min_len, optional

from kong_lts.catalog.rows import Rule

__all__ = [
    "CallRule",
    "ChangeRow",
    "ErrorLogRule",
    "IngressController",
    "LuaRule",
    "PainRow",
    "PatchRow",
    "PlatformRule",
    "PluginPriority",
    "TextRule",
]


@attrs.frozen(kw_only=True)
class LuaRule(Rule):
    """A rule on the code of custom plugins; comments never count, strings only where it says so.

    Its texts may use `{plugin}` and `{found}`.
    """

    modules: tuple[str, ...] = ()
    """Modules that are required; a `*` at the end stands for any rest."""
    names: tuple[str, ...] = ()
    """Dotted names, as `ngx.ctx.balancer_address`; also where a part of it got a local name."""
    keys: tuple[str, ...] = ()
    """Keys that a table gets, as in `shorthands = ...`."""
    strings: tuple[str, ...] = ()
    """Patterns for whole strings."""
    files: tuple[str, ...] = ()
    """Patterns for the path below the plugin's folder; none for every Lua file."""
    unless_modules: tuple[str, ...] = ()
    """Silent in a file that requires one of these."""
    call: str = ""
    """A function of `kong_lts.checks.custom_plugins` decides."""


@attrs.frozen(kw_only=True)
class CallRule(Rule):
    """A rule on what automates the gateway: requests in the Admin API's log, lines of scripts.

    Its texts may use `{found}`, `{file}`, `{count}`, `{agent}` and `{named}`.
    """

    methods: tuple[str, ...] = ()
    """None for any."""
    path: str = ""
    """A pattern for the path, below any workspace."""
    statuses: tuple[int, ...] = ()
    """Of an answer in the log; none for any. Scripts have no answers."""
    agents: str = ""
    """A pattern for the user agent."""
    lines: str = ""
    """A pattern for a line of a script, without its comments."""
    beside: str = ""
    """A pattern that must be found elsewhere in the script, its path, or its manifest's kind."""
    beside_in_state: str = ""
    """A pattern that will do as well as `beside` where a declarative file has it."""
    beside_in_scripts: bool = False
    """Whether `beside` may be found in any other script too."""
    without: str = ""
    """A pattern that must not be found in the script."""
    nowhere: str = ""
    """A pattern that must not be found in any script."""
    names: str = ""
    """A pattern for words of the script that a finding names."""
    settled_by: Mapping[str, str] = attrs.field(factory=dict)
    """Keys of kong.conf, and the value with which there is nothing to say."""
    editions: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class TextRule(Rule):
    """A rule on any line of some text files: templates, dashboards, manifests, a listing.

    Its texts may use `{found}` and `{file}`.
    """

    inputs: tuple[str, ...]
    """Fields of `Evidence`."""
    pattern: str
    names: str = ""
    """A pattern for the path of the file; none for every one."""
    without: str = ""
    """Silent in a file in which this pattern is found."""
    once: bool = True
    """Whether one finding per file says it all."""
    editions: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class ErrorLogRule(Rule):
    """A message of the error log that foretells trouble. Its texts may use `{text}`, `{count}`."""

    texts: tuple[str, ...]
    """Any of them in a line, upper or lower case."""
    often: int = attrs.field(default=1, validator=ge(1))
    """Below so many times it is only worth knowing."""
    editions: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class PlatformRule(Rule):
    """An operating system or base image that 3.4 is or is not made for.

    Its texts may use `{system}` and `{where}`.
    """

    systems: str
    """A pattern for the name and version of an operating system or the tag of an image."""


@attrs.frozen(kw_only=True)
class IngressController:
    """A controller that is not Kong's, and how one knows what is meant for it."""

    id: str
    classes: tuple[str, ...]
    """Names of its classes; one that goes on after a dash, as `nginx-internal`, is its too."""
    annotations: tuple[str, ...] = ()
    """What its annotations have before the slash."""
    source: str = attrs.field(validator=min_len(1))


@attrs.frozen(kw_only=True)
class PluginPriority:
    """When a bundled plugin runs, in both releases; infinity stands as a very large number."""

    plugin: str
    edition: str = attrs.field(default="", validator=in_(("", "oss", "enterprise")))
    """Empty for both."""
    in_2_8: int | None = None
    in_3_4: int | None = None


@attrs.frozen(kw_only=True)
class PatchRow:
    """A patch release of one of the two, and what it mends."""

    version: str
    mends: str
    source: str


@attrs.frozen(kw_only=True)
class ChangeRow:
    """One change from 2.8 to 3.4, the rules that find it, and the guide's category."""

    id: str
    category: int | None = attrs.field(default=None, validator=optional((ge(1), le(5))))
    rules: tuple[str, ...] = ()
    by_hand: str = ""
    """Where no input shows it: what a person does."""
    migrated: bool = False
    """Whether `kong migrations` of 3.4 rewrites it in the database."""


@attrs.frozen(kw_only=True)
class PainRow:
    """One thing that people who upgraded before suffered, and the rules that say so beforehand."""

    id: str
    title: str
    rules: tuple[str, ...] = ()
    by_hand: str = ""
