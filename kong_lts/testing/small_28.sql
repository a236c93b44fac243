-- A small database of the shape that Kong 2.8.5 (open source) has after `kong migrations bootstrap`,
-- with a few entities. Everything that looks like a secret in it was made up for this file.
--
-- Up to the line `-- rows` it is the schema; `kong migrations bootstrap` of the stand-in program
-- runs that part.

CREATE FUNCTION sync_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM tags WHERE entity_id = OLD.id;
        RETURN OLD;
    END IF;
    INSERT INTO tags VALUES (NEW.id, TG_TABLE_NAME, NEW.tags)
        ON CONFLICT (entity_id) DO UPDATE SET tags = EXCLUDED.tags;
    RETURN NEW;
END;
$$;

-- what the migrations keep for themselves

CREATE TABLE schema_meta (
    key text,
    subsystem text,
    last_executed text,
    executed text[],
    pending text[],
    PRIMARY KEY (key, subsystem)
);

CREATE TABLE locks (
    key text PRIMARY KEY,
    owner text,
    ttl timestamptz
);

CREATE TABLE ttls (
    primary_key_value text,
    primary_uuid_value uuid,
    table_name text,
    primary_key_name text NOT NULL,
    expire_at timestamp NOT NULL,
    PRIMARY KEY (primary_key_value, table_name)
);

CREATE TABLE parameters (
    key text PRIMARY KEY,
    value text NOT NULL,
    created_at timestamptz
);

CREATE TABLE tags (
    entity_id uuid PRIMARY KEY,
    entity_name text,
    tags text[]
);

-- the entities of the core

CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    name text UNIQUE,
    comment text,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    meta jsonb,
    config jsonb
);

CREATE TABLE certificates (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    cert text,
    key text,
    tags text[],
    ws_id uuid REFERENCES workspaces (id),
    cert_alt text,
    key_alt text,
    CONSTRAINT certificates_id_ws_id_unique UNIQUE (id, ws_id)
);

CREATE TABLE ca_certificates (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    cert text NOT NULL,
    tags text[],
    cert_digest text NOT NULL UNIQUE
);

CREATE TABLE snis (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    name text NOT NULL UNIQUE,
    certificate_id uuid,
    tags text[],
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT snis_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT snis_certificate_id_fkey FOREIGN KEY (certificate_id, ws_id) REFERENCES certificates (id, ws_id)
);

CREATE TABLE services (
    id uuid PRIMARY KEY,
    created_at timestamptz,
    updated_at timestamptz,
    name text,
    retries bigint,
    protocol text,
    host text,
    port bigint,
    path text,
    connect_timeout bigint,
    write_timeout bigint,
    read_timeout bigint,
    tags text[],
    client_certificate_id uuid,
    tls_verify boolean,
    tls_verify_depth smallint,
    ca_certificates uuid[],
    ws_id uuid REFERENCES workspaces (id),
    enabled boolean DEFAULT true,
    CONSTRAINT services_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT services_ws_id_name_unique UNIQUE (ws_id, name),
    CONSTRAINT services_client_certificate_id_fkey FOREIGN KEY (client_certificate_id, ws_id) REFERENCES certificates (id, ws_id)
);

CREATE TABLE routes (
    id uuid PRIMARY KEY,
    created_at timestamptz,
    updated_at timestamptz,
    name text,
    service_id uuid,
    protocols text[],
    methods text[],
    hosts text[],
    paths text[],
    snis text[],
    sources jsonb[],
    destinations jsonb[],
    regex_priority bigint,
    strip_path boolean,
    preserve_host boolean,
    tags text[],
    https_redirect_status_code integer,
    headers jsonb,
    path_handling text DEFAULT 'v0',
    ws_id uuid REFERENCES workspaces (id),
    request_buffering boolean,
    response_buffering boolean,
    CONSTRAINT routes_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT routes_ws_id_name_unique UNIQUE (ws_id, name),
    CONSTRAINT routes_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id)
);

CREATE TABLE consumers (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    username text,
    custom_id text,
    tags text[],
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT consumers_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT consumers_ws_id_username_unique UNIQUE (ws_id, username),
    CONSTRAINT consumers_ws_id_custom_id_unique UNIQUE (ws_id, custom_id)
);

