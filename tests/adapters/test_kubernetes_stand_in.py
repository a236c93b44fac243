"""The stand-in for the API server of Kubernetes answers on lists and refusals as the real one."""

from collections.abc import Mapping

import httpx

from kong_lts.testing.kubernetes_api import KubernetesApi
from tests.integration import kubernetes_lists as lists


def test_the_stand_in_answers_as_the_real_one_did() -> None:
    rights = {"other": {f"shop/{plural}" for plural in lists.MAY_LIST}}
    with (
        KubernetesApi(token="admin", rights=rights) as api,
        httpx.Client(trust_env=False) as client,
    ):
        api.create(
            "/api/v1/namespaces/shop",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        )

        def send(method: str, path: str, headers: Mapping[str, str], body: object) -> lists.Heard:
            answer = client.request(method, api.url + path, headers=dict(headers), json=body)
            return lists.Heard(answer.status_code, answer.headers["content-type"], answer.text)

        def time_goes_by() -> None:
            api.create(f"{lists.MAPS}/c5", lists.config_map("c5"))
            api.forget()

        found = lists.held(send, {lists.ADMIN: "admin", lists.OTHER: "other"}, time_goes_by)

    assert found == lists.recorded()
