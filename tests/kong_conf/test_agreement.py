"""agreement(): what must be the same on several nodes."""

from kong_lts import kong_conf

CONTROL_PLANE = "role = control_plane\ncluster_cert = /c.crt\ncluster_cert_key = /c.key\n"
DATA_PLANE = "role = data_plane\ndatabase = off\ncluster_cert = /c.crt\ncluster_cert_key = /c.key\n"


def rules(**texts: str) -> dict[str, str]:
    confs = {name.replace("_", "-"): kong_conf.parse(text) for name, text in texts.items()}
    return {f.rule: f.message for f in kong_conf.agreement(confs, edition="oss")}


def test_nodes_that_agree_are_left_alone() -> None:
    assert rules(cp_1=CONTROL_PLANE, dp_1=DATA_PLANE, dp_2=DATA_PLANE) == {}


def test_the_router_has_to_be_the_same_everywhere() -> None:
    found = rules(gw_1="router_flavor = traditional\n", gw_2="")
    assert "gw-1: traditional, gw-2: traditional_compatible" in found["conf-nodes-differ"]


def test_the_payload_has_to_be_the_same_in_hybrid_mode_only() -> None:
    pin = "cluster_max_payload = 4194304\n"
    found = rules(cp_1=CONTROL_PLANE + pin, dp_1=DATA_PLANE)
    assert "cp-1: 4194304, dp-1: 16777216" in found["conf-nodes-differ-in-hybrid-mode"]
    assert rules(gw_1=pin, gw_2="") == {}


def test_a_data_plane_needs_the_plugins_of_its_control_plane() -> None:
    found = rules(cp_1=CONTROL_PLANE + "plugins = bundled, mine\n", dp_1=DATA_PLANE)
    assert "dp-1 does not: mine" in found["conf-nodes-differ-on-plugins"]
    assert rules(cp_1=CONTROL_PLANE, dp_1=DATA_PLANE + "plugins = bundled, mine\n") == {}


def test_shared_mode_has_one_certificate() -> None:
    other = DATA_PLANE.replace("/c.crt", "/d.crt")
    assert "conf-nodes-without-shared-certificate" in rules(cp_1=CONTROL_PLANE, dp_1=other)
    pki = "cluster_mtls = pki\ncluster_ca_cert = /ca.crt\n"
    assert rules(cp_1=CONTROL_PLANE + pki, dp_1=other + pki) == {}


def test_a_template_is_not_compared() -> None:
    assert rules(gw_1="router_flavor = {{ flavor }}\n", gw_2="") == {}
