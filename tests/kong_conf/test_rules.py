"""Each rule on kong.conf: one input it fires on, one it leaves alone, and what the guide asks."""

from collections.abc import Mapping

import pytest

from kong_lts import catalog, kong_conf
from kong_lts.findings import Finding, Severity
from kong_lts.versions import KongVersion
from tests.kong_conf.examples import EXAMPLES, Example

NODES = ("conf-nodes-",)


def found(given: str | Mapping[str, str], edition: str) -> tuple[Finding, ...]:
    text, environ = (given, {}) if isinstance(given, str) else ("", given)
    return kong_conf.diff(kong_conf.parse(text, environ=environ), edition=edition)


def named(findings: tuple[Finding, ...], rule: str) -> Finding:
    return next(finding for finding in findings if finding.rule == rule)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.rule)
def test_a_rule_fires_on_its_example_and_leaves_the_near_miss_alone(example: Example) -> None:
    fired = {finding.rule for finding in found(example.fires, example.edition)}
    missed = {finding.rule for finding in found(example.silent, example.edition)}

    assert example.rule in fired
    assert example.rule not in missed


def test_every_rule_has_an_example() -> None:
    rules = {row.id for row in catalog.kong_conf() if not row.id.startswith(NODES)}
    assert {example.rule for example in EXAMPLES} == rules


def test_row_data_plane_config_cache_mode() -> None:
    off = found("data_plane_config_cache_mode = unencrypted", "enterprise")
    on = found("data_plane_config_cache_mode = encrypted", "enterprise")
    assert named(off, "conf-data-plane-cache-unencrypted").severity is Severity.INFO
    assert named(on, "conf-data-plane-cache-mode").severity is Severity.WARNING


def test_row_data_plane_config_cache_path() -> None:
    finding = named(
        found("data_plane_config_cache_path = /x", "enterprise"), "conf-data-plane-cache-path"
    )
    assert "dbless.lmdb" in finding.message


def test_row_admin_api_uri() -> None:
    conf = kong_conf.parse("admin_api_uri = https://x:8444\n")
    written = kong_conf.rewrite(conf, edition="enterprise", keep_behaviour=False).text
    assert written == "admin_gui_api_url = https://x:8444\n"


def test_row_database() -> None:
    finding = named(found("database = cassandra", "oss"), "conf-database-cassandra")
    assert finding.severity is Severity.BLOCKER
    assert finding.location is not None
    assert finding.location.line == 1


def test_row_pg_keepalive_timeout() -> None:
    finding = named(found("", "enterprise"), "conf-pg-keepalive-timeout-default")
    assert "60000" in finding.action
    assert "conf-pg-keepalive-timeout-default" not in {f.rule for f in found("", "oss")}


def test_row_worker_consistency() -> None:
    finding = named(found("", "oss"), "conf-worker-consistency-default")
    assert (finding.severity, finding.evidence) == (Severity.WARNING, "default")
    assert "strict in 2.8, eventual in 3.4" in finding.message


def test_row_prometheus_plugin() -> None:
    finding = named(found("", "enterprise"), "conf-prometheus-metrics-default")
    assert "status_code_metrics" in finding.action


def test_row_lua_ssl_trusted_certificate() -> None:
    conf = kong_conf.rewrite(kong_conf.parse(""), edition="oss").after
    values = kong_conf.resolve(conf, release="3.4", edition="oss")
    assert values["lua_ssl_trusted_certificate"] == ()


def test_row_pg_ssl_version() -> None:
    value = named(found("pg_ssl_version = tlsv1", "enterprise"), "conf-pg-ssl-version-tlsv1")
    plain = named(found("", "enterprise"), "conf-pg-ssl-version-default")
    tls = named(found("pg_ssl = on", "enterprise"), "conf-pg-ssl-version-default")
    assert value.severity is Severity.BLOCKER
    assert (plain.severity, tls.severity) == (Severity.INFO, Severity.WARNING)


def test_row_allow_debug_header() -> None:
    finding = named(found("", "oss"), "conf-allow-debug-header-default")
    assert "Kong-Debug" in finding.message


def test_a_default_of_enterprise_depends_on_the_patch_in_use() -> None:
    conf = kong_conf.parse("")
    rule = "conf-upstream-keepalive-pool-size-default"

    def severity(current: str | None) -> Severity | None:
        version = KongVersion.parse(current) if current else None
        findings = kong_conf.diff(conf, edition="enterprise", current=version)
        return next((f.severity for f in findings if f.rule == rule), None)

    assert severity("2.8.4.2") is Severity.INFO
    assert severity("2.8.4.14") is None
    assert severity(None) is Severity.INFO


def test_the_default_of_the_patch_in_use_is_pinned() -> None:
    def pins(current: str | None) -> set[str]:
        version = KongVersion.parse(current) if current else None
        conf = kong_conf.parse("")
        text = kong_conf.rewrite(conf, edition="enterprise", current=version).text
        return {line for line in text.splitlines() if "keepalive_requests" in line}

    assert pins("2.8.4.2") == {"nginx_http_keepalive_requests = 100"}
    assert pins("2.8.4.6") == {"nginx_http_keepalive_requests = 1000"}
    assert pins("2.8.4.14") == set()
    assert pins(None) == set()


