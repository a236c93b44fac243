"""rewrite(): what changes in the text, what stays, and what is left to a person."""

import pytest

from kong_lts import catalog, kong_conf
from kong_lts.catalog.rows import ConfRewriting

HEADING = "# Defaults of Kong 2.8, kept for 3.4"


def rewritten(text: str, edition: str = "oss", *, keep: bool = False) -> str:
    return kong_conf.rewrite(kong_conf.parse(text), edition=edition, keep_behaviour=keep).text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("client_max_body_size = 8m # ok\n", "nginx_http_client_max_body_size = 8m # ok\n"),
        ("\tclient_max_body_size\t=\t8m\r\n", "\tnginx_http_client_max_body_size\t=\t8m\r\n"),
        ("nginx_http_upstream_keepalive = NONE\n", "upstream_keepalive_pool_size = 0\n"),
        (
            "nginx_upstream_keepalive_timeout = 2m \n",
            "upstream_keepalive_idle_timeout = 120 \n",
        ),
        (
            "upstream_keepalive = 5\nupstream_keepalive_pool_size = 6\n",
            "# [not for 3.4: conf-old-name-beaten] upstream_keepalive = 5\n"
            "upstream_keepalive_pool_size = 6\n",
        ),
        (
            "client_max_body_size = 1m\nclient_max_body_size = 2m",
            "# [not for 3.4: conf-client-max-body-size] client_max_body_size = 1m\n"
            "nginx_http_client_max_body_size = 2m",
        ),
        (
            "cassandra_contact_points = a, \\\n  b\n",
            "# [not for 3.4: conf-cassandra-key] cassandra_contact_points = a, \\\n"
            "  # [not for 3.4: conf-cassandra-key] b\n",
        ),
        ("client_max_body_size = {{ size }}\n", "nginx_http_client_max_body_size = {{ size }}\n"),
        ("pg_host = db#x\n", "pg_host = db#x\n"),
        ("[lost]\nclient_max_body_size = 8m\n", "[lost]\nclient_max_body_size = 8m\n"),
    ],
)
def test_a_line_is_changed_in_place(before: str, after: str) -> None:
    assert rewritten(before) == after


def test_each_branch_of_a_template_is_rewritten_in_place() -> None:
    text = (
        "{% if small %}\nclient_max_body_size = 1m\npg_host = db#a\nupstream_keepalive = 4\n"
        "{% else %}\nclient_max_body_size = 9m\npg_host = db#b\nupstream_keepalive = 9\n"
        "nginx_http_client_body_buffer_size = 1m\n{% endif %}\nclient_body_buffer_size = 5k\n"
    )
    conf = kong_conf.parse(text)
    work = kong_conf.rewrite(conf, edition="oss")
    expected = text.replace("client_max_body", "nginx_http_client_max_body")
    assert work.text.startswith(expected.replace("db#", "d #"))
    assert [question.finding.subject for question in work.left] == [
        "upstream_keepalive",
        "client_body_buffer_size",
    ]
    assert "conf-duplicate-key" not in {f.rule for f in kong_conf.diff(conf, edition="oss")}


@pytest.mark.parametrize(
    ("value", "is_left"),
    [("${KEEPALIVE}", True), ("${KEEPALIVE:-60}", True), ("$KEEPALIVE", True), ("${args}", False)],
)
def test_a_variable_of_the_shell_in_a_directive_is_left(value: str, is_left: bool) -> None:
    text = f"nginx_upstream_keepalive = {value}\n"
    work = kong_conf.rewrite(kong_conf.parse(text), edition="oss", keep_behaviour=False)
    assert (work.text == text) == is_left
    assert bool(work.left) == is_left


def test_an_item_is_taken_out_of_a_list() -> None:
    text = "tracing_types = query, cassandra_iterate, router  # all\n"
    assert rewritten(text, "enterprise") == "tracing_types = query, router  # all\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pg_host = db.example#main\n", "pg_host = db.exampl #main\n"),
        ("pg_password =  # none\n", "pg_password =  \\# none\n"),
        ("pg_password = a\\#b#c\n", "pg_password = a\\# #c\n"),
        ("pg_password = a#b\\#c\n", "pg_password = \n"),
    ],
)
def test_the_reading_of_2_8_is_written_out(before: str, after: str) -> None:
    text = rewritten(before, keep=True)
    assert text.startswith(after)
    for release in ("2.8", "3.4"):
        values = kong_conf.resolve(kong_conf.parse(text), release=release, edition="oss")
        was = kong_conf.resolve(kong_conf.parse(before), release="2.8", edition="oss")
        assert [values[k] for k in ("pg_host", "pg_password")] == [
            was[k] for k in ("pg_host", "pg_password")
        ]


@pytest.mark.parametrize(
    "last",
    [
        "log_level = info",
        "# the end",
        "plugins = bundled, \\\n  mine",
        "waits for \\\nmore",
        "client_max_body_size = 8m",
        "waits \\\n",
        "[lost]\npg_host = x\n",
    ],
)
def test_pins_stand_above_a_line_that_would_swallow_them_or_get_a_line_end(last: str) -> None:
    before = f"prefix = /x\n{last}"
    conf = kong_conf.parse(before)
    after = kong_conf.rewrite(conf, edition="oss").after
    assert after.text.startswith("prefix = /x\n\n#---")
    assert after.text.splitlines()[-1].endswith(before.splitlines()[-1].removeprefix("client_"))
    assert kong_conf.resolve(after, release="3.4", edition="oss")["router_flavor"] == "traditional"


