"""For each rule on kong.conf: an input it fires on, and a near miss it leaves alone."""

from collections.abc import Mapping

import attrs


@attrs.frozen(kw_only=True)
class Example:
    """A file and an environment, and whether the rule speaks."""

    rule: str
    fires: str | Mapping[str, str]
    silent: str | Mapping[str, str]
    edition: str = "oss"


def _set(rule: str, fires: str, silent: str, edition: str = "oss") -> Example:
    return Example(rule=rule, fires=fires, silent=silent, edition=edition)


EE = "enterprise"
HYBRID = "cluster_cert = /a\ncluster_cert_key = /b\n"

EXAMPLES = (
    _set("conf-database-cassandra", "database = cassandra", "# database = cassandra"),
    _set("conf-cassandra-key", "cassandra_port = 9042", "database = cassandra\ncassandra_port = 1"),
    _set(
        "conf-cassandra-key-in-use",
        "database = cassandra\ncassandra_port = 1",
        "cassandra_port = 1",
    ),
    _set(
        "conf-data-plane-cache-unencrypted",
        "data_plane_config_cache_mode = unencrypted",
        "data_plane_config_cache_mode = off",
        EE,
    ),
    _set(
        "conf-data-plane-cache-mode",
        "data_plane_config_cache_mode = encrypted",
        "data_plane_config_cache_mode = unencrypted",
        EE,
    ),
    _set("conf-data-plane-cache-path", "data_plane_config_cache_path = /x", "prefix = /x", EE),
    _set(
        "conf-admin-api-uri", "admin_api_uri = https://x:1", "admin_gui_api_url = https://x:1", EE
    ),
    _set("conf-admin-api-uri-open-source", "admin_api_uri = https://x", "admin_listen = off"),
    _set("conf-pg-ssl-version-tlsv1", "pg_ssl_version = tlsv1", "pg_ssl_version = tlsv1_2", EE),
    _set(
        "conf-prometheus-metrics-on",
        "prometheus_plugin_latency_metrics = on",
        "prometheus_plugin_latency_metrics = off",
        EE,
    ),
    _set(
        "conf-prometheus-metrics-off",
        "prometheus_plugin_latency_metrics = off",
        "prometheus_plugin_latency_metrics = on",
        EE,
    ),
    _set(
        "conf-client-max-body-size",
        "client_max_body_size = 8m",
        "nginx_http_client_max_body_size = 8m",
    ),
    _set(
        "conf-client-body-buffer-size",
        "client_body_buffer_size = 8m",
        "nginx_http_client_body_buffer_size = 8m",
    ),
    _set("conf-upstream-keepalive", "upstream_keepalive = 3", "upstream_keepalive_pool_size = 3"),
    _set(
        "conf-nginx-http-upstream-keepalive",
        "nginx_http_upstream_keepalive = 3",
        "nginx_http_x = 3",
    ),
    _set("conf-nginx-upstream-keepalive", "nginx_upstream_keepalive = 3", "nginx_upstream_x = 3"),
    _set(
        "conf-upstream-keepalive-requests",
        "nginx_upstream_keepalive_requests = 3",
        "upstream_keepalive_max_requests = 3",
    ),
    _set(
        "conf-upstream-keepalive-timeout",
        "nginx_http_upstream_keepalive_timeout = 2m",
        "upstream_keepalive_idle_timeout = 120",
    ),
    _set(
        "conf-old-name-beaten",
        "client_max_body_size = 8m\nnginx_http_client_max_body_size = 4m",
        "client_max_body_size = 8m",
    ),
    _set(
        "conf-vault-env-prefix",
        "vault_env_prefix = P_\npg_password = {vault://env/x}",
        "vault_env_prefix = P_\npg_password = x",
    ),
    _set("conf-go-plugin-server", "go_plugins_dir = /x", "go_plugins_dir = off"),
    _set("conf-go-plugin-server-off", "go_plugins_dir = off", "go_plugins_dir = /x"),
    _set("conf-nginx-optimizations", "nginx_optimizations = on", "nginx_http_optimizations = on"),
    _set("conf-router-consistency", "router_consistency = strict", "worker_consistency = strict"),
    _set("conf-opentracing", "nginx_http_opentracing = on", "nginx_http_opentracing = off"),
    _set(
        "conf-opentracing-module",
        "nginx_main_load_module = modules/ngx_http_opentracing_module.so",
        "nginx_main_load_module = modules/ngx_http_brotli_module.so",
    ),
    _set("conf-nginx-charset", "nginx_admin_charset = UTF-8", "nginx_admin_charset = NONE"),
    _set(
        "conf-admin-gui-url-path", "admin_gui_url = https://x/a", "admin_gui_url = https://x/", EE
    ),
    _set("conf-admin-gui-url-scheme", "admin_gui_url = x:8002", "admin_gui_url = http://x:8002"),
    _set(
        "conf-tracing-cassandra",
        "tracing_types = query, cassandra_iterate",
        "tracing_types = query",
        EE,
    ),
    _set("conf-weak-tls", "ssl_cipher_suite = old", "ssl_cipher_suite = modern"),
    _set("conf-value-read-differently", "pg_host = db#x", "pg_host = db #x"),
    _set("conf-number-rounded", "pg_timeout = 60000.123456789012", "pg_timeout = 60000.5"),
    _set(
        "conf-vault-reference-with-comment",
        "pg_password = {vault://env/x} # y",
        "pg_password = {vault://env/x}",
    ),
    Example(
        rule="conf-vault-secret-with-hash",
        fires={"KONG_PG_PASSWORD": "{vault://env/x}", "X": "a#b"},
        silent={"KONG_PG_PASSWORD": "{vault://env/x}", "X": "ab"},
    ),
    _set(
        "conf-vaults-without-reference",
        "vaults = off\npg_password = {vault://env/x}",
        "vaults = env\npg_password = {vault://env/x}",
    ),
    Example(
        rule="conf-variable-with-escape",
        fires={"KONG_PG_PASSWORD": "a\\#b"},
        silent={"KONG_PG_PASSWORD": "a#b"},
    ),
    _set("conf-refused-by-2.8", "pg_database = 1234", "pg_database = db1234"),
    _set("conf-refused-by-3.4", "node_id = gateway-1", "node_id = {{ uuid }}"),
    _set("conf-refused-by-both", "log_level = verbose", "log_level = debug"),
    _set("conf-key-newly-read", "router_flavor = traditional", "worker_consistency = strict"),
    _set("conf-unknown-key", "nginx_worker_connections = 1", "nginx_events_worker_connections = 1"),
    _set("conf-duplicate-key", "pg_host = a\npg_host = b", "pg_host = a\npg_user = b"),
    _set("conf-line-lost", "log_level: debug", "{% if x %}"),
    _set("conf-worker-consistency-deprecated", "worker_consistency = eventual", "prefix = /x"),
    _set("conf-pinned-old-default", "worker_consistency = strict", "worker_consistency = eventual"),
    _set("conf-worker-consistency-default", "", "worker_consistency = strict"),
    _set("conf-lua-ssl-trusted-certificate-default", "", "lua_ssl_trusted_certificate ="),
    _set("conf-pg-ssl-version-default", "", "pg_ssl_version = tlsv1_2", EE),
    _set("conf-pg-keepalive-timeout-default", "", "pg_keepalive_timeout = 1", EE),
    _set("conf-upstream-keepalive-pool-size-default", "", "upstream_keepalive = 60"),
    _set("conf-upstream-keepalive-max-requests-default", "", "upstream_keepalive_max_requests = 1"),
    _set("conf-cluster-max-payload-default", "", "cluster_max_payload = 4194304"),
    _set("conf-vaults-default", "", "vaults = off"),
    _set("conf-nginx-http-keepalive-requests-default", "", "nginx_http_keepalive_requests = 100"),
    _set("conf-lua-regex-cache-default", "", "nginx_http_lua_regex_cache_max_entries = NONE"),
    _set("conf-allow-debug-header-default", "", "allow_debug_header = on"),
    Example(
        rule="conf-router-flavor-default", fires="", silent={"KONG_ROUTER_FLAVOR": "traditional"}
    ),
    _set("conf-admin-gui-listen-default", "", f"role = data_plane\ndatabase = off\n{HYBRID}"),
    _set(
        "conf-prometheus-metrics-default",
        "",
        "\n".join(
            f"prometheus_plugin_{name}_metrics = off"
            for name in ("status_code", "latency", "bandwidth", "upstream_health")
        ),
        EE,
    ),
    _set("conf-lmdb-default", "database = off", "database = postgres"),
    _set(
        "conf-worker-limits-default",
        "",
        "nginx_main_worker_rlimit_nofile = 1\nnginx_events_worker_connections = 1",
    ),
    _set("conf-admin-error-log", f"role = control_plane\n{HYBRID}", "role = traditional"),
    _set(
        "conf-patch-level-default",
        "",
        "dns_stale_ttl = 1\nheaders = off\nheaders_upstream = off",
        EE,
    ),
    _set("conf-ssl-protocols-default", "", "ssl_protocols = TLSv1.2", EE),
    _set("conf-lua-ssl-protocols-default", "", "lua_ssl_protocols = TLSv1.2", EE),
    _set(
        "conf-new-limits-default",
        "",
        "ssl_session_cache_size = 1m\nnginx_http_charset = UTF-8\n"
        + "\n".join(
            f"lua_max_{name} = 100"
            for name in ("req_headers", "resp_headers", "uri_args", "post_args")
        ),
    ),
    _set(
        "conf-system-certificates",
        "lua_ssl_trusted_certificate = system",
        "lua_ssl_trusted_certificate = /x",
    ),
)
