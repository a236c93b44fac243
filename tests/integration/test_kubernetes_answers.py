"""What a real kube-apiserver says of lists and refusals, as it is recorded."""

from collections.abc import Mapping

from tests.integration import kubernetes_lists as lists
from tests.integration.kubernetes_servers import KubernetesServer

_READS = {
    "metadata": {"name": "little"},
    "rules": [
        {"apiGroups": ["", lists.KONG], "resources": [*lists.MAY_LIST], "verbs": ["get", "list"]}
    ],
}


def test_the_real_one_still_answers_as_it_did(kubernetes: KubernetesServer) -> None:
    kubernetes.define("KongPlugin")
    for name in ("shop", "kong"):
        kubernetes.namespace(name)
    token = kubernetes.account("kong-lts", "kong")
    kubernetes.bind(_READS, "kong", "kong-lts", within="shop")
    kubernetes.wait_for(lists.PLUGINS, token)

    def send(method: str, path: str, headers: Mapping[str, str], body: object) -> lists.Heard:
        answer = kubernetes.send(method, path, headers, body)
        return lists.Heard(answer.status_code, answer.headers["content-type"], answer.text)

    def time_goes_by() -> None:
        kubernetes.made(lists.MAPS, lists.config_map("c5"))
        kubernetes.forget()

    tokens = {lists.ADMIN: kubernetes.token, lists.OTHER: token}
    assert lists.held(send, tokens, time_goes_by) == lists.recorded()
