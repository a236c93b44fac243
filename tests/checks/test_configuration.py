"""What each node's kong.conf means to 3.4, and whether the nodes go together."""

import kong_lts
from kong_lts.testing.scenarios import ALL

HYBRID = ALL["hybrid-dual-cluster"]


def found(confs: dict[str, str]) -> tuple[kong_lts.Finding, ...]:
    evidence = kong_lts.Evidence(
        kong_conf={node: kong_lts.kong_conf.parse(text) for node, text in confs.items()}
    )
    return kong_lts.assess(HYBRID, evidence).findings


def test_a_finding_names_the_file_of_its_node() -> None:
    findings = found({"x-dp-1": "role = data_plane\nclient_max_body_size = 8m\n"})

    (finding,) = [f for f in findings if f.subject == "client_max_body_size"]
    assert str(finding.location) == "kong.conf.d/x-dp-1.conf:2"


def test_nodes_that_agree_have_no_finding_about_it() -> None:
    text = "router_flavor = traditional\n"

    findings = found({"x-cp-1": text, "x-dp-1": text})

    assert not [f for f in findings if f.rule.startswith("conf-nodes-differ")]


def test_nodes_that_differ_have_one() -> None:
    findings = found({"x-cp-1": "router_flavor = traditional\n", "x-dp-1": ""})

    assert [f.subject for f in findings if f.rule.startswith("conf-nodes-differ")] == [
        "router_flavor"
    ]


def test_a_file_that_2_8_does_not_load_is_a_blocker() -> None:
    findings = found({"x-cp-1": "log_level = loud\n"})

    blockers = [f for f in findings if f.severity is kong_lts.Severity.BLOCKER]
    assert [f.subject for f in blockers] == ["log_level"]
