"""Why 3.4 decides otherwise than 2.8: every cause that was measured, and the way out of each."""

from collections.abc import Mapping
from enum import StrEnum

import attrs

__all__ = ["Cause", "Explanation"]


class Cause(StrEnum):
    """Why two routers send one request to different places."""

    EQUAL_CREATED_AT = "equal-created-at"
    PATH_HANDLING = "path-handling-v1"
    GREATEST_ID = "greatest-id"
    REGEX_OVER_PREFIX = "regex-over-prefix"
    EXACT_HOSTS = "exact-hosts-first"
    NEGATIVE_PRIORITY = "negative-priority"
    PRIORITY_IN_CRITERIA = "regex-priority-in-criteria"
    PRIORITY_IN_HEADERS = "regex-priority-in-headers"
    REGEX_PRIORITY = "regex-priority-between-kinds"
    HEADER_COUNT = "header-count-between-kinds"
    LONGER_PREFIX = "longer-prefix-between-kinds"
    SNI_WITHOUT_TLS = "sni-without-tls"
    HOST = "host-read-differently"
    HEADER = "header-read-differently"
    REGEX = "regex-read-differently"
    REQUEST_LINE = "blank-in-request-line"
    WRITTEN_LENGTH = "length-as-written"
    CONFIGURATION = "not-in-both"
    NOT_DECIDED = "regex-not-decided"
    OTHER = "other"

    @property
    def explanation(self) -> "Explanation":
        """What is behind it, and what to do."""
        return _EXPLANATIONS[self]


@attrs.frozen
class Explanation:
    """One cause in words.

    Source:
        Measured on Kong 2.8.5 and 3.4.2, 12,290 requests to 329 configurations.
    """

    reason: str
    """What each release does."""
    way_out: str


_TRADITIONAL = "or set `router_flavor = traditional`, which decides as 2.8 did but is slower."
_PRIORITIES = (
    "Give the regexes a `regex_priority` from 0 to 1023, and all routes fewer than four criteria, "
    + _TRADITIONAL
)
_TELL_APART = f"Tell the routes apart by one more criterion of one of them, {_TRADITIONAL}"

_EXPLANATIONS: Mapping[Cause, Explanation] = {
    Cause.EQUAL_CREATED_AT: Explanation(
        "2.8 sorts equal routes by `created_at`; where that is equal too, any may win after a "
        "restart. 3.4's default router takes the greatest id.",
        "Tell the routes apart by one more criterion of one of them, or regexes by their "
        "`regex_priority`.",
    ),
    Cause.PATH_HANDLING: Explanation(
        "The default router of 3.4 treats `path_handling: v1` as `v0`.",
        "Write `path_handling: v0` and paths that give the upstream what it expects, "
        "or set `router_flavor = traditional`, which still honours `v1`.",
    ),
    Cause.GREATEST_ID: Explanation(
        "Of equal routes 2.8 takes the oldest, 3.4 the one with the greatest id; a route with "
        "several paths gets another id for each length of path.",
        "Tell the routes apart by one more criterion of one of them, split the path that they "
        f"share off a route with several, {_TRADITIONAL}",
    ),
    Cause.REGEX_OVER_PREFIX: Explanation(
        "In 2.8 more criteria win; in 3.4 a regex path comes before any prefix.",
        f"Write the other path as a regex too, or give both routes hosts, {_TRADITIONAL}",
    ),
    Cause.EXACT_HOSTS: Explanation(
        "In 2.8 more criteria win; in 3.4 a route with only exact hosts comes first.",
        f"Give both routes exact hosts, {_TRADITIONAL}",
    ),
    Cause.NEGATIVE_PRIORITY: Explanation(
        "In 3.4 a `regex_priority` below 0 or from 4096 to 8191, or four and more criteria, "
        "become the highest priority of all.",
        _PRIORITIES,
    ),
    Cause.PRIORITY_IN_CRITERIA: Explanation(
        "In 3.4 each 1024 of `regex_priority` count as one more criterion.", _PRIORITIES
    ),
    Cause.PRIORITY_IN_HEADERS: Explanation(
        "In 3.4 two points of `regex_priority` count as one more header.",
        f"Give the regexes the same `regex_priority`, {_TRADITIONAL}",
    ),
    Cause.REGEX_PRIORITY: Explanation(
        "Of as many criteria 2.8 looks at their kinds first, hosts before headers before paths "
        "before methods; 3.4 at `regex_priority`.",
        f"Order the regexes by `regex_priority`, {_TRADITIONAL}",
    ),
    Cause.HEADER_COUNT: Explanation(
        "Of as many criteria 2.8 looks at their kinds first; 3.4 at the number of headers.",
        _TELL_APART,
    ),
    Cause.LONGER_PREFIX: Explanation(
        "Of as many criteria 2.8 looks at their kinds first; 3.4 at the length of the prefix.",
        _TELL_APART,
    ),
    Cause.SNI_WITHOUT_TLS: Explanation(
        "In 3.4 a route with `snis` competes for every request without TLS; in 2.8 only where "
        "the request has other criteria of that route.",
        f"Give the route that shall have such requests one more criterion, {_TRADITIONAL}",
    ),
    Cause.HOST: Explanation(
        "3.4 splits a `Host` with an empty or a strange port, or with nothing before its first "
        "dot, in another way.",
        "Only odd clients send this; name the host as they send it if they matter.",
    ),
    Cause.HEADER: Explanation(
        "3.4 takes `_` for `-` in the names of headers, and a `~*` regex in a list of values.",
        "Name another header; write one `~*` value, or none.",
    ),
    Cause.REGEX: Explanation(
        "3.4 matches paths with Rust's regex: only the first of several alternatives is "
        "anchored, classes know all of Unicode, and the text of a regex does not match itself. "
        "A path that is not UTF-8 matches nothing.",
        "Put alternatives in a group, and write classes out, as `check_regex` shows.",
    ),
    Cause.REQUEST_LINE: Explanation(
        "The nginx of 3.4 answers 400 to a blank or tab in the request line or the host.",
        "Have the client encode it.",
    ),
    Cause.WRITTEN_LENGTH: Explanation(
        "2.8 ranks a prefix by its length as written, 3.4 by that of its normalised form.",
        "Write the paths normalised.",
    ),
    Cause.CONFIGURATION: Explanation(
        "One of the two configurations has no such route.",
        "Convert the one into the other, and compare again.",
    ),
    Cause.NOT_DECIDED: Explanation(
        "Whether a regex takes the request was not to be found out: `re` stood in for the engine "
        "of the gateway, or that gave up.",
        "Install the extra `routing`, and try the request on both gateways.",
    ),
    Cause.OTHER: Explanation(
        "The order of the two routers differs here in more than one way.",
        _TELL_APART,
    ),
}