def test_a_default_that_depends_on_the_patch_is_told_with_each() -> None:
    finding = named(found("", "enterprise"), "conf-upstream-keepalive-max-requests-default")
    assert "`100` before 2.8.4.3, `1000` before 2.8.4.8, then `10000`" in finding.message


COMPARISON = {
    "A01": "conf-database-cassandra",
    "A02": "conf-cassandra-key",
    "A03": "conf-cassandra-key-in-use",
    "A04": "conf-data-plane-cache-unencrypted",
    "A05": "conf-data-plane-cache-mode",
    "A06": "conf-data-plane-cache-path",
    "A07": "conf-admin-api-uri",
    "A08": "conf-admin-api-uri-open-source",
    "A09": "conf-pg-ssl-version-tlsv1",
    "A10": "conf-prometheus-metrics-on",
    "A11": "conf-prometheus-metrics-off",
    "A12": "conf-client-max-body-size",
    "A13": "conf-client-body-buffer-size",
    "A14": "conf-upstream-keepalive",
    "A15": "conf-nginx-http-upstream-keepalive",
    "A16": "conf-nginx-upstream-keepalive",
    "A17": "conf-upstream-keepalive-requests",
    "A18": "conf-upstream-keepalive-timeout",
    "A19": "conf-go-plugin-server",
    "A20": "conf-go-plugin-server-off",
    "A21": "conf-nginx-optimizations",
    "A22": "conf-router-consistency",
    "A23": "conf-nginx-charset",
    "A24": "conf-admin-gui-url-path",
    "A25": "conf-admin-gui-url-scheme",
    "A26": "conf-tracing-cassandra",
    "A27": "conf-value-read-differently",
    "A28": "conf-vault-reference-with-comment",
    "A29": "conf-variable-with-escape",
    "A30": "conf-refused-by-2.8",
    "A31": "conf-weak-tls",
    "B01": "conf-worker-consistency-default",
    "B02": "conf-lua-ssl-trusted-certificate-default",
    "B03": "conf-pg-ssl-version-default",
    "B04": "conf-pg-keepalive-timeout-default",
    "B05": "conf-upstream-keepalive-pool-size-default",
    "B06": "conf-upstream-keepalive-max-requests-default",
    "B07": "conf-cluster-max-payload-default",
    "B08": "conf-vaults-default",
    "B09": "conf-nginx-http-keepalive-requests-default",
    "B10": "conf-lua-regex-cache-default",
    "B11": "conf-allow-debug-header-default",
    "B12": "conf-router-flavor-default",
    "B13": "conf-admin-gui-listen-default",
    "B14": "conf-prometheus-metrics-default",
    "B15": "conf-lmdb-default",
    "B16": "conf-worker-limits-default",
    "B17": "conf-admin-error-log",
    "B18": "conf-patch-level-default",
    "B19": "conf-new-limits-default",
    "B20": "conf-system-certificates",
}
"""Each line of the comparison of both releases that the rules were made from, and its rule."""


def test_every_line_of_the_comparison_of_both_releases_has_a_rule() -> None:
    lines = {f"A{n:02}" for n in range(1, 32)} | {f"B{n:02}" for n in range(1, 21)}
    assert set(COMPARISON) == lines
    assert set(COMPARISON.values()) <= {row.id for row in catalog.kong_conf()}


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("nginx_worker_connections = 1", "`nginx_events_worker_connections` is one"),
        ("worker_processes = 1", "`nginx_main_worker_processes` is one"),
        ("Log_Level = info", "capitals count"),
        ("KONG_LOG_LEVEL = info", "nothing stands before it"),
        ("vitals = on", "it is a key of Enterprise"),
        ("proxy_listn = off", "`proxy_listen` is one"),
        ("admin_api_prefix = x", "both drop it without a word"),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_may_be_meant(line: str, hint: str) -> None:
    assert named(found(line, "oss"), "conf-unknown-key").message.endswith(hint)


def test_an_old_name_whose_value_is_the_new_default_changes_nothing() -> None:
    for value, severity in (("512", Severity.INFO), ("60", Severity.WARNING)):
        findings = found(f"upstream_keepalive = {value}", "oss")
        assert named(findings, "conf-upstream-keepalive").severity is severity


def test_cassandra_keys_stay_where_the_database_is_a_template() -> None:
    text = "database = {{ db }}\ncassandra_port = 9042\n"
    assert named(found(text, "oss"), "conf-cassandra-key-in-use").location is not None
    work = kong_conf.rewrite(kong_conf.parse(text), edition="oss")
    assert work.text.startswith(text)


def test_a_variable_beats_the_file_and_is_named_as_the_origin() -> None:
    conf = kong_conf.parse("client_max_body_size = 1m", environ={"KONG_CLIENT_MAX_BODY_SIZE": "8m"})
    finding = named(kong_conf.diff(conf, edition="oss"), "conf-client-max-body-size")
    assert (finding.evidence, finding.location) == ("environment", None)


def test_a_secret_is_in_no_finding_error_repr_or_patch() -> None:
    text = "pg_password = hunter2#hunter2\ncassandra_password = hunter2\nlog_level = x\n"
    conf = kong_conf.parse(text, environ={"KONG_PG_RO_PASSWORD": "hunter2\\#"})
    work = kong_conf.rewrite(conf, edition="oss")
    shown = [*map(repr, kong_conf.diff(conf, edition="oss")), repr(conf), repr(work), work.patch()]
    assert not [line for line in shown if "hunter2" in line]
    assert "hunter2" in work.text
