"""resolve(): values and refusals as both gateways showed them."""

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from kong_lts import kong_conf
from kong_lts.errors import ConfError, ConfValueError
from kong_lts.versions import Release

DERIVED = re.compile(
    r"_default|_combined|_directives$|listeners$|_ssl_enabled$|lua_ssl_trusted_certificate"
)


HYBRID = "role = control_plane\ncluster_cert = /here\ncluster_cert_key = /here\n"


def resolve(
    text: str, release: str = "3.4", edition: str = "oss", **environ: str
) -> Mapping[str, object]:
    conf = kong_conf.parse(text, environ=environ, path="kong.conf")
    return kong_conf.resolve(conf, release=release, edition=edition)


def plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [plain(item) for item in value] or None
    return value or None if isinstance(value, dict) else value


def test_every_case_that_the_gateways_showed(reference: Path) -> None:
    lines = (reference / "cases/kong-conf/loads.jsonl").read_text().splitlines()
    wrong = []
    for case in map(json.loads, lines):
        conf = kong_conf.parse(case["conf"], environ=case["env"])
        for release in Release:
            shown = case[release]
            try:
                values = kong_conf.resolve(
                    conf, release=release, edition="oss", exists=lambda path: path == "/etc/hosts"
                )
            except ConfError:
                values = None
            if (values is not None) != shown["ok"] or differs(
                values or {}, shown.get("resolved", {})
            ):
                wrong.append((case["case"], release))
    assert wrong == []


def differs(values: Mapping[str, object], shown: Mapping[str, object]) -> list[str]:
    return [
        key
        for key, value in shown.items()
        if not DERIVED.search(key) and plain(values.get(key)) != plain(value)
    ]


def test_every_vector_of_the_grammar(reference: Path) -> None:
    vectors = json.loads((reference / "reference/kong-conf/grammar_vectors.json").read_text())
    stubbed = {"vault-ref", "vault-ref-comment", "vault-ref-list"}
    wrong = []
    for vector in vectors:
        if vector["args"] or vector["id"] in stubbed:
            continue
        conf = kong_conf.parse(vector["text"], environ=vector["env"])
        for release, name in ((Release.V2_8, "2.8.5"), (Release.V3_4, "3.4.2")):
            try:
                values = kong_conf.resolve(conf, release=release, edition="oss")
            except ConfError:
                values = None
            shown = vector[name]
            if (values is not None) != shown["ok"] or differs(
                values or {}, shown.get("values") or {}
            ):
                wrong.append((vector["id"], release))
    assert wrong == []


def test_a_refusal_names_file_line_and_key() -> None:
    with pytest.raises(ConfValueError, match=r"^kong\.conf:2: log_level: 'verbose' is none of"):
        resolve("prefix = /x\nlog_level = verbose\n")


def test_a_refusal_names_the_variable_that_holds_the_value() -> None:
    with pytest.raises(ConfValueError, match="environment variable KONG_LOG_LEVEL: log_level"):
        resolve("log_level = info\n", KONG_LOG_LEVEL="verbose")


def test_a_refusal_shows_no_secret() -> None:
    with pytest.raises(ConfValueError) as raised:
        resolve("proxy_server = hunter2://hunter2\n")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("release", list(Release))
def test_an_empty_file_loads_in_enterprise(release: Release) -> None:
    assert resolve("", release=release, edition="enterprise")["admin_gui_auth"] is None


def test_enterprise_knows_more_keys_and_values() -> None:
    values = resolve("cluster_mtls = pki_check_cn\nvitals = off\n", edition="enterprise")
    assert (values["cluster_mtls"], values["vitals"]) == ("pki_check_cn", False)
    with pytest.raises(ConfValueError, match="cluster_mtls"):
        resolve("cluster_mtls = pki_check_cn\n")


def test_a_section_without_its_bracket_crashes_both() -> None:
    with pytest.raises(ConfError, match=r"kong\.conf:1: a line starts with \["):
        resolve("[a\nlog_level = info\n")


@pytest.mark.parametrize(
    ("listen", "is_right"),
    [
        ("0.0.0.0:8000 ssl http2 backlog=16", True),
        ("[::1]:8000 so_keepalive=30m::10", True),
        ("kong.internal:8000", True),
        ("0.0.0.0:8000 ssl ssl", False),
        ("0.0.0.0:8000 backlog=", False),
        ("256.0.0.1:8000", False),
        ("0.0.0.0:70000", False),
        ("::1:8000", False),
        ("0.0.0.0", False),
    ],
)
def test_a_listener_is_an_address_with_a_port_and_known_flags(listen: str, is_right: bool) -> None:
    try:
        resolve(f"proxy_listen = {listen}\n")
    except ConfValueError:
        assert not is_right
    else:
        assert is_right


def test_a_vault_reference_may_name_a_field_and_a_prefix() -> None:
    values = resolve(
        "vault_env_prefix = S_\npg_password = {vault://env/db/pw}\n", S_DB='{"pw": "x"}'
    )
    assert values["pg_password"] == "x"


