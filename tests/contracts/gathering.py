"""What gather() finds on a node, whatever runs its commands there."""

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import pytest

import kong_lts
from kong_lts.protocols import ProcessRunner
from kong_lts.testing.fakes import fake_adapters
from kong_lts.testing.simulation import World
from tests.checks.weak_certificates import RSA_1024
from tests.test_secrets import MARK

CONF = """\
prefix = {root}/prefix
plugins = bundled,stamp
lua_package_path = {root}/lua/?.lua;;
ssl = on
ssl_cert = {root}/both.pem
ssl_cert_key = {root}/both.pem
nginx_http_include = {root}/extra/*.conf
pg_password = {mark}
"""
KEY = "-----BEGIN PRIVATE KEY-----\n{mark}\n-----END PRIVATE KEY-----\n"
REQUEST = '10.1.4.20 - - [12/Feb/2024:06:00:01 +0000] "{} {} HTTP/1.1" 200 1 "-" "curl"\n'
FILES = {
    "kong.conf": CONF,
    "both.pem": KEY + RSA_1024,
    "lua/kong/plugins/stamp/handler.lua": 'local B = require "kong.plugins.base_plugin"\n',
    "lua/kong/plugins/stamp/migrations/init.lua": "return {}\n",
    "lua/kong/plugins/other/handler.lua": "return {}\n",
    "extra/a.conf": "lua_shared_dict kong_process_events 5m;\n",
    "extra/a.txt": "not one\n",
    "prefix/logs/access.log": "".join(
        REQUEST.format("GET", f"/{n}?jwt={{mark}}") for n in range(300)
    ),
    "prefix/logs/admin_access.log": REQUEST.format("POST", "/upstreams/a/targets"),
    "prefix/logs/error.log": "could not add route: password={mark}\n" * 3,
    "prefix/worker_events.md": "",
}

Make = Callable[[str, Mapping[str, str]], tuple[str, ProcessRunner]]
"""Puts files on a node; gives the folder they are in there, and what runs commands there."""


def written(text: str, root: str, mark: str) -> str:
    """The text of a file below this folder, with the marked secret in it."""
    return text.replace("{root}", root).replace("{mark}", mark)


def write_files(root: Path, mark: str, files: Mapping[str, str]) -> None:
    """Put them below a folder of this machine."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(written(text, str(root), mark), "utf-8")


class GatheringContract:
    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError

    def gathered(
        self, make: Make, *, without: str = "", mode: str = "traditional"
    ) -> kong_lts.Evidence:
        files = {path: text for path, text in FILES.items() if path != without}
        root, runner = make(MARK, files)
        text = f"mode: {mode}\ncurrent: {{version: 2.8.5}}\nnew: {{version: 3.4.2}}\n"
        deployment = kong_lts.parse_deployment(text)
        adapters = fake_adapters(World.of(deployment))
        current = attrs.evolve(
            adapters.current, database=None, admin=None, deck=None, nodes={"gw-1": runner}
        )
        return kong_lts.gather(
            deployment,
            attrs.evolve(adapters, current=current),
            conf_path=f"{root}/kong.conf",
            time_limit_s=30.0,
        )

    def test_everything_that_the_configuration_names_is_read(self, make: Make) -> None:
        found = self.gathered(make)

        assert found.access_log is not None
        assert found.admin_access_log is not None
        assert found.error_log is not None
        assert found.access_log.requests == found.access_log.with_token_in_query == 300
        assert [c.path for c in found.admin_access_log.calls] == ["/upstreams/a/targets"]
        assert [(x.rule, x.line, x.count) for x in found.error_log.lines] == [
            ("log-route-not-built", 1, 3)
        ]
        assert [f.path for f in found.custom_plugins] == [
            "plugins/stamp/handler.lua",
            "plugins/stamp/migrations/init.lua",
        ]
        assert [f.text for f in found.templates] == ["lua_shared_dict kong_process_events 5m;\n"]
        assert any(path.endswith("worker_events.md") for path in found.prefix)

    def test_a_private_key_stays_where_it_is(self, make: Make) -> None:
        found = self.gathered(make)

        assert [f.text.strip() for f in found.certificates] == [RSA_1024.strip()]

    def test_saved_without_secrets_it_is_assessed_alike(self, make: Make) -> None:
        found = self.gathered(make)

        text = kong_lts.redacted(found).to_json()

        assert MARK not in text
        deployment = kong_lts.parse_deployment("mode: traditional\ncurrent: {version: 2.8.5}\n")
        elsewhere = kong_lts.assess(deployment, kong_lts.Evidence.from_json(text))
        assert elsewhere == kong_lts.assess(deployment, found)
        assert {
            "plugin-base-plugin",
            "certificate-weak-rsa",
            "conf-shared-dict-kong-process-events",
            "log-route-not-built",
            "targets-post-no-update",
        } <= {f.rule for f in elsewhere.findings}

    @pytest.mark.parametrize(
        ("without", "source"),
        [
            ("prefix/logs/access.log", "access log of gw-1"),
            ("prefix/logs/error.log", "error log of gw-1"),
            ("both.pem", "certificates of gw-1"),
        ],
    )
    def test_what_cannot_be_read_is_said_and_hides_nothing(
        self, make: Make, without: str, source: str
    ) -> None:
        found = self.gathered(make, without=without)

        assert source in {gap.source for gap in found.gaps}
        assert found.custom_plugins
        assert found.admin_access_log is not None