def test_pins_stand_under_one_heading_with_the_line_ends_of_the_file() -> None:
    text = rewritten("prefix = /x\r\nlog_level = info\r\n", keep=True)
    assert text.startswith("prefix = /x\r\nlog_level = info\r\n\r\n#---")
    assert text.count(HEADING) == 1
    assert "\r\nworker_consistency = strict\r\n" in text
    assert "\n" not in text.replace("\r\n", "")


@pytest.mark.parametrize("end", ["[section]\na = b\n", "log_level = info \\\n# c\n"])
def test_pins_stand_above_what_would_swallow_them(end: str) -> None:
    text = rewritten(f"prefix = /x\n{end}", keep=True)
    assert text.endswith(end)
    values = kong_conf.resolve(kong_conf.parse(text), release="3.4", edition="oss")
    assert values["worker_consistency"] == "strict"


def test_without_a_file_the_environment_is_rewritten() -> None:
    conf = kong_conf.parse("", environ={"KONG_CLIENT_MAX_BODY_SIZE": "8m", "PATH": "/bin"})
    work = kong_conf.rewrite(conf, edition="oss")
    assert work.text == ""
    assert work.environ["KONG_NGINX_HTTP_CLIENT_MAX_BODY_SIZE"] == "8m"
    assert work.environ["KONG_ROUTER_FLAVOR"] == "traditional"
    assert work.environ["PATH"] == "/bin"
    assert "KONG_CLIENT_MAX_BODY_SIZE" not in work.environ


def test_what_no_tool_can_decide_is_left_with_a_question() -> None:
    text = "database = cassandra\ngo_plugins_dir = /go\n"
    work = kong_conf.rewrite(kong_conf.parse(text), edition="oss", keep_behaviour=False)
    assert work.text is text
    assert [str(question) for question in work.left] == [
        "database: When does the data move to PostgreSQL, and which server takes it?",
        "go_plugins_dir: Which Go plugins are in use, and where is the build of each with an "
        "embedded server?",
    ]


def test_every_line_that_changes_is_named() -> None:
    text = "cassandra_contact_points = a, \\\n# c\n  b\ncassandra_port = 1\ncassandra_port = 2\n"
    conf = kong_conf.parse(text, environ={"KONG_CASSANDRA_PORT": "3"})
    work = kong_conf.rewrite(conf, edition="oss", keep_behaviour=False)
    assert {f.location.line for f in work.applied if f.location} >= {1, 3, 4, 5}
    assert "KONG_CASSANDRA_PORT" not in work.environ


def applied(patch: str, text: str) -> str:
    """The text with a unified diff applied to it, to the letter."""
    old = text.splitlines(keepends=True)
    new: list[str] = []
    at = 0
    lines = patch.replace("\n\\ No newline at end of file", "\0").splitlines(keepends=True)[2:]
    for line in (line.replace("\0\n", "") for line in lines):
        if line.startswith("@@"):
            start, count = line.split()[1][1:].split(",")
            until = int(start) - (int(count) > 0)
            new += old[at:until]
            at = until
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            assert old[at] == line[1:]
            new += old[at : at + 1] if line.startswith(" ") else []
            at += 1
    return "".join([*new, *old[at:]])


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_patch_makes_the_new_text_and_holds_no_secret(end: str) -> None:
    text = (
        "prefix = /x\npg_password = hunter2\nclient_max_body_size = 8m\n# pg_password = hunter2\n"
        "a = 1\nb = 2\ncassandra_port = 1\nproxy_server = http://hunter2@proxy"
    )
    work = kong_conf.rewrite(kong_conf.parse(text + end), edition="oss")
    assert "hunter2" not in work.patch()
    assert applied(work.patch(), text + end) == work.text


def test_a_patch_masks_a_secret_that_changes() -> None:
    patch = kong_conf.rewrite(kong_conf.parse("cassandra_password = x\n"), edition="oss").patch()
    assert "-cassandra_password = ******\n" in patch


def test_a_patch_of_nothing_is_empty() -> None:
    assert kong_conf.rewrite(kong_conf.parse(""), edition="oss", keep_behaviour=False).patch() == ""


def test_vaults_are_not_pinned_where_a_reference_needs_them() -> None:
    assert "vaults = off" in rewritten("", keep=True)
    for key in ("pg_password", "client_max_body_size"):
        assert "vaults = off" not in rewritten(f"{key} = {{vault://env/x}}\n", keep=True)
    assert "vaults = off" in rewritten("cassandra_password = {vault://env/x}\n", keep=True)


def test_a_variable_that_no_writing_makes_alike_is_left_with_a_question() -> None:
    conf = kong_conf.parse("", environ={"KONG_PG_PASSWORD": r"a\\#b"})
    work = kong_conf.rewrite(conf, edition="oss")
    assert work.environ["KONG_PG_PASSWORD"] == r"a\\#b"
    assert "pg_password" in {question.finding.subject for question in work.left}


def test_a_finding_carries_the_edit_that_settles_it() -> None:
    conf = kong_conf.parse("client_max_body_size = 8m\nupstream_keepalive = 3\n")
    edits = {f.subject: f.edit for f in kong_conf.diff(conf, edition="oss") if f.location}
    edit = edits["client_max_body_size"]
    assert edit is not None
    assert (edit.start, edit.end, edit.replacement) == (0, 20, "nginx_http_client_max_body_size")
    assert edits["upstream_keepalive"] is None  # key and value change


@pytest.mark.parametrize("edition", ["oss", "enterprise"])
def test_each_row_shows_what_a_rewrite_makes_of_its_example(edition: str) -> None:
    for row in catalog.kong_conf():
        fits = not row.editions or edition in row.editions
        if fits and row.before and row.after and not row.before.startswith("KONG_"):
            keep = row.rewriting is ConfRewriting.ESCAPE
            text = rewritten(f"{row.before}\n", edition, keep=keep)
            assert text.startswith(row.after), row.id
