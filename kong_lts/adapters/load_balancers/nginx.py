"""nginx: a file with a `split_clients`, which its configuration includes."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
from attrs.validators import deep_iterable, instance_of, matches_re

from kong_lts.adapters.load_balancers.nginx_workers import Worker, serving_workers
from kong_lts.adapters.load_balancers.shares import check_percent, names
from kong_lts.adapters.local_process import LocalProcessRunner
from kong_lts.adapters.system import SystemClock
from kong_lts.errors import LoadBalancerError, ProcessError, last_words
from kong_lts.protocols import Clock, ProcessRunner
from kong_lts.unshared import SessionWay

__all__ = ["NginxLoadBalancer"]

_HEADER = "# Written by kong_lts, which alone changes it."
_STATE = re.compile(
    rf"{re.escape(_HEADER)}\n# (?:In force|Being put in place of (\d+)%): (\d+)% of the requests"
)
_INCLUDED = re.compile(r"^# configuration file (.+):$", re.MULTILINE)
_KEY = r"(?:[\w.:-]|\$\w+|\$\{\w+\})*\$(?:\w+|\{\w+\})(?:[\w.:-]|\$\w+|\$\{\w+\})*"
_UPSTREAM = r"[\w.-]+(?::\d+)?"
_LOOK_EVERY_S = 0.02
_OF_REQUEST = r"\$\{?(?:request|connection|msec|time_|bytes_|remote_port|uri|args|hostname)"
_HOST = r"(?:\*\.)?[\w.-]+(?:\.\*)?"
_WORDS_OF_MAP = ("default", "hostnames", "include", "volatile")


def _hosts(values: str | Iterable[str]) -> tuple[str, ...]:
    """Each once, as clients name them."""
    return tuple(dict.fromkeys(host.lower() for host in names(values)))


def _quoted(host: str) -> str:
    return f"\\{host}" if host in _WORDS_OF_MAP else host


def _of_client(_: object, field: "attrs.Attribute[str]", found: str) -> None:
    if re.search(_OF_REQUEST, found):
        raise ValueError(f"{field.name}: {found} differs from one request of a client to the next")


@attrs.frozen
class _Split:
    """What the file says."""

    text: str
    percent: int
    before: int | None
    """The share that it replaces, if nginx may not have taken it yet."""


@attrs.frozen(kw_only=True)
class NginxLoadBalancer:
    """Divides the requests of an nginx on this host, by one file that its configuration includes.

    The file sets a variable to the name of an upstream; `http { include FILE; ... }` brings it in,
    and `proxy_pass http://$kong_lts_upstream;` uses it. The first `set_weight(0)` makes the file.
    With a key that stays with a client (`$remote_addr`), who is with the new cluster stays there
    for as long as the share does not fall.

    Args:
        file: The included file. One with other content is refused, never overwritten.
        current: Name of the upstream of the current cluster.
        new: Name of the upstream of the new cluster.
        key: What a request is divided by: `$request_id` for each request by itself.
        sticky_hosts: Hosts whose clients stay on one side, as `login.example.com` or
            `*.example.com`: their requests are divided by *sticky_key*.
        sticky_key: What stays with a client.
        variable: The variable that is set, without its `$`.
        command: How nginx is called; `-T` and `-s reload` are put behind it.
        reload_command: What reloads it instead, as `("systemctl", "reload", "nginx")`.
        pid_file: Where the master process writes its number.
        timeout_s: Seconds for the test, and for the new workers to take over.
        runner: Runs both commands, on this host.
        clock: Whose time passes while the workers change.

    Source:
        nginx.org, ngx_http_split_clients_module; "Controlling nginx", changing configuration.
    """

    file: Path = attrs.field(converter=Path)
    current: str = attrs.field(validator=matches_re(_UPSTREAM))
    new: str = attrs.field(validator=matches_re(_UPSTREAM))
    key: str = attrs.field(default="$request_id", validator=matches_re(_KEY))
    sticky_hosts: tuple[str, ...] = attrs.field(
        default=(), converter=_hosts, validator=deep_iterable(matches_re(_HOST))
    )
    sticky_key: str = attrs.field(default="$remote_addr", validator=[matches_re(_KEY), _of_client])
    variable: str = attrs.field(default="kong_lts_upstream", validator=matches_re(r"\w+"))
    command: tuple[str, ...] = attrs.field(
        default=("nginx",), converter=names, validator=deep_iterable(instance_of(str))
    )
    reload_command: tuple[str, ...] | None = None
    pid_file: Path = attrs.field(default=Path("/run/nginx.pid"), converter=Path)
    timeout_s: float = 30.0
    runner: ProcessRunner = attrs.field(factory=LocalProcessRunner)
    clock: Clock = attrs.field(factory=SystemClock)

    precision_percent = 0.01
    """`split_clients` has two decimals; a key that stays with a client divides clients instead."""
    session_way = SessionWay.STICKY
    delay_s = 1.0
    """The workers change within 0.3 s, and no old one takes a connection after that."""

    @property
    def keeps_clients(self) -> bool:
        """Whether the key stays with a client; what tells one request from another does not."""
        return re.search(_OF_REQUEST, self.key) is None

    @property
    def keeps_hosts(self) -> tuple[str, ...]:
        """Those that were named."""
        return self.sticky_hosts

    def set_weight(self, new_percent: int) -> None:
        doing = f"giving the new cluster {new_percent}% in {self.file}"
        check_percent(new_percent, doing)
        before = self._read(doing)
        if before and before.percent == new_percent and before.before is None:
            return
        was = before and (before.percent if before.before is None else before.before)
        self._write(self._text(new_percent, replaces=was or 0), doing)
        asked_to_reload = False
        try:
            self._test(doing)
            workers = self._workers_of_before(doing)
            asked_to_reload = True
            self._reload(workers, doing)
            self._write(self._text(new_percent), doing)
        except LoadBalancerError as exc:
            self._put_back(before, reload=asked_to_reload, failure=exc)
            raise
        except BaseException:
            if not asked_to_reload:  # else the file says that it is not known what is in force
                self._restore(before, doing)
            raise

    def weight(self) -> int:
        doing = f"reading the share of the new cluster in {self.file}"
        split = self._read(doing)
        if split is None:
            raise LoadBalancerError(doing, "there is no such file yet; set_weight(0) makes it")
        return split.percent if split.before is None else split.before

    # --- the file -------------------------------------------------------------------------------

    def _text(self, percent: int, replaces: int | None = None) -> str:
        state = "In force" if replaces is None else f"Being put in place of {replaces}%"
        lines = [
            *([f"    {percent}% {self.new};"] if 0 < percent < 100 else []),
            f"    * {self.new if percent == 100 else self.current};",
        ]
        key = f"${{{self.variable}_key}}" if self.sticky_hosts else self.key
        return (
            f"{_HEADER}\n# {state}: {percent}% of the requests go to the new cluster.\n"
            f'{self._keys()}split_clients "{key}" ${self.variable} {{\n'
            + "\n".join(lines)
            + "\n}\n"
        )

    def _keys(self) -> str:
        """What each host is divided by, where they differ."""
        if not self.sticky_hosts:
            return ""
        hosts = "".join(f'    {_quoted(host)} "{self.sticky_key}";\n' for host in self.sticky_hosts)
        return (
            f"map $host ${self.variable}_key {{\n    hostnames;\n"
            f'    default "{self.key}";\n{hosts}}}\n'
        )

    def _read(self, doing: str) -> _Split | None:
        """What stands in the file; None where there is none, or nothing in it."""
        try:
            text = self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            why = getattr(exc, "strerror", None) or "it is no UTF-8 text"
            raise LoadBalancerError(doing, why) from exc
        if not text.strip():
            return None
        if (said := _STATE.match(text)) is None:
            raise LoadBalancerError(doing, "the file holds something else; nothing was changed")
        before = None if said[1] is None else int(said[1])
        if text != self._text(int(said[2]), before):
            raise LoadBalancerError(
                doing,
                "the file was changed by hand, or written with other names or another key;"
                " look at it, and take it away if nothing in it is needed",
            )
        return _Split(text, int(said[2]), before)

    def _write(self, text: str, doing: str) -> None:
        """The whole text or none of it; the file beside it begins with a dot, for `include *`."""
        path = Path(os.path.realpath(self.file))
        beside = path.with_name(f".{path.name}.kong_lts")
        try:
            with beside.open("w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777 if path.exists() else 0o644)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as exc:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise LoadBalancerError(doing, exc.strerror or str(exc)) from exc

    def _restore(self, before: _Split | None, doing: str) -> None:
        if before is not None:
            self._write(before.text, doing)
            return
        try:
            self.file.unlink(missing_ok=True)
        except OSError as exc:
            raise LoadBalancerError(doing, exc.strerror or str(exc)) from exc

    def _put_back(self, before: _Split | None, *, reload: bool, failure: LoadBalancerError) -> None:
        """The file as it was; where nginx was told of the new one, it is told of this one too."""
        doing = f"putting {self.file} back as it was"
        try:
            self._restore(before, doing)
            if reload and before is not None:
                self._reload(self._workers_of_before(doing), doing)
        except LoadBalancerError as exc:
            failure.reason += f"; {doing} failed too: {exc.reason}; look at nginx now"

    # --- the program ----------------------------------------------------------------------------

    def _test(self, doing: str) -> None:
        """nginx takes the configuration, and the file is part of it."""
        with _translated(doing, "nginx refuses its configuration"):
            done = self.runner.run((*self.command, "-T"), timeout_s=self.timeout_s)
        path = os.path.realpath(self.file)
        if path not in map(os.path.realpath, _INCLUDED.findall(done.stdout)):
            raise LoadBalancerError(doing, f"the configuration of nginx does not include {path}")

    def _workers(self, doing: str) -> frozenset[Worker]:
        try:
            master = int(self.pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError) as exc:
            why = exc.strerror if isinstance(exc, OSError) and exc.strerror else "holds no number"
            raise LoadBalancerError(doing, f"is nginx running? {self.pid_file}: {why}") from exc
        return serving_workers(master)

    def _workers_of_before(self, doing: str) -> frozenset[Worker]:
        """Those that serve now; an nginx that has just been started has none for a moment."""
        start = self.clock.now()
        while not (workers := self._workers(doing)):
            if (self.clock.now() - start).total_seconds() > self.timeout_s:
                raise LoadBalancerError(
                    doing, f"nginx has no workers; is {self.pid_file} the right one?"
                )
            self.clock.sleep(_LOOK_EVERY_S)
        return workers

    def _reload(self, old: frozenset[Worker], doing: str) -> None:
        """Returns when every worker of before has stopped taking connections, and others do."""
        command = self.reload_command or (*self.command, "-s", "reload")
        with _translated(doing, "nginx could not be told to reload"):
            self.runner.run(command, timeout_s=self.timeout_s)
        start = self.clock.now()
        while not (workers := self._workers(doing)) or workers & old:
            if (self.clock.now() - start).total_seconds() > self.timeout_s:
                raise LoadBalancerError(
                    doing,
                    f"{self.timeout_s:g} s after the reload the workers of before"
                    " still serve; its error log says why",
                )
            self.clock.sleep(_LOOK_EVERY_S)


@contextlib.contextmanager
def _translated(doing: str, what: str) -> Iterator[None]:
    try:
        yield
    except ProcessError as exc:
        raise LoadBalancerError(doing, f"{what}: {last_words(exc.reason)}") from exc