@pytest.mark.parametrize(
    ("text", "key", "in_2_8", "in_3_4"),
    [
        ("pg_schema = é#x\n", "pg_schema", "\udcc3", "é"),
        ("pg_password = -0\n", "pg_password", "-0", "-0"),
        ("pg_password = 8 x kB\n", "pg_password", "8 x", "8 x"),
        ("nginx_http_x = 60 kB\n", "nginx_http_x", "60", "60"),
        ("pg_password = 0123 # c\n", "pg_password", "0123", "0123"),
        (
            "pg_password = 12345678901234567\n",
            "pg_password",
            "1.2345678901235e+16",
            "1.2345678901235e+16",
        ),
        ("nginx_upstream_keepalive = 30 # c\n", "upstream_keepalive_pool_size", 60, 512),
        (
            "nginx_upstream_keepalive_timeout = 60 60\n",
            "upstream_keepalive_idle_timeout",
            120,
            60,
        ),
        (
            "nginx_upstream_keepalive_timeout = 1h 30m\n",
            "upstream_keepalive_idle_timeout",
            5400,
            60,
        ),
        (
            "ssl_session_timeout = 2h\nnginx_http_ssl_session_timeout = 5m\n",
            "nginx_http_ssl_session_timeout",
            "2h",
            "2h",
        ),
        ("admin_gui_url = https://gui:8445/x\n", "admin_gui_origin", None, "https://gui:8445"),
        ("wasm = on\n", "nginx_wasm_tls_verify_host", None, "on"),
        ("[a]\nlog_level = info\n", "log_level", "notice", "notice"),
        ("plugins = ,\n", "plugins", ("",), ("",)),
    ],
)
def test_what_the_loaders_make_of_a_line(
    text: str, key: str, in_2_8: object, in_3_4: object
) -> None:
    """Seen by running both loaders."""
    assert resolve(text, "2.8").get(key) == in_2_8
    assert resolve(text, "3.4").get(key) == in_3_4


@pytest.mark.parametrize(
    ("text", "key", "refused_by"),
    [
        ("prefix =\n", "prefix", ("2.8", "3.4")),
        ("nginx_user =\n", "nginx_user", ("3.4",)),
        ("pg_semaphore_timeout = x\n", "pg_semaphore_timeout", ("2.8", "3.4")),
        ("trusted_ips = 10.0.0.0/08\n", "trusted_ips", ("2.8", "3.4")),
        ("cluster_use_proxy = on\n", "cluster_use_proxy", ("3.4",)),
        ("nginx_upstream_keepalive_timeout = 5ms\n", "nginx_upstream_keepalive", ("2.8",)),
        (
            "database = cassandra\ncassandra_contact_points = a..b\n",
            "cassandra_contact_points",
            ("2.8",),
        ),
    ],
)
def test_what_a_loader_refuses(text: str, key: str, refused_by: tuple[str, ...]) -> None:
    """Seen by running both loaders."""
    for release in refused_by:
        with pytest.raises(ConfError, match=key):
            resolve(text, release)
    for release in {"2.8", "3.4"} - {*refused_by, *(("3.4",) if "cassandra" in key else ())}:
        resolve(text, release)


def test_a_vault_reference_may_name_the_version_before() -> None:
    secrets = {"PW": "new", "PW_PREVIOUS": "old"}
    text = "pg_password = {vault://env/pw#2}\n"
    assert resolve(text, "2.8", **secrets)["pg_password"] == "old"
    assert resolve(text, "3.4", **secrets)["pg_password"] == "{vault://env/pw"


@pytest.mark.parametrize(
    ("text", "in_2_8", "in_3_4"),
    [
        ("ssl_cert = /a\nssl_cert_key = /b\n", "ssl_cert", "ssl_cert"),
        ("status_ssl_cert = /a\nstatus_ssl_cert_key = /b\n", None, None),
        (
            "client_ssl = on\nclient_ssl_cert = /here\nclient_ssl_cert_key = /b\n",
            *["client_ssl"] * 2,
        ),
        ("lua_ssl_trusted_certificate = system, /a\n", *["lua_ssl_trusted_certificate"] * 2),
        ("lua_ssl_trusted_certificate = system, /here\n", None, None),
        ("dns_hostsfile = /a\n", "dns_hostsfile", "dns_hostsfile"),
        ("ssl_cipher_suite = old\nssl_dhparam = ffdhe2048\n", None, None),
        ("ssl_cipher_suite = old\nssl_dhparam = /a\n", "ssl_dhparam", "ssl_dhparam"),
        ("ssl_cipher_suite = old\nnginx_http_ssl_dhparam = /a\n", *["nginx_http_ssl_dhparam"] * 2),
        ("ssl_dhparam = /a\n", None, None),
        (f"{HYBRID}cluster_ca_cert = /a\n", None, "cluster_ca_cert"),
        (f"{HYBRID}cluster_cert = /a\n", "cluster_cert", "cluster_cert"),
        ("wasm = on\nwasm_filters_path = /a\n", None, "wasm_filters_path"),
    ],
)
def test_a_file_that_is_not_there_is_refused_where_the_release_looks_for_it(
    text: str, in_2_8: str | None, in_3_4: str | None
) -> None:
    conf = kong_conf.parse(text)
    for release, key in (("2.8", in_2_8), ("3.4", in_3_4)):
        kong_conf.resolve(conf, release=release, edition="oss")
        expected = pytest.raises(ConfError, match=key) if key else contextlib.nullcontext()
        with expected:
            kong_conf.resolve(
                conf, release=release, edition="oss", exists={"/etc/hosts", "/here"}.__contains__
            )


def test_a_message_about_a_long_value_is_short() -> None:
    with pytest.raises(ConfValueError) as raised:
        resolve(f"log_level = {'x' * 100_000}\n")
    assert len(str(raised.value)) < 500
