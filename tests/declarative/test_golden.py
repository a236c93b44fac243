"""One file with everything in it; what becomes of it was read line by line."""

from pathlib import Path
from typing import Any

import pytest

from kong_lts.declarative import Conversion, convert

GOLDEN = Path(__file__).parents[1] / "golden" / "declarative"
SOURCE = (GOLDEN / "gateway.yml").read_bytes()
KNOWN: dict[str, Any] = {"mode": "traditional", "edition": "oss", "keep_behaviour": True}
VARIANTS: dict[str, dict[str, Any]] = {
    "converted": {},
    "kept": KNOWN,
    "after": {**KNOWN, "after_upgrade": True},
}


def listed(conversion: Conversion) -> str:
    """Each finding on a line, and whether it was dealt with."""
    done = conversion.applied
    return "".join(
        f"{'done' if finding in done else 'left'} {finding.severity} {finding.rule} "
        f"{finding.location}: {finding.subject}: {finding.message}\n"
        for finding in conversion.findings
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_file_becomes_what_was_reviewed(variant: str) -> None:
    conversion = convert(SOURCE, **VARIANTS[variant])

    assert conversion.data == (GOLDEN / f"gateway.{variant}.yml").read_bytes()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_findings_are_what_was_reviewed(variant: str) -> None:
    conversion = convert(SOURCE, **VARIANTS[variant])

    assert listed(conversion) == (GOLDEN / f"gateway.{variant}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_second_run_returns_the_very_same_object(variant: str) -> None:
    once = convert(SOURCE, **VARIANTS[variant]).data

    assert convert(once, **VARIANTS[variant]).data is once


def test_the_second_pass_may_come_later() -> None:
    """Converting before the upgrade and again after it is converting after it."""
    first = convert(SOURCE, **KNOWN).data

    second = convert(first, **VARIANTS["after"]).data

    assert second == (GOLDEN / "gateway.after.yml").read_bytes()


def test_no_secret_reaches_a_finding_or_a_repr() -> None:
    secret = "s3cr3t-value"
    text = f"""_format_version: "2.1"
plugins:
- name: openid-connect
  config: {{session_redis_auth: {secret}, session_redis_password: other-{secret}}}
- name: http-log
  config: {{headers: {{Authorization: [{secret}]}}}}
- name: session
  config: {{secret: {secret}, cookie_samesite: x}}
consumers:
- username: a
  keyauth_credentials: [{{key: {secret}}}, {{key: {secret}}}]
""".encode()

    conversion = convert(text)

    assert {"declarative-conflict", "declarative-uniqueness-enforced"} <= {
        finding.rule for finding in conversion.findings
    }
    assert secret not in repr(conversion)
    assert secret not in repr(conversion.findings)
