"""The assessment: everything that is known, in order, and what could not be looked at."""

import attrs

import kong_lts
from kong_lts.assessment import Assessment
from kong_lts.database import DatabaseFacts, Lock, SchemaMeta
from kong_lts.testing.scenarios import ALL

DEPLOYMENT = ALL["traditional-dual-cluster"]
BROKEN = b"_format_version: '1.1'\nservices: [\n"


def test_what_is_missing_is_said() -> None:
    assessment = kong_lts.assess(DEPLOYMENT, kong_lts.Evidence())

    missing = {entry.missing for entry in assessment.not_checked}

    assert missing >= {
        "a kong.conf or an environment",
        "a declarative file (kong.yml or decK state)",
        "a look at the database",
        "a declarative file (kong.yml or decK state), or the routes of the database",
        "the sources of custom plugins",
        "nginx templates",
        "an error log",
    }


def test_findings_come_worst_first() -> None:
    conf = kong_lts.kong_conf.parse("database = cassandra\nworker_consistency = strict\n")
    findings = kong_lts.assess(DEPLOYMENT, kong_lts.Evidence(kong_conf=conf)).findings

    ranks = [finding.severity.rank for finding in findings]

    assert ranks[0] == 2
    assert ranks == sorted(ranks, reverse=True)


def test_what_is_ignored_no_longer_blocks_but_stays_listed() -> None:
    conf = kong_lts.kong_conf.parse("database = cassandra\n")
    evidence = kong_lts.Evidence(kong_conf=conf)
    before = kong_lts.assess(DEPLOYMENT, evidence)

    after = kong_lts.assess(DEPLOYMENT, evidence, ignore={f.rule for f in before.blockers})

    assert not before.ok
    assert after.ok
    assert after.ignored == before.blockers


def test_a_declarative_file_that_cannot_be_read_is_a_blocker_with_its_place() -> None:
    files = (kong_lts.StateFile(path="state/one.yaml", data=BROKEN),)

    assessment = kong_lts.assess(DEPLOYMENT, kong_lts.Evidence(declarative=files))

    (finding,) = assessment.blockers
    assert finding.rule == "declarative-not-loaded"
    assert str(finding.location).startswith("state/one.yaml:")


def test_findings_of_each_file_name_it() -> None:
    files = tuple(
        kong_lts.StateFile(path=f"state/{n}.yaml", data=b'_format_version: "1.1"\n') for n in "ab"
    )

    findings = kong_lts.assess(DEPLOYMENT, kong_lts.Evidence(declarative=files)).findings

    assert {f.location.path for f in findings if f.location} == {"state/a.yaml", "state/b.yaml"}


def test_an_assessment_survives_json() -> None:
    conf = kong_lts.kong_conf.parse("client_max_body_size = 8m\n")
    state = b'_format_version: "1.1"\nroutes: [{name: a, paths: ["/a%20b", "/b/[0-9]+"]}]\n'
    assessment = kong_lts.assess(DEPLOYMENT, kong_lts.Evidence(kong_conf=conf, declarative=state))

    assert any(f.edit for f in assessment.findings)
    assert Assessment.from_json(assessment.to_json()) == assessment


def test_evidence_shows_no_content() -> None:
    evidence = kong_lts.Evidence(
        kong_conf=kong_lts.kong_conf.parse("pg_password = s3cr3t-marker\n"),
        declarative=b"consumers: [{username: s3cr3t-marker}]\n",
    )

    assert "s3cr3t-marker" not in repr(evidence) + repr(attrs.evolve(evidence))


def test_a_rule_that_crashes_is_said_and_hides_no_other() -> None:
    facts = DatabaseFacts(
        name="kong",
        server_version=13.11,  # type: ignore[arg-type] # no text, with which nobody reckoned
        schema_meta=(SchemaMeta(subsystem="core", executed=("000_base", "003_100_to_110")),),
        locks=(Lock(key="migrations", owner="s3cr3t-marker", held=True),),
    )

    assessment = kong_lts.assess(DEPLOYMENT, kong_lts.Evidence(database=facts))

    assert {"database-locked", "database-older-than-2.8"} <= {f.rule for f in assessment.findings}
    crashed = {e.rule for e in assessment.not_checked if e.missing.startswith("it failed with")}
    assert "postgres-server-unsupported" in crashed
    assert all("13.11" not in entry.missing for entry in assessment.not_checked)
