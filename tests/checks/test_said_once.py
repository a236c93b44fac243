"""What one finding says for others of the same place is told once above what is worth knowing."""

from pathlib import Path

import pytest

from kong_lts.findings import Severity
from tests.test_pains import assessed

HEAD = "_format_version: '1.1'\nplugins:\n"


def warned(folder: Path, name: str, text: str) -> list[str]:
    findings = assessed({"deployment": "oss", "files": {name: text}}, folder)
    return [f.rule for f in findings if f.severity is not Severity.INFO]


@pytest.mark.parametrize(
    ("config", "rules"),
    [
        ("{}", ["plugin-prometheus-status-code-metrics"]),
        (
            "{status_code_metrics: true}",
            [
                "plugin-prometheus-bandwidth-metrics",
                "plugin-prometheus-latency-metrics",
                "plugin-prometheus-upstream-health-metrics",
            ],
        ),
        ("{status_code_metrics: true, latency_metrics: true, bandwidth_metrics: true}", None),
    ],
)
def test_metrics_of_prometheus(config: str, rules: list[str] | None, tmp_path: Path) -> None:
    text = f"{HEAD}- {{name: prometheus, config: {config}}}\n"

    found = warned(tmp_path, "kong.yml", text)

    assert sorted(found) == (rules or ["plugin-prometheus-upstream-health-metrics"])


def test_two_plugins_are_two_places(tmp_path: Path) -> None:
    """One that has the switch of status codes is told of the others' by itself."""
    first = "- {name: prometheus, config: {}}\n"
    second = "- {name: prometheus, service: a, config: {status_code_metrics: true}}\n"
    text = f"{HEAD}{first}{second}services: [{{name: a, url: 'http://a'}}]\n"

    found = warned(tmp_path, "kong.yml", text)

    assert found.count("plugin-prometheus-status-code-metrics") == 1
    assert found.count("plugin-prometheus-latency-metrics") == 1


def test_an_empty_default_of_the_running_gateway(tmp_path: Path) -> None:
    row = '{"name": "pre-function", "config": {"access": ["return"], "functions": []}}'

    assert warned(tmp_path, "admin/plugins.json", f'{{"data": [{row}]}}') == []
