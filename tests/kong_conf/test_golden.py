"""Files with their findings and what becomes of them, each read line by line."""

from pathlib import Path

import attrs
import pytest

from kong_lts import kong_conf
from kong_lts.kong_conf import KongConf, Rewrite

GOLDEN = Path(__file__).parents[1] / "golden" / "kong_conf"
EDITIONS = {
    "aliases": "oss",
    "cassandra": "oss",
    "control-plane": "enterprise",
    "data-plane": "enterprise",
    "db-less": "oss",
    "environment": "oss",
    "grammar": "oss",
    "template": "oss",
}
"""Of each file of the folder."""


@attrs.frozen
class Golden:
    """One source, and the files that say what is to come out."""

    name: str

    @property
    def conf(self) -> KongConf:
        text = (GOLDEN / f"{self.name}.conf").read_bytes()
        return kong_conf.parse(text, environ=self._environ(f"{self.name}.environ"))

    @property
    def rewritten(self) -> KongConf:
        text = (GOLDEN / f"{self.name}.rewritten.conf").read_bytes()
        return kong_conf.parse(text, environ=self._environ(f"{self.name}.rewritten.environ"))

    @property
    def findings(self) -> str:
        return (GOLDEN / f"{self.name}.txt").read_text(encoding="utf-8")

    def rewrite(self) -> Rewrite:
        return kong_conf.rewrite(self.conf, edition=EDITIONS[self.name])

    def _environ(self, name: str) -> dict[str, str]:
        path = GOLDEN / name
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return dict(line.split("=", 1) for line in lines)


def listed(golden: Golden) -> str:
    """Each finding on a line, marked when a rewrite acts on it; then the questions left."""
    work = golden.rewrite()
    done = {(f.rule, f.subject) for f in work.applied}
    findings = kong_conf.diff(golden.conf, edition=EDITIONS[golden.name])
    lines = [f"{'*' if (f.rule, f.subject) in done else ' '} {f.evidence} {f}\n" for f in findings]
    return "".join([*lines, *(f"? {question}\n" for question in work.left)])


@pytest.fixture(params=EDITIONS)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(str(request.param))


def test_the_findings_are_what_was_reviewed(golden: Golden) -> None:
    assert listed(golden) == golden.findings


def test_the_file_and_the_environment_become_what_was_reviewed(golden: Golden) -> None:
    after = golden.rewrite().after
    assert after.text == golden.rewritten.text
    assert dict(after.environ) == dict(golden.rewritten.environ)


def test_a_second_rewrite_changes_nothing(golden: Golden) -> None:
    again = kong_conf.rewrite(golden.rewritten, edition=EDITIONS[golden.name])
    assert again.text == golden.rewritten.text
    assert again.environ == golden.rewritten.environ


def test_every_file_of_the_folder_is_looked_at() -> None:
    assert {path.name.partition(".")[0] for path in GOLDEN.iterdir()} == set(EDITIONS)
