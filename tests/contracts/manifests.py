"""What every Manifests adapter promises."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest

from kong_lts.errors import ManifestsError
from kong_lts.protocols import Manifests

Object = Mapping[str, Any]
Make = Callable[[Collection[Object], Collection[str]], Manifests]
"""A cluster that holds some objects, and the kinds that may not be read."""


def an_object(kind: str, name: str, namespace: str = "kong", **rest: object) -> dict[str, Any]:
    versions = {"Deployment": "apps/v1", "ConfigMap": "v1", "Service": "v1", "Secret": "v1"}
    version = versions.get(kind, "configuration.konghq.com/v1")
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def names(objects: Collection[Object]) -> list[tuple[str, str]]:
    return sorted((one["metadata"]["namespace"], one["metadata"]["name"]) for one in objects)


def deployed(image: str, *, replicas: int = 1) -> dict[str, Any]:
    """The `spec` of a workload, as a real API server takes it."""
    labels = {"app": "kong"}
    pod = {"containers": [{"name": "proxy", "image": image}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}


THERE = (
    an_object("KongPlugin", "limits", plugin="rate-limiting"),
    an_object("KongPlugin", "limits", namespace="shop", plugin="acl"),
    an_object("Deployment", "proxy", spec=deployed("kong:2.8", replicas=2)),
    an_object("ConfigMap", "plugins", data={"handler.lua": "return {}\n"}),
    an_object("Secret", "pg", stringData={"password": "S3CR3T"}),
)


class ManifestsContract:
    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError

    def test_all_objects_of_a_kind_are_given(self, make: Make) -> None:
        found = make(THERE, ()).objects("KongPlugin")

        assert names(found.objects) == [("kong", "limits"), ("shop", "limits")]
        assert found.unread == ()

    def test_an_object_says_its_kind_and_version(self, make: Make) -> None:
        (found,) = make(THERE, ()).objects("Deployment").objects

        assert (found["apiVersion"], found["kind"]) == ("apps/v1", "Deployment")
        spec = found["spec"]
        assert isinstance(spec, Mapping)
        assert spec["replicas"] == 2

    def test_a_kind_that_is_not_there_has_no_objects(self, make: Make) -> None:
        assert make((), ()).objects("KongIngress").objects == ()

    def test_a_kind_that_may_not_be_read_is_named(self, make: Make) -> None:
        manifests = make(THERE, ("Deployment",))

        with pytest.raises(ManifestsError, match="Deployment"):
            manifests.objects("Deployment")
        assert len(manifests.objects("KongPlugin").objects) == 2

    def test_one_object_is_found_by_its_name(self, make: Make) -> None:
        manifests = make(THERE, ())

        found = manifests.named("ConfigMap", "kong", "plugins")

        assert found is not None
        assert (found["kind"], found["data"]) == ("ConfigMap", {"handler.lua": "return {}\n"})
        assert manifests.named("ConfigMap", "shop", "plugins") is None
        assert manifests.named("ConfigMap", "kong", "other") is None

    def test_one_object_that_may_not_be_read_is_named(self, make: Make) -> None:
        manifests = make(THERE, ("ConfigMap",))

        with pytest.raises(ManifestsError, match="ConfigMap kong/plugins"):
            manifests.named("ConfigMap", "kong", "plugins")

    def test_a_secret_is_not_asked_for(self, make: Make) -> None:
        manifests = make(THERE, ())

        with pytest.raises(ManifestsError, match="not read"):
            manifests.objects("Secret")
        with pytest.raises(ManifestsError, match="not read"):
            manifests.named("Secret", "kong", "pg")
