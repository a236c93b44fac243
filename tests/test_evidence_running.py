"""Settings of a running node that neither its file nor its variables explain."""

import json
from pathlib import Path

import attrs
import pytest

import kong_lts
from kong_lts import kong_conf
from kong_lts.deployment import Side
from kong_lts.errors import ConfError
from kong_lts.evidence.running import readable, settings_elsewhere
from kong_lts.testing.fakes import FakeAdminApi, fake_adapters
from kong_lts.testing.scenarios import ALL
from kong_lts.testing.simulation import World
from kong_lts.versions import Edition

CONF = """\
log_level = debug
ssl_cert = tls/a.pem
ssl_cert_key = tls/a.key
pg_password = {vault://env/pw}
"""


def told(configuration: dict[str, object], conf: str = CONF, **environ: str) -> str:
    """What the gap says; empty where there is none."""
    evidence = kong_lts.Evidence(
        kong_conf={"gw-1": kong_conf.parse(conf, environ=environ)},
        admin={"/": {"version": "2.8.5", "configuration": configuration}},
    )
    gaps = settings_elsewhere(evidence, Edition.OSS)
    return gaps[0].reason if gaps else ""


@pytest.mark.parametrize(
    "configuration",
    [
        {"log_level": "info"},  # changed in the file since its start
        {"log_level": "debug", "pg_host": "db.internal"},  # set in a unit
        {"client_max_body_size": "8m"},
        {"plugins": ["bundled", "stamp"]},
        {"ssl_cert": ["/etc/kong/tls/b.pem"]},
        {"pg_ssl": True},
    ],
)
def test_what_nothing_explains_is_a_gap(configuration: dict[str, object]) -> None:
    key = list(configuration)[-1]

    assert f"other values of {key} than its kong.conf" in told(configuration)


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        {"log_level": "debug", "pg_port": 5432, "pg_ssl": False, "plugins": ["bundled"]},
        {"ssl_cert": ["/usr/local/kong/tls/a.pem"]},
        {"pg_password": "******"},
        {"ssl_cert_key": ["/usr/local/kong/ssl/kong-default.key"]},
        {"nginx_main_worker_processes": "4"},
        {"kong_env": "/usr/local/kong/.kong_env", "no_key": "x"},
        {"pg_password": "resolved"},
    ],
)
def test_what_a_node_makes_of_its_settings_is_none(configuration: dict[str, object]) -> None:
    assert told(configuration) == ""


def test_a_variable_explains_a_setting() -> None:
    assert told({"pg_host": "db"}, KONG_PG_HOST="db") == ""
    assert told({"pg_host": "db"}, KONG_PG_HOST="other") != ""


def test_a_conf_that_2_8_refuses_explains_nothing_and_says_nothing() -> None:
    assert told({"pg_host": "db"}, conf="ssl_cert = /a.pem\n") == ""


@pytest.mark.parametrize(
    ("text", "environ", "left_out"),
    [
        ("log_level = debug\npg_password = {vault://env/pw}\n", {}, {"pg_password"}),
        (
            "log_level = debug\ndatabase = foo\npg_user = {vault://a/b}\n",
            {},
            {"database", "pg_user"},
        ),
        ("log_level = debug\n", {"KONG_PG_PASSWORD": "{vault://env/pw}"}, {"pg_password"}),
        ("log_level = debug\n", {}, set()),
    ],
)
def test_a_value_that_cannot_be_read_hides_no_other(
    text: str, environ: dict[str, str], left_out: set[str]
) -> None:
    found = readable(kong_conf.parse(text, environ=environ), Edition.OSS)

    assert found.settings["log_level"] == "debug"
    assert found.left_out == left_out
    assert found.settings["database"] == "postgres"


def test_a_certificate_without_its_key_is_still_refused() -> None:
    with pytest.raises(ConfError, match="ssl_cert_key"):
        readable(kong_conf.parse("ssl_cert = /a.pem\n"), Edition.OSS)


def test_a_value_is_not_shown() -> None:
    assert "s3cret" not in told({"pg_user": "s3cret"})


def test_gather_tells_it() -> None:
    class Api(FakeAdminApi):
        def root(self) -> dict[str, object]:
            return {"version": "2.8.5", "configuration": {"pg_host": "db.internal"}}

    deployment = ALL["traditional-dual-cluster"]
    world = World.of(deployment)
    adapters = fake_adapters(world)
    current = attrs.evolve(adapters.current, admin=Api(world, Side.CURRENT), nodes={})
    known = kong_lts.Evidence(kong_conf=kong_conf.parse("log_level = info\n"))

    evidence = kong_lts.gather(deployment, attrs.evolve(adapters, current=current), known=known)

    assert "settings of the nodes" in {gap.source for gap in evidence.gaps}


def test_a_recorded_2_8_is_explained_by_what_it_was_started_with(reference: Path) -> None:
    recorded = json.loads((reference / "reference/kong/api/28/root.json").read_text())
    body = recorded["body"]
    root = json.loads(body) if isinstance(body, str) else body
    environ = {
        "KONG_ADMIN_LISTEN": "127.0.0.1:28001",
        "KONG_ANONYMOUS_REPORTS": "off",
        "KONG_CASSANDRA_SCHEMA_CONSENSUS_TIMEOUT": "60000",
        "KONG_CASSANDRA_TIMEOUT": "60000",
        "KONG_PG_DATABASE": "k28",
        "KONG_PG_PORT": "55432",
        "KONG_PG_TIMEOUT": "60000",
        "KONG_PROXY_LISTEN": "127.0.0.1:28000, 127.0.0.1:28443 ssl",
        "KONG_STATUS_LISTEN": "127.0.0.1:28007",
        "KONG_VAULTS": "bundled",
    }

    assert told(root["configuration"], conf="", **environ) == ""
    assert "vaults" in told(root["configuration"], conf="", **{**environ, "KONG_VAULTS": "off"})
