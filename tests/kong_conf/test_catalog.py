"""The tables of keys: nothing that changed between the releases is without a rule."""

import json
from pathlib import Path

import pytest

from kong_lts import catalog, kong_conf
from kong_lts.catalog.rows import ConfTrigger
from kong_lts.versions import Edition, Release

OLD, NEW = (catalog.conf_keys(release).keys for release in Release)


def keys_of(trigger: ConfTrigger, edition: Edition) -> tuple[str, ...]:
    rows = (row for row in catalog.kong_conf() if row.trigger is trigger)
    return tuple(
        key for row in rows if not row.editions or edition in row.editions for key in row.keys
    )


@pytest.mark.parametrize("edition", list(Edition))
def test_each_key_that_only_2_8_knows_has_a_rule(edition: Edition) -> None:
    named = keys_of(ConfTrigger.SET, edition)
    gone = {
        key
        for key, row in OLD.items()
        if edition in row.defaults and (key not in NEW or edition not in NEW[key].defaults)
    }
    beginnings = tuple(key[:-1] for key in named if key.endswith("*"))
    assert {key for key in gone if key not in named and not key.startswith(beginnings)} == set()


@pytest.mark.parametrize("edition", list(Edition))
def test_each_default_that_changed_has_a_rule(edition: Edition) -> None:
    both = {
        key
        for key, row in OLD.items()
        if edition in row.defaults and key in NEW and edition in NEW[key].defaults
    }
    changed = {key for key in both if OLD[key].defaults[edition] != NEW[key].defaults[edition]}
    assert changed - set(keys_of(ConfTrigger.ABSENT, edition)) == set()


@pytest.mark.parametrize("release", list(Release))
def test_an_empty_file_has_the_defaults_that_the_gateway_showed(
    reference: Path, release: Release
) -> None:
    shown = json.loads((reference / f"cases/kong-conf/defaults-{release}.json").read_text())
    values = kong_conf.resolve(kong_conf.parse(""), release=release, edition="oss")
    derived = (
        "_enabled",
        "_directives",
        "listeners",
        "loaded_vaults",
        "lua_ssl_trusted_certificate",
    )
    of_the_host = ("_default", "_default_ecdsa")
    different = {
        key
        for key, value in shown.items()
        if not key.endswith((*derived, *of_the_host))
        and (list_of(values.get(key)) or None) != (value or None)
    }
    assert different == set()


def list_of(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
