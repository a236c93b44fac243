"""The file that nginx includes, with processes that have the names of nginx's and serve nothing."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from kong_lts.adapters import NginxLoadBalancer
from kong_lts.errors import LoadBalancerError, ProcessFailedError
from kong_lts.protocols import Finished, LoadBalancer
from tests.contracts.load_balancer import LoadBalancerContract

WORKER = "nginx: worker process"
LEAVING = "nginx: worker process is shutting down"


@attrs.define
class Nginx:
    """Runs `nginx -T` and `nginx -s reload` as far as processes go; this process is the master."""

    folder: Path
    refuses: str = ""
    includes: bool = True
    reloads: bool = True
    tests: int = 0
    _workers: list[subprocess.Popen[bytes]] = attrs.field(factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "split.conf"

    def run(
        self, argv: Sequence[str], *, timeout_s: float, statuses: Sequence[int] = (0,)
    ) -> Finished:
        if "-T" in argv:
            self.tests += 1
            if self.refuses:
                raise ProcessFailedError("running nginx -T", self.refuses, 1)
            included = f"# configuration file {self.file}:\n" if self.includes else ""
            return Finished(status=0, stdout=f"# configuration file /etc/nginx.conf:\n{included}")
        if self.reloads:
            self.start()
        return Finished(status=0)

    def start(self) -> None:
        """A new worker, and one that is shutting down in the place of the ones before."""
        self.end()
        for title in (WORKER, LEAVING):
            argv = [title, "60"]
            self._workers.append(subprocess.Popen(argv, executable="/bin/sleep"))

    def end(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
        self._workers.clear()


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    (tmp_path / "nginx.pid").write_text(f"{os.getpid()}\n")
    nginx = Nginx(tmp_path)
    nginx.start()
    yield nginx
    nginx.end()


def balancer_of(nginx: Nginx, **changes: Any) -> NginxLoadBalancer:
    settings: dict[str, Any] = {
        "file": nginx.file,
        "current": "kong_current",
        "new": "kong_new",
        "pid_file": nginx.folder / "nginx.pid",
        "runner": nginx,
        "timeout_s": 5,
    }
    return NginxLoadBalancer(**{**settings, **changes})


class TestNginx(LoadBalancerContract):
    @pytest.fixture
    def balancer(self, nginx: Nginx) -> LoadBalancer:
        return balancer_of(nginx)


@pytest.mark.parametrize(
    ("percent", "inside"),
    [
        (0, "    * kong_current;\n"),
        (1, "    1% kong_new;\n    * kong_current;\n"),
        (100, "    * kong_new;\n"),
    ],
)
def test_the_file_has_no_line_for_nothing(nginx: Nginx, percent: int, inside: str) -> None:
    balancer_of(nginx, key="$remote_addr", variable="upstream").set_weight(percent)

    assert nginx.file.read_text() == (
        "# Written by kong_lts, which alone changes it.\n"
        f"# In force: {percent}% of the requests go to the new cluster.\n"
        f'split_clients "$remote_addr" $upstream {{\n{inside}}}\n'
    )


def test_hosts_with_sessions_are_divided_by_client(nginx: Nginx) -> None:
    balancer = balancer_of(nginx, sticky_hosts=("Login.example.com", "*.id.example.com", "default"))
    balancer.set_weight(5)

    assert nginx.file.read_text().splitlines()[2:] == [
        "map $host $kong_lts_upstream_key {",
        "    hostnames;",
        '    default "$request_id";',
        '    login.example.com "$remote_addr";',
        '    *.id.example.com "$remote_addr";',
        '    \\default "$remote_addr";',
        "}",
        'split_clients "${kong_lts_upstream_key}" $kong_lts_upstream {',
        "    5% kong_new;",
        "    * kong_current;",
        "}",
    ]
    assert balancer.keeps_hosts == ("login.example.com", "*.id.example.com", "default")
    assert not balancer.keeps_clients
    with pytest.raises(LoadBalancerError, match="with other names or another key"):
        balancer_of(nginx).set_weight(6)


@pytest.mark.parametrize(
    "changes",
    [
        {"sticky_hosts": ("a.example.com; }",)},
        {"sticky_hosts": ("*",)},
        {"sticky_hosts": ("a.*.com",)},
        {"sticky_key": "$request_id"},
        {"sticky_key": "none"},
    ],
)
def test_what_nginx_could_not_keep_apart_is_refused(nginx: Nginx, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"sticky|match"):
        balancer_of(nginx, **changes)


def test_what_is_in_force_is_not_reloaded_again(nginx: Nginx) -> None:
    balancer = balancer_of(nginx)
    balancer.set_weight(25)
    balancer.set_weight(25)

    assert nginx.tests == 1


def test_the_file_keeps_its_mode_and_its_link(nginx: Nginx) -> None:
    real = nginx.folder / "real.conf"
    nginx.file.symlink_to(real)
    balancer = balancer_of(nginx)
    balancer.set_weight(0)
    real.chmod(0o600)
    balancer.set_weight(5)

    assert nginx.file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert "    5% kong_new;" in real.read_text()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("split_clients x $y { * z; }\n", "holds something else"),
        ("# Written by kong_lts, which alone changes it.\n# In force: no", "holds something else"),
        (b"\xff\xfe", "no UTF-8"),
    ],
)
def test_foreign_content_is_never_overwritten(nginx: Nginx, text: str | bytes, match: str) -> None:
    content = text.encode() if isinstance(text, str) else text
    nginx.file.write_bytes(content)
    balancer = balancer_of(nginx)

    for act in (balancer.weight, lambda: balancer.set_weight(5)):
        with pytest.raises(LoadBalancerError, match=match):
            act()

    assert nginx.file.read_bytes() == content


@pytest.mark.parametrize("change", [("5%", "6%"), ("kong_new", "other"), ("}", "}\n# mine")])
def test_a_file_that_was_changed_by_hand_is_refused(nginx: Nginx, change: tuple[str, str]) -> None:
    balancer = balancer_of(nginx)
    balancer.set_weight(5)
    nginx.file.write_text(nginx.file.read_text().replace(*change, 1))

    with pytest.raises(LoadBalancerError, match="changed by hand"):
        balancer.set_weight(25)


def test_there_is_no_share_before_the_first_one(nginx: Nginx) -> None:
    with pytest.raises(LoadBalancerError, match=r"set_weight\(0\) makes it"):
        balancer_of(nginx).weight()


@pytest.mark.parametrize("before", [None, 5])
@pytest.mark.parametrize(
    ("failing", "match"),
    [
        ({"refuses": "[emerg] no"}, r"refuses its configuration: \[emerg\] no"),
        ({"includes": False}, "does not include"),
        ({"reloads": False}, "the workers of before still serve"),
    ],
)
def test_a_failure_leaves_the_file_as_it_was(
    nginx: Nginx, before: int | None, failing: dict[str, Any], match: str
) -> None:
    balancer = balancer_of(nginx, timeout_s=0.1)
    if before is not None:
        balancer.set_weight(before)
    text = nginx.file.read_text() if before is not None else None
    for name, value in failing.items():
        setattr(nginx, name, value)

    with pytest.raises(LoadBalancerError, match=match):
        balancer.set_weight(25)

    assert (nginx.file.read_text() if nginx.file.exists() else None) == text
    assert not list(nginx.folder.glob(".*"))


@pytest.mark.parametrize(
    ("pid", "match"),
    [("", "holds no number"), ("1\n", "has no workers"), (None, "is nginx running")],
)
def test_an_nginx_that_does_not_run_is_an_error(nginx: Nginx, pid: str | None, match: str) -> None:
    path = nginx.folder / "nginx.pid"
    path.unlink()
    if pid is not None:
        path.write_text(pid)

    with pytest.raises(LoadBalancerError, match=match):
        balancer_of(nginx, timeout_s=0.1).set_weight(0)

    assert not nginx.file.exists()


def test_a_folder_that_takes_no_file_is_an_error(nginx: Nginx) -> None:
    with pytest.raises(LoadBalancerError, match="No such file or directory"):
        balancer_of(nginx, file=nginx.folder / "absent/split.conf").set_weight(0)


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "constant"},
        {"key": '$a" $b { * x; } #'},
        {"key": ""},
        {"variable": "a b"},
        {"current": "a; b"},
        {"new": "{}"},
    ],
)
def test_what_would_break_the_file_is_refused(nginx: Nginx, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must match"):
        balancer_of(nginx, **changes)


@pytest.mark.parametrize("key", ["$request_id", "${remote_addr}:$http_user_agent", "salt$cookie_a"])
def test_keys_are_made_of_variables(nginx: Nginx, key: str) -> None:
    assert balancer_of(nginx, key=key).key == key


def test_a_share_beyond_a_hundred_is_refused(nginx: Nginx) -> None:
    with pytest.raises(LoadBalancerError, match="0 to 100"):
        balancer_of(nginx).set_weight(-1)
