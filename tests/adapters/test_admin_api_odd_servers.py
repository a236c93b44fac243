"""The Admin API's adapter in front of what no Admin API should do."""

from collections.abc import Callable
from itertools import count

import pytest

from kong_lts.adapters import HttpAdminApi
from kong_lts.adapters.admin_api import _rows
from kong_lts.errors import AdminApiError
from tests.adapters.servers import Received, Reply, Serve
from tests.adapters.test_http import as_json

VERSION = {"version": "2.8.5"}
Page = Callable[[], dict[str, object]]


def admin_of(serve: Serve, page: Page) -> HttpAdminApi:
    def answer(request: Received) -> Reply:
        return as_json(VERSION if request.target == "/" else page())

    return HttpAdminApi({"node": serve(answer).url})


def test_pages_that_lead_back_to_themselves_end(serve: Serve) -> None:
    admin = admin_of(serve, lambda: {"data": [{"id": "1"}], "offset": "again"})

    with pytest.raises(AdminApiError, match="after 2 entities its pages come to no end"):
        admin.entities("routes")


def test_pages_without_end_end(serve: Serve) -> None:
    numbers = count()
    admin = admin_of(serve, lambda: {"data": [{"id": "1"}] * 10, "offset": str(next(numbers))})
    client, _ = admin._admin("reading")

    with pytest.raises(AdminApiError, match="after 60 entities its pages come to no end"):
        _rows(client, "/routes", "reading", most=50)


def test_a_thousand_pages_are_read(serve: Serve) -> None:
    numbers = iter(range(1000))

    def page() -> dict[str, object]:
        number = next(numbers)
        following: dict[str, object] = {"offset": str(number)} if number < 999 else {}
        return {"data": [{"id": str(number)}], **following}

    assert len(admin_of(serve, page).entities("routes")) == 1000


def test_an_answer_that_is_too_long_is_said_to_be(serve: Serve) -> None:
    long = b'{"version": "' + b"x" * (65 << 20)
    admin = HttpAdminApi({"node": serve(lambda _: Reply(200, long)).url})

    with pytest.raises(AdminApiError, match="more than 64 MiB"):
        admin.root()


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
@pytest.mark.parametrize(("status", "why"), [(200, "no Kong listener"), (500, "status 500")])
def test_an_answer_that_is_nested_without_end_is_no_answer(
    serve: Serve, body: bytes, status: int, why: str
) -> None:
    admin = HttpAdminApi({"node": serve(lambda _: Reply(status, body)).url})

    with pytest.raises(AdminApiError, match=why):
        admin.root()


def test_who_gives_no_token_is_told_so(serve: Serve) -> None:
    said = {"message": "Invalid credentials. Token or User credentials required"}
    url = serve(lambda _: as_json(said, 401)).url

    with pytest.raises(AdminApiError, match="status 401; no token was given: Invalid credentials"):
        HttpAdminApi({"node": url}).root()
    with pytest.raises(AdminApiError, match=r"status 401; is the token right\?"):
        HttpAdminApi({"node": url}, token="env:T", environ={"T": "x"}).root()


def test_a_listener_that_leads_elsewhere_is_told(serve: Serve) -> None:
    url = serve(lambda _: Reply(302, b"", {"Location": "https://login.test"})).url

    with pytest.raises(AdminApiError, match="status 302; it leads elsewhere"):
        HttpAdminApi({"node": url}).root()


def test_of_nodes_without_an_admin_api_one_is_asked_once(serve: Serve) -> None:
    """A data plane has none, and may take its time to say so."""
    status = serve(lambda _: as_json({"message": "Not found"}, 404))
    admin = admin_of(serve, lambda: {"data": []})
    both = HttpAdminApi({"dp-1": status.url, **admin.urls})

    for name in ("routes", "services", "plugins"):
        assert both.entities(name) == ()
    assert len(status.received) == 1
