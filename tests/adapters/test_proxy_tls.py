"""Probes over TLS: the name asked for, whose certificate is taken, and what a client shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_lts.adapters import HttpProxy
from kong_lts.errors import ProxyError
from kong_lts.protocols import Credential, Probe
from kong_lts.smoke_test import probes_of_configuration
from kong_lts.smoke_test.asking import ask
from kong_lts.testing.kong_gateway import Gateway, Route
from kong_lts.testing.kong_listeners import Certificate, serving
from tests.certificates import Authority


def route(number: int, name: str, *, tls: bool = True, **fields: tuple[str, ...]) -> Route:
    """A route of service `s`."""
    return Route(
        id=f"{number:08}-0000-4000-8000-000000000000",
        name=name,
        service="s",
        service_id=None,
        protocols=("https",) if tls else ("http", "https"),
        **{"paths": ("/",), **fields},  # type: ignore[arg-type] # those of the test are texts
    )


ROUTES = (
    route(1, "login", snis=("login.test",)),
    route(2, "shop", snis=("shop.test",)),
    route(3, "secure", hosts=("any.test",), paths=("/secure",)),
    route(4, "open", tls=False, paths=("/open",)),
)
CONFIG = {
    "services": [
        {
            "name": "s",
            "url": "http://s",
            "routes": [
                {"name": "login", "snis": ["login.test"], "protocols": ["https"], "paths": ["/"]},
                {"name": "shop", "snis": ["shop.test"], "protocols": ["https"], "paths": ["/"]},
                {
                    "name": "secure",
                    "hosts": ["any.test"],
                    "protocols": ["https"],
                    "paths": ["/secure"],
                },
                {"name": "open", "paths": ["/open"], "protocols": ["http", "https"]},
            ],
        }
    ]
}


def gateway(release: str = "3.4.2") -> Gateway:
    return Gateway(release=release, routes=ROUTES, allow_debug_header=True)


def shown(path: str, client_ca: str | None = None) -> Certificate:
    return Certificate(certificate=path, key=path, client_ca=client_ca)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def url(authority: Authority) -> Iterator[str]:
    with serving(gateway(), shown(authority.certificate("login.test", "shop.test"))) as url:
        yield url


def over_tls(name: str | None, **changes: object) -> Probe:
    return Probe(name="p", scheme="https", server_name=name, headers={"Kong-Debug": "1"}, **changes)  # type: ignore[arg-type] # fields of the test


@pytest.mark.parametrize("name", ["login.test", "shop.test"])
def test_the_name_that_is_asked_for_differs_from_the_address(
    url: str, authority: Authority, name: str
) -> None:
    answer = HttpProxy(url, ca_file=authority.file).send(over_tls(name))

    assert answer.headers["kong-route-name"] == name.partition(".")[0]


def test_a_certificate_of_another_name_is_refused(url: str, authority: Authority) -> None:
    with pytest.raises(ProxyError, match="Hostname mismatch"):
        HttpProxy(url, ca_file=authority.file).send(over_tls("other.test"))


def test_a_certificate_that_nobody_trusts_is_refused(url: str) -> None:
    with pytest.raises(ProxyError, match="certificate verify failed"):
        HttpProxy(url).send(over_tls("login.test"))


def test_whatever_certificate_is_shown_may_do(url: str) -> None:
    answer = HttpProxy(url).send(over_tls("login.test", verifies_certificate=False))

    assert answer.status == 200


def test_a_credential_is_shown_to_nobody_unknown() -> None:
    key = Credential(kind="key-auth", secret="env:KEY")

    with pytest.raises(ValueError, match="would show a credential to whoever answers"):
        Probe(name="p", scheme="https", credential=key, verifies_certificate=False)
    with pytest.raises(ValueError, match="would show a credential to whoever answers"):
        Probe(name="p", scheme="https", headers={"X-A": "env:A"}, verifies_certificate=False)


def test_a_name_is_asked_for_by_tls_alone() -> None:
    with pytest.raises(ValueError, match="which only https asks for"):
        Probe(name="p", server_name="login.test")


def test_a_client_shows_its_certificate_where_it_is_asked_to(authority: Authority) -> None:
    client = authority.certificate("a client")
    known = Credential(kind="mtls-auth", secret=f"file:{client}")
    server = shown(authority.certificate("login.test"), authority.file)
    with serving(gateway(), server) as url:
        proxy = HttpProxy(url, ca_file=authority.file)

        assert proxy.send(over_tls("login.test", credential=known)).status == 200
        with pytest.raises(ProxyError):
            proxy.send(over_tls("login.test"))


@pytest.mark.parametrize("content", [None, "no PEM"])
def test_a_certificate_that_cannot_be_shown_is_an_error(
    url: str, authority: Authority, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "client.pem"
    if content is not None:
        path.write_text(content)
    credential = Credential(kind="mtls-auth", secret=f"file:{path}")

    with pytest.raises(ProxyError):
        HttpProxy(url, ca_file=authority.file).send(over_tls("login.test", credential=credential))


def test_a_client_certificate_is_always_in_a_file() -> None:
    with pytest.raises(ValueError, match="mtls-auth needs file:PATH"):
        Credential(kind="mtls-auth", secret="env:PEM")


def test_a_probe_goes_to_the_listener_that_speaks_what_it_wants(
    url: str, authority: Authority
) -> None:
    with serving(gateway()) as plain:
        proxy = HttpProxy(plain, tls_url=url, ca_file=authority.file)
        found = {
            scheme: proxy.send(Probe(name="p", path="/", host="shop.test", scheme=scheme)).status
            for scheme in (None, "http")
        }
        found["https"] = proxy.send(over_tls("shop.test")).status

    assert found == {None: 426, "http": 426, "https": 200}
    assert proxy.schemes == ("http", "https")


@pytest.mark.parametrize(
    ("has", "wants", "hint"), [("http", "https", "tls_url"), ("https", "http", "its url")]
)
def test_a_listener_that_was_not_given_is_an_error(has: str, wants: str, hint: str) -> None:
    with pytest.raises(ProxyError, match=f"there is no listener for {wants}: .*{hint}"):
        HttpProxy(f"{has}://127.0.0.1:1").send(Probe(name="p", scheme=wants))


@pytest.mark.parametrize("release", ["2.8.5", "3.4.2"])
def test_every_route_is_reached_by_its_probe_those_of_tls_too(
    release: str, authority: Authority
) -> None:
    document = {**CONFIG, "_format_version": "3.0" if release.startswith("3") else "2.1"}
    made = probes_of_configuration(document, release=release[:3])
    one = gateway(release)

    with serving(one) as plain, serving(one, shown(authority.certificate("x.test"))) as tls:
        proxy = HttpProxy(plain, tls_url=tls)
        results = [ask(proxy, probe) for probe in made.probes]

    assert made.left_out == ()
    assert [p.scheme for p in made.probes[:3]] == ["https"] * 3
    assert [result.found for result in results] == ["login", "shop", "secure", "open"]
