"""Comments that accept a finding, and a baseline of what was there."""

import kong_lts
from kong_lts.baseline import Baseline
from kong_lts.testing.scenarios import ALL

DEPLOYMENT = ALL["traditional-dual-cluster"]
KEY = "client_max_body_size = 8m"
RULE = "conf-client-max-body-size"


def assessed(text: str, baseline: Baseline | None = None) -> kong_lts.Assessment:
    conf = kong_lts.kong_conf.parse(text)
    evidence = kong_lts.Evidence(kong_conf=conf)
    return kong_lts.assess(DEPLOYMENT, evidence, baseline=baseline)


def rules(assessment: kong_lts.Assessment) -> set[str]:
    return {finding.rule for finding in assessment.findings}


def test_a_comment_at_the_end_of_the_line_accepts_its_finding() -> None:
    found = assessed(f"{KEY}  # kong-lts: ignore[{RULE}] the proxy in front has a limit\n")

    assert RULE not in rules(found)
    assert [(f.rule, f.accepted) for f in found.ignored] == [
        (RULE, "the proxy in front has a limit")
    ]


def test_a_comment_above_holds_for_the_next_line_only() -> None:
    text = f"# kong-lts: ignore[{RULE}] known\n# more\n{KEY}\nclient_body_buffer_size = 8k\n"

    found = assessed(text)

    assert RULE not in rules(found)
    assert "conf-client-body-buffer-size" in rules(found)


def test_a_comment_further_up_does_not_reach() -> None:
    found = assessed(f"# kong-lts: ignore[{RULE}] known\nlog_level = debug\n{KEY}\n")

    assert {RULE, "suppression-unused"} <= rules(found)


def test_a_comment_without_a_reason_accepts_nothing() -> None:
    found = assessed(f"{KEY}  # kong-lts: ignore[{RULE}]\n")

    assert {RULE, "suppression-without-reason"} <= rules(found)


def test_a_comment_on_its_own_accepts_what_is_not_written() -> None:
    rule = "conf-worker-consistency-default"

    found = assessed(f"# kong-lts: ignore[{rule}] eventual is what we want\n")

    assert rule not in rules(found)
    assert rule in {finding.rule for finding in found.ignored}


def test_a_comment_on_a_rule_that_could_not_look_is_not_called_unused() -> None:
    found = assessed("# kong-lts: ignore[plugin-acl-whitelist] later\n")

    assert "suppression-unused" not in rules(found)


def test_comments_count_in_declarative_files_and_lua() -> None:
    state = (
        b'_format_version: "1.1"\nplugins:\n- name: acl\n  config:\n'
        b"    whitelist: [a]  # kong-lts: ignore[plugin-acl-whitelist] converted in the pipeline\n"
    )
    lua = kong_lts.TextFile(
        path="plugins/own/handler.lua",
        text='local s = require "kong.singletons" -- kong-lts: ignore[plugin-singletons] unused\n',
    )
    evidence = kong_lts.Evidence(declarative=state, custom_plugins=(lua,))

    found = kong_lts.assess(DEPLOYMENT, evidence)

    assert {f.rule for f in found.ignored} == {"plugin-acl-whitelist", "plugin-singletons"}


def test_what_the_baseline_knows_is_accepted_and_what_is_new_stands_out() -> None:
    before = assessed(f"{KEY}\n")
    baseline = Baseline.from_json(before.baseline.to_json())

    after = assessed(f"\n\n{KEY}\nclient_body_buffer_size = 8k\n", baseline)

    assert rules(after) == {"conf-client-body-buffer-size"}
    assert RULE in {finding.rule for finding in after.ignored}


def test_what_the_baseline_has_and_is_gone_is_told() -> None:
    before = assessed(f"{KEY}\n")

    after = assessed("", before.baseline)

    assert rules(after) == {"baseline-unused"}