CREATE TABLE plugins (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    name text NOT NULL,
    consumer_id uuid,
    service_id uuid,
    route_id uuid,
    config jsonb NOT NULL,
    enabled boolean NOT NULL,
    cache_key text UNIQUE,
    protocols text[],
    tags text[],
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT plugins_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT plugins_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE,
    CONSTRAINT plugins_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id) ON DELETE CASCADE,
    CONSTRAINT plugins_route_id_fkey FOREIGN KEY (route_id, ws_id) REFERENCES routes (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE upstreams (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(3) AT TIME ZONE 'UTC'),
    name text,
    hash_on text,
    hash_fallback text,
    hash_on_header text,
    hash_fallback_header text,
    hash_on_cookie text,
    hash_on_cookie_path text,
    slots integer NOT NULL,
    healthchecks jsonb,
    tags text[],
    algorithm text,
    host_header text,
    client_certificate_id uuid REFERENCES certificates (id),
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT upstreams_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT upstreams_ws_id_name_unique UNIQUE (ws_id, name)
);

CREATE TABLE targets (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(3) AT TIME ZONE 'UTC'),
    upstream_id uuid,
    target text NOT NULL,
    weight integer NOT NULL,
    tags text[],
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT targets_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT targets_upstream_id_fkey FOREIGN KEY (upstream_id, ws_id) REFERENCES upstreams (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE vaults_beta (
    id uuid PRIMARY KEY,
    ws_id uuid REFERENCES workspaces (id),
    prefix text UNIQUE,
    name text NOT NULL,
    description text,
    config jsonb NOT NULL,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    updated_at timestamptz,
    tags text[],
    UNIQUE (id, ws_id),
    UNIQUE (prefix, ws_id)
);

-- what nodes write for each other

CREATE TABLE cluster_events (
    id uuid PRIMARY KEY,
    node_id uuid NOT NULL,
    at timestamptz NOT NULL,
    nbf timestamptz,
    expire_at timestamptz NOT NULL,
    channel text,
    data text
);

CREATE TABLE clustering_data_planes (
    id uuid PRIMARY KEY,
    hostname text NOT NULL,
    ip text NOT NULL,
    last_seen timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    config_hash text NOT NULL,
    ttl timestamptz,
    version text,
    sync_status text NOT NULL DEFAULT 'unknown'
);

-- the entities of the plugins

CREATE TABLE acls (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    consumer_id uuid,
    "group" text,
    cache_key text UNIQUE,
    tags text[],
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT acls_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT acls_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE acme_storage (
    id uuid PRIMARY KEY,
    key text UNIQUE,
    value text,
    created_at timestamptz,
    ttl timestamptz
);

CREATE TABLE basicauth_credentials (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    consumer_id uuid,
    username text,
    password text,
    tags text[],
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT basicauth_credentials_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT basicauth_credentials_ws_id_username_unique UNIQUE (ws_id, username),
    CONSTRAINT basicauth_credentials_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE hmacauth_credentials (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    consumer_id uuid,
    username text,
    secret text,
    tags text[],
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT hmacauth_credentials_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT hmacauth_credentials_ws_id_username_unique UNIQUE (ws_id, username),
    CONSTRAINT hmacauth_credentials_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE jwt_secrets (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    consumer_id uuid,
    key text,
    secret text,
    algorithm text,
    rsa_public_key text,
    tags text[],
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT jwt_secrets_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT jwt_secrets_ws_id_key_unique UNIQUE (ws_id, key),
    CONSTRAINT jwt_secrets_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE keyauth_credentials (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    consumer_id uuid,
    key text,
    tags text[],
    ttl timestamptz,
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT keyauth_credentials_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT keyauth_credentials_ws_id_key_unique UNIQUE (ws_id, key),
    CONSTRAINT keyauth_credentials_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE oauth2_credentials (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    name text,
    consumer_id uuid,
    client_id text,
    client_secret text,
    redirect_uris text[],
    tags text[],
    client_type text,
    hash_secret boolean,
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT oauth2_credentials_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT oauth2_credentials_ws_id_client_id_unique UNIQUE (ws_id, client_id),
    CONSTRAINT oauth2_credentials_consumer_id_fkey FOREIGN KEY (consumer_id, ws_id) REFERENCES consumers (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE oauth2_authorization_codes (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    credential_id uuid,
    service_id uuid,
    code text,
    authenticated_userid text,
    scope text,
    ttl timestamptz,
    challenge text,
    challenge_method text,
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT oauth2_authorization_codes_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT oauth2_authorization_codes_ws_id_code_unique UNIQUE (ws_id, code),
    CONSTRAINT oauth2_authorization_codes_credential_id_fkey FOREIGN KEY (credential_id, ws_id) REFERENCES oauth2_credentials (id, ws_id) ON DELETE CASCADE,
    CONSTRAINT oauth2_authorization_codes_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE oauth2_tokens (
    id uuid PRIMARY KEY,
    created_at timestamptz DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    credential_id uuid,
    service_id uuid,
    access_token text,
    refresh_token text,
    token_type text,
    expires_in integer,
    authenticated_userid text,
    scope text,
    ttl timestamptz,
    ws_id uuid REFERENCES workspaces (id),
    CONSTRAINT oauth2_tokens_id_ws_id_unique UNIQUE (id, ws_id),
    CONSTRAINT oauth2_tokens_ws_id_access_token_unique UNIQUE (ws_id, access_token),
    CONSTRAINT oauth2_tokens_ws_id_refresh_token_unique UNIQUE (ws_id, refresh_token),
    CONSTRAINT oauth2_tokens_credential_id_fkey FOREIGN KEY (credential_id, ws_id) REFERENCES oauth2_credentials (id, ws_id) ON DELETE CASCADE,
    CONSTRAINT oauth2_tokens_service_id_fkey FOREIGN KEY (service_id, ws_id) REFERENCES services (id, ws_id) ON DELETE CASCADE
);

CREATE TABLE ratelimiting_metrics (
    identifier text,
    period text,
    period_date timestamptz,
    service_id uuid DEFAULT '00000000-0000-0000-0000-000000000000',
    route_id uuid DEFAULT '00000000-0000-0000-0000-000000000000',
    value integer,
    ttl timestamptz,
    PRIMARY KEY (identifier, period, period_date, service_id, route_id)
);

CREATE TABLE response_ratelimiting_metrics (
    identifier text,
    period text,
    period_date timestamptz,
    service_id uuid DEFAULT '00000000-0000-0000-0000-000000000000',
    route_id uuid DEFAULT '00000000-0000-0000-0000-000000000000',
    value integer,
    PRIMARY KEY (identifier, period, period_date, service_id, route_id)
);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    session_id text UNIQUE,
    expires integer,
    data text,
    created_at timestamptz,
    ttl timestamptz
);

-- indexes

CREATE INDEX acls_consumer_id_idx ON acls (consumer_id);
CREATE INDEX acls_group_idx ON acls ("group");
CREATE INDEX acls_tags_idex_tags_idx ON acls USING gin (tags);
CREATE INDEX basicauth_consumer_id_idx ON basicauth_credentials (consumer_id);
CREATE INDEX basicauth_tags_idex_tags_idx ON basicauth_credentials USING gin (tags);
CREATE INDEX certificates_tags_idx ON certificates USING gin (tags);
CREATE INDEX cluster_events_at_idx ON cluster_events (at);
CREATE INDEX cluster_events_channel_idx ON cluster_events (channel);
CREATE INDEX cluster_events_expire_at_idx ON cluster_events (expire_at);
CREATE INDEX clustering_data_planes_ttl_idx ON clustering_data_planes (ttl);
CREATE INDEX consumers_tags_idx ON consumers USING gin (tags);
CREATE INDEX consumers_username_idx ON consumers (lower(username));
CREATE INDEX hmacauth_credentials_consumer_id_idx ON hmacauth_credentials (consumer_id);
CREATE INDEX hmacauth_tags_idex_tags_idx ON hmacauth_credentials USING gin (tags);
CREATE INDEX jwt_secrets_consumer_id_idx ON jwt_secrets (consumer_id);
CREATE INDEX jwt_secrets_secret_idx ON jwt_secrets (secret);
CREATE INDEX jwtsecrets_tags_idex_tags_idx ON jwt_secrets USING gin (tags);
CREATE INDEX keyauth_credentials_consumer_id_idx ON keyauth_credentials (consumer_id);
CREATE INDEX keyauth_credentials_ttl_idx ON keyauth_credentials (ttl);
CREATE INDEX keyauth_tags_idex_tags_idx ON keyauth_credentials USING gin (tags);
CREATE INDEX locks_ttl_idx ON locks (ttl);
CREATE INDEX oauth2_authorization_codes_authenticated_userid_idx ON oauth2_authorization_codes (authenticated_userid);
CREATE INDEX oauth2_authorization_codes_ttl_idx ON oauth2_authorization_codes (ttl);
CREATE INDEX oauth2_authorization_credential_id_idx ON oauth2_authorization_codes (credential_id);
CREATE INDEX oauth2_authorization_service_id_idx ON oauth2_authorization_codes (service_id);
CREATE INDEX oauth2_credentials_consumer_id_idx ON oauth2_credentials (consumer_id);
CREATE INDEX oauth2_credentials_secret_idx ON oauth2_credentials (client_secret);
CREATE INDEX oauth2_credentials_tags_idex_tags_idx ON oauth2_credentials USING gin (tags);
CREATE INDEX oauth2_tokens_authenticated_userid_idx ON oauth2_tokens (authenticated_userid);
CREATE INDEX oauth2_tokens_credential_id_idx ON oauth2_tokens (credential_id);
CREATE INDEX oauth2_tokens_service_id_idx ON oauth2_tokens (service_id);
CREATE INDEX oauth2_tokens_ttl_idx ON oauth2_tokens (ttl);
CREATE INDEX plugins_consumer_id_idx ON plugins (consumer_id);
CREATE INDEX plugins_name_idx ON plugins (name);
CREATE INDEX plugins_route_id_idx ON plugins (route_id);
CREATE INDEX plugins_service_id_idx ON plugins (service_id);
CREATE INDEX plugins_tags_idx ON plugins USING gin (tags);
CREATE INDEX ratelimiting_metrics_idx ON ratelimiting_metrics (service_id, route_id, period_date, period);
CREATE INDEX ratelimiting_metrics_ttl_idx ON ratelimiting_metrics (ttl);
CREATE INDEX routes_service_id_idx ON routes (service_id);
CREATE INDEX routes_tags_idx ON routes USING gin (tags);
CREATE INDEX services_fkey_client_certificate ON services (client_certificate_id);
CREATE INDEX services_tags_idx ON services USING gin (tags);
CREATE INDEX session_sessions_expires_idx ON sessions (expires);
CREATE INDEX sessions_ttl_idx ON sessions (ttl);
CREATE INDEX snis_certificate_id_idx ON snis (certificate_id);
CREATE INDEX snis_tags_idx ON snis USING gin (tags);
CREATE INDEX tags_entity_name_idx ON tags (entity_name);
CREATE INDEX tags_tags_idx ON tags USING gin (tags);
CREATE INDEX targets_tags_idx ON targets USING gin (tags);
CREATE INDEX targets_target_idx ON targets (target);
CREATE INDEX targets_upstream_id_idx ON targets (upstream_id);
CREATE INDEX ttls_primary_uuid_value_idx ON ttls (primary_uuid_value);
CREATE INDEX upstreams_fkey_client_certificate ON upstreams (client_certificate_id);
CREATE INDEX upstreams_tags_idx ON upstreams USING gin (tags);
CREATE INDEX vaults_beta_tags_idx ON vaults_beta USING gin (tags);

-- every change of an entity's tags reaches the tags table

CREATE TRIGGER acls_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON acls
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER basicauth_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON basicauth_credentials
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER ca_certificates_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON ca_certificates
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER certificates_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON certificates
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER consumers_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON consumers
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER hmacauth_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON hmacauth_credentials
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER jwtsecrets_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON jwt_secrets
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER keyauth_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON keyauth_credentials
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER oauth2_credentials_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON oauth2_credentials
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER plugins_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON plugins
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER routes_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON routes
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER services_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON services
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER snis_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON snis
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER targets_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON targets
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER upstreams_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON upstreams
    FOR EACH ROW EXECUTE FUNCTION sync_tags();
CREATE TRIGGER vaults_beta_sync_tags_trigger AFTER INSERT OR DELETE OR UPDATE OF tags ON vaults_beta
    FOR EACH ROW EXECUTE FUNCTION sync_tags();

-- rows

INSERT INTO schema_meta (key, subsystem, last_executed, executed, pending) VALUES
    ('schema_meta', 'core', '015_270_to_280',
     '{000_base,003_100_to_110,004_110_to_120,005_120_to_130,006_130_to_140,007_140_to_150,008_150_to_200,009_200_to_210,010_210_to_211,011_212_to_213,012_213_to_220,013_220_to_230,014_230_to_270,015_270_to_280}', '{}'),
    ('schema_meta', 'acl', '004_212_to_213',
     '{000_base_acl,002_130_to_140,003_200_to_210,004_212_to_213}', '{}'),
    ('schema_meta', 'acme', '000_base_acme',
     '{000_base_acme}', NULL),
    ('schema_meta', 'basic-auth', '003_200_to_210',
     '{000_base_basic_auth,002_130_to_140,003_200_to_210}', '{}'),
    ('schema_meta', 'bot-detection', '001_200_to_210',
     '{001_200_to_210}', '{}'),
    ('schema_meta', 'hmac-auth', '003_200_to_210',
     '{000_base_hmac_auth,002_130_to_140,003_200_to_210}', '{}'),
    ('schema_meta', 'ip-restriction', '001_200_to_210',
     '{001_200_to_210}', '{}'),
    ('schema_meta', 'jwt', '003_200_to_210',
     '{000_base_jwt,002_130_to_140,003_200_to_210}', '{}'),
    ('schema_meta', 'key-auth', '003_200_to_210',
     '{000_base_key_auth,002_130_to_140,003_200_to_210}', '{}'),
    ('schema_meta', 'oauth2', '005_210_to_211',
     '{000_base_oauth2,003_130_to_140,004_200_to_210,005_210_to_211}', '{}'),
    ('schema_meta', 'rate-limiting', '004_200_to_210',
     '{000_base_rate_limiting,003_10_to_112,004_200_to_210}', NULL),
    ('schema_meta', 'response-ratelimiting', '000_base_response_rate_limiting',
     '{000_base_response_rate_limiting}', NULL),
    ('schema_meta', 'session', '001_add_ttl_index',
     '{000_base_session,001_add_ttl_index}', NULL);

INSERT INTO parameters (key, value) VALUES ('cluster_id', '00000009-0000-4000-8000-000000000001');

INSERT INTO workspaces (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'default');

INSERT INTO services (id, created_at, updated_at, name, retries, protocol, host, port, path,
    connect_timeout, write_timeout, read_timeout, tags, ws_id) VALUES
    ('00000001-0000-4000-8000-000000000001', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'orders', 5, 'http', 'orders.upstream', 80, '/orders',
     60000, 60000, 60000, '{team-a}', '00000000-0000-4000-8000-000000000001'),
    ('00000001-0000-4000-8000-000000000002', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'users', 5, 'http', '127.0.0.1', 8081, '/users',
     60000, 60000, 60000, '{team-a}', '00000000-0000-4000-8000-000000000001'),
    ('00000001-0000-4000-8000-000000000003', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'status', 5, 'http', '127.0.0.1', 8082, NULL,
     60000, 60000, 60000, NULL, '00000000-0000-4000-8000-000000000001');

INSERT INTO routes (id, created_at, updated_at, name, service_id, protocols, methods, hosts, paths,
    regex_priority, strip_path, preserve_host, tags, https_redirect_status_code, path_handling, ws_id,
    request_buffering, response_buffering) VALUES
    ('00000002-0000-4000-8000-000000000001', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'orders-list',
     '00000001-0000-4000-8000-000000000001', '{http,https}', '{GET,POST}', NULL, '{"/orders"}',
     0, true, false, NULL, 426, 'v0', '00000000-0000-4000-8000-000000000001',
     true, true),
    ('00000002-0000-4000-8000-000000000002', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'orders-item',
     '00000001-0000-4000-8000-000000000001', '{http,https}', NULL, NULL, '{"/orders/(?<id>[0-9]+)$"}',
     10, true, false, NULL, 426, 'v0', '00000000-0000-4000-8000-000000000001',
     true, true),
    ('00000002-0000-4000-8000-000000000003', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'orders-old',
     '00000001-0000-4000-8000-000000000001', '{http,https}', NULL, NULL, '{"/v1.0/orders"}',
     0, true, false, NULL, 426, 'v0', '00000000-0000-4000-8000-000000000001',
     true, true),
    ('00000002-0000-4000-8000-000000000004', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'users-item',
     '00000001-0000-4000-8000-000000000002', '{http,https}', NULL, NULL, '{"/users/\\d+"}',
     0, true, false, NULL, 426, 'v0', '00000000-0000-4000-8000-000000000001',
     true, true),
    ('00000002-0000-4000-8000-000000000005', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'users-profile',
     '00000001-0000-4000-8000-000000000002', '{http,https}', '{GET}', NULL, '{"/users/~me/profile"}',
     0, true, false, NULL, 426, 'v0', '00000000-0000-4000-8000-000000000001',
     true, true),
    ('00000002-0000-4000-8000-000000000006', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'files',
     '00000001-0000-4000-8000-000000000002', '{http,https}', NULL, '{files.example.com}', '{"/shared%20files"}',
     0, true, false, NULL, 426, 'v0', '00000000-0000-4000-8000-000000000001',
     true, true),
    ('00000002-0000-4000-8000-000000000007', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'reports',
     '00000001-0000-4000-8000-000000000002', '{http,https}', NULL, NULL, '{"/reports%2Fold","/reports/[a-z]+%2Epdf"}',
     0, true, false, NULL, 426, 'v0', '00000000-0000-4000-8000-000000000001',
     true, true),
    ('00000002-0000-4000-8000-000000000008', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00', 'status',
     '00000001-0000-4000-8000-000000000003', '{http,https}', NULL, NULL, '{"/status"}',
     0, true, false, NULL, 426, 'v0', '00000000-0000-4000-8000-000000000001',
     true, true);

INSERT INTO consumers (id, username, custom_id, tags, ws_id) VALUES
    ('00000003-0000-4000-8000-000000000001', 'anna', 'c-1', '{partner}', '00000000-0000-4000-8000-000000000001'),
    ('00000003-0000-4000-8000-000000000002', 'ben', NULL, NULL, '00000000-0000-4000-8000-000000000001');

INSERT INTO keyauth_credentials (id, consumer_id, key, ws_id) VALUES
    ('00000004-0000-4000-8000-000000000001', '00000003-0000-4000-8000-000000000001', 'throw-away-key-of-anna', '00000000-0000-4000-8000-000000000001'),
    ('00000004-0000-4000-8000-000000000002', '00000003-0000-4000-8000-000000000002', 'throw-away-key-of-ben', '00000000-0000-4000-8000-000000000001');

INSERT INTO acls (id, consumer_id, "group", cache_key, ws_id) VALUES
    ('00000005-0000-4000-8000-000000000001', '00000003-0000-4000-8000-000000000001', 'partners',
     'acls:00000003-0000-4000-8000-000000000001:partners::::00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001'),
    ('00000005-0000-4000-8000-000000000002', '00000003-0000-4000-8000-000000000002', 'staff',
     'acls:00000003-0000-4000-8000-000000000002:staff::::00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001');

INSERT INTO upstreams (id, name, hash_on, hash_fallback, hash_on_cookie_path, slots, healthchecks,
    algorithm, ws_id) VALUES
    ('00000006-0000-4000-8000-000000000001', 'orders.upstream', 'none', 'none', '/', 10000,
     '{"active": {"type": "http", "healthy": {"interval": 0, "successes": 0}}, "threshold": 0}',
     'round-robin', '00000000-0000-4000-8000-000000000001');

INSERT INTO targets (id, created_at, upstream_id, target, weight, ws_id) VALUES
    ('00000007-0000-4000-8000-000000000001', '2024-05-01 12:00:00.25+00', '00000006-0000-4000-8000-000000000001',
     '127.0.0.1:8080', 100, '00000000-0000-4000-8000-000000000001'),
    ('00000007-0000-4000-8000-000000000002', '2024-05-01 12:00:00.5+00', '00000006-0000-4000-8000-000000000001',
     '127.0.0.1:8090', 50, '00000000-0000-4000-8000-000000000001');

INSERT INTO vaults_beta (id, ws_id, prefix, name, config, created_at, updated_at) VALUES
    ('00000008-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001', 'settings', 'env',
     '{"prefix": "GATEWAY_"}', '2024-05-01 12:00:00+00', '2024-05-01 12:00:00+00');

INSERT INTO plugins (id, name, route_id, service_id, config, enabled, cache_key, protocols, ws_id)
VALUES
    ('00000010-0000-4000-8000-000000000001', 'prometheus', NULL, NULL,
     '{"per_consumer": false}',
     true, 'plugins:prometheus:::::00000000-0000-4000-8000-000000000001',
     '{grpc,grpcs,http,https}', '00000000-0000-4000-8000-000000000001'),
    ('00000010-0000-4000-8000-000000000002', 'key-auth', '00000002-0000-4000-8000-000000000001', NULL,
     '{"anonymous": null, "key_names": ["apikey"], "key_in_body": false, "key_in_query": true,
      "key_in_header": true, "hide_credentials": false, "run_on_preflight": true}',
     true, 'plugins:key-auth:00000002-0000-4000-8000-000000000001::::00000000-0000-4000-8000-000000000001',
     '{grpc,grpcs,http,https}', '00000000-0000-4000-8000-000000000001'),
    ('00000010-0000-4000-8000-000000000003', 'acl', '00000002-0000-4000-8000-000000000001', NULL,
     '{"allow": ["partners"], "deny": null, "hide_groups_header": false}',
     true, 'plugins:acl:00000002-0000-4000-8000-000000000001::::00000000-0000-4000-8000-000000000001',
     '{grpc,grpcs,http,https}', '00000000-0000-4000-8000-000000000001'),
    ('00000010-0000-4000-8000-000000000004', 'rate-limiting', NULL, '00000001-0000-4000-8000-000000000002',
     '{"minute": 600, "policy": "local", "limit_by": "consumer", "redis_port": 6379,
      "redis_timeout": 2000, "fault_tolerant": true, "redis_database": 0, "hide_client_headers": false}',
     true, 'plugins:rate-limiting::00000001-0000-4000-8000-000000000002:::00000000-0000-4000-8000-000000000001',
     '{grpc,grpcs,http,https}', '00000000-0000-4000-8000-000000000001'),
    ('00000010-0000-4000-8000-000000000005', 'http-log', NULL, '00000001-0000-4000-8000-000000000001',
     '{"http_endpoint": "http://127.0.0.1:9/log", "method": "POST", "timeout": 10000,
      "keepalive": 60000, "content_type": "application/json", "retry_count": 10, "queue_size": 1,
      "flush_timeout": 2, "headers": {"X-Log-Token": ["throw-away", "token"], "X-Source": ["gateway"]},
      "custom_fields_by_lua": null}',
     true, 'plugins:http-log::00000001-0000-4000-8000-000000000001:::00000000-0000-4000-8000-000000000001',
     '{grpc,grpcs,http,https}', '00000000-0000-4000-8000-000000000001'),
    ('00000010-0000-4000-8000-000000000006', 'pre-function', NULL, '00000001-0000-4000-8000-000000000003',
     '{"access": [], "certificate": [], "header_filter": [], "body_filter": [], "log": [],
      "rewrite": [], "functions": ["kong.response.set_header(''X-Checked'', ''1'')"]}',
     true, 'plugins:pre-function::00000001-0000-4000-8000-000000000003:::00000000-0000-4000-8000-000000000001',
     '{grpc,grpcs,http,https}', '00000000-0000-4000-8000-000000000001');
