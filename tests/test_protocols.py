"""The protocols are small, speak no package's language, and their values show no secret."""

import inspect
from typing import Protocol, get_type_hints

import attrs
import pytest

from kong_lts import protocols
from kong_lts.deployment import Side
from kong_lts.protocols import Adapters, Answer, ClusterAdapters, Probe
from kong_lts.testing.fakes import fake_adapters
from tests.worlds import a_world

PROTOCOLS = [
    kind
    for name in protocols.__all__
    if isinstance(kind := getattr(protocols, name), type) and Protocol in kind.__mro__
]
NO_VALUES = {"CredentialKind", "JwtAlgorithm", "NO_ROUTE", "Order", "is_credential"}
VALUES = [
    getattr(protocols, name)
    for name in protocols.__all__
    if name not in {kind.__name__ for kind in PROTOCOLS} | NO_VALUES
]
EACH = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda kind: kind.__name__)
MARK = "S3CR3T-marked"


def methods(protocol: type) -> dict[str, object]:
    return {
        name: method
        for name, method in vars(protocol).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }


def test_every_adapter_has_a_protocol() -> None:
    assert {kind.__name__ for kind in PROTOCOLS} >= {
        *("AdminApi", "Approver", "Archive", "Clock", "Database", "Deck", "Journal"),
        *("LoadBalancer", "Metrics", "Observer", "ProcessRunner", "Proxy", "WriteGuard"),
    }


@EACH
def test_a_protocol_has_at_most_six_methods(protocol: type) -> None:
    assert 1 <= len(methods(protocol)) <= 6


@EACH
def test_every_method_says_what_it_promises(protocol: type) -> None:
    assert inspect.getdoc(protocol)
    assert all(inspect.getdoc(method) for method in methods(protocol).values())


@EACH
def test_no_signature_has_a_type_of_somebody_elses_package(protocol: type) -> None:
    for method in methods(protocol).values():
        for kind in get_type_hints(method).values():
            module = getattr(kind, "__module__", "builtins")
            own = module.startswith(("kong_lts.", "collections", "typing"))
            assert own or module in ("builtins", "datetime", "types")


@pytest.mark.parametrize("value", VALUES, ids=lambda kind: kind.__name__)
def test_what_goes_in_and_out_is_a_frozen_value(value: type) -> None:
    assert attrs.has(value)
    assert all(field.kw_only for field in attrs.fields(value))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.__setattr__(object.__new__(value), "name", "x")


def test_a_side_has_its_own_adapters() -> None:
    adapters = fake_adapters(a_world())

    assert adapters.of(Side.CURRENT) is adapters.current
    assert adapters.of(Side.NEW) is adapters.new


def test_nothing_but_time_a_person_and_an_observer_must_be_given() -> None:
    required = [f.name for f in attrs.fields(Adapters) if f.default is attrs.NOTHING]

    assert required == ["clock", "approver", "observer"]
    assert all(f.default is not attrs.NOTHING for f in attrs.fields(ClusterAdapters))


def test_an_answer_shows_neither_body_nor_headers() -> None:
    answer = Answer(status=200, body=MARK, headers={"Set-Cookie": MARK})

    assert MARK not in repr(answer)


def test_a_probe_shows_the_reference_and_not_what_it_refers_to() -> None:
    probe = Probe(name="root", headers={"Authorization": "env:PROBE_TOKEN"})

    assert "env:PROBE_TOKEN" in repr(probe)
