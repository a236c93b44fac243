"""Logs are read once, in chunks, and come to values of bounded size."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kong_lts
from kong_lts.evidence import read_access_log, read_admin_log, read_error_log
from kong_lts.evidence.logs import access_log_of, admin_log_of
from kong_lts.files import read_chunks

LINE = '10.1.4.20 - - [12/Feb/2024:06:00:01 +0000] "{} {} HTTP/1.1" {} 8211 "-" "{}"\n'


def access(*requests: tuple[str, int]) -> bytes:
    return "".join(LINE.format("GET", path, status, "curl") for path, status in requests).encode()


def test_requests_are_counted_by_path_without_its_query() -> None:
    log = access_log_of([access(("/a?x=1", 200), ("/a", 200), ("/b%20c", 404))])

    assert log.requests == 3
    assert log.paths == {"/a": 2, "/b%20c": 1}
    assert log.percent_encoded == 1


def test_a_token_in_the_query_is_counted_and_never_kept() -> None:
    log = access_log_of([access(("/a?jwt=eyJ.marked", 200), ("/a?tajwt=1", 200))])

    assert log.with_token_in_query == 1
    assert "marked" not in repr(log) + str(dict(log.paths))


def test_referrers_and_agents_are_no_requests() -> None:
    line = LINE.format("GET", "/a", 200, "GET /b").replace('"-"', '"https://x/GET /c"')

    assert access_log_of([line.encode()]).paths == {"/a": 1}


def test_very_many_paths_are_folded() -> None:
    chunks = (
        access(*((f"/users/{n}/orders/{n * 7}", 200) for n in range(start, start + 1_000)))
        for start in range(0, 5_000, 1_000)
    )

    log = access_log_of(chunks, most=3_000)

    assert log.requests == sum(log.paths.values()) == 5_000
    assert len(log.paths) <= 3_000
    assert log.paths["/users/*/orders/*"] >= 4_000


@given(
    words=st.lists(st.text("ab1/%", max_size=6), max_size=60),
    most=st.integers(4, 20),
)
def test_folding_loses_no_request_and_stays_within_bounds(words: list[str], most: int) -> None:
    requests = [f"/{word}" for word in words]
    chunks = [access((path, 200)) for path in requests]

    log = access_log_of(chunks, most=most)

    assert log.requests == sum(log.paths.values()) == len(requests)
    assert len(log.paths) <= most
    assert log.percent_encoded == sum("%" in path for path in requests)


def test_calls_of_the_admin_api_keep_method_status_and_agent() -> None:
    lines = [
        LINE.format("POST", "/upstreams/a/targets", 200, "ansible"),
        LINE.format("GET", "/services?size=1", 200, "konga"),
        LINE.format("GET", "/services", 200, "konga"),
    ]

    log = admin_log_of(["".join(lines).encode()])

    assert [(c.method, c.path, c.status, c.agent, c.count, c.line) for c in log.calls] == [
        ("POST", "/upstreams/a/targets", 200, "ansible", 1, 1),
        ("GET", "/services", 200, "konga", 2, 2),
    ]


def test_a_message_of_the_error_log_has_its_line_and_count_and_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    path.write_text(
        "ok\n" + "x could not add route: y, Authorization: s3cr3t-marker\n" * 3, encoding="utf-8"
    )

    (line,) = read_error_log(path).lines

    assert (line.rule, line.line, line.count) == ("log-route-not-built", 2, 3)
    assert "s3cr3t-marker" not in line.text


@given(
    lines=st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b" ")), max_size=30),
    size=st.integers(1, 50),
)
def test_chunks_are_the_file_and_end_with_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int
) -> None:
    path = tmp_path_factory.mktemp("logs") / "a.log"
    path.write_bytes(b"\n".join(lines))

    chunks = list(read_chunks(path, chunk_bytes=size))

    assert b"".join(chunks) == path.read_bytes()


def test_progress_is_told(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/access.log").write_bytes(access(("/a", 200)))
    told: list[tuple[str, int]] = []

    kong_lts.read_evidence(tmp_path, progress=lambda name, done: told.append((name, done)))

    assert told == [("access.log", len(access(("/a", 200))))]


def test_no_log_is_no_log(tmp_path: Path) -> None:
    evidence = kong_lts.read_evidence(tmp_path)

    assert evidence.access_log is None
    assert evidence.error_log is None
    assert evidence.admin_access_log is None


@pytest.mark.parametrize("read", [read_access_log, read_admin_log, read_error_log])
def test_a_log_that_is_no_file_is_an_error(read: object, tmp_path: Path) -> None:
    assert callable(read)
    with pytest.raises(kong_lts.errors.UnreadableFileError):
        read(tmp_path)


def test_findings_are_ranked_by_the_requests_that_they_concern() -> None:
    state = b"""\
_format_version: "2.1"
services:
- name: a
  url: http://a
  routes:
  - {name: rare, paths: ['/rare/(?!x)']}
  - {name: busy, paths: ['/busy/(?!x)']}
"""
    log = access_log_of([access(*[("/busy/1", 200)] * 5, ("/rare/1", 200))])
    evidence = kong_lts.Evidence(declarative=state, access_log=log)
    deployment = kong_lts.parse_deployment(
        "mode: db-less\ncurrent: {version: 2.8.5}\nnew: {version: 3.4.2}\n"
    )

    found = kong_lts.assess(deployment, evidence).blockers

    assert [(f.subject, f.traffic) for f in found] == [("route busy", 5), ("route rare", 1)]
    assert {f.category for f in found} == {3}
