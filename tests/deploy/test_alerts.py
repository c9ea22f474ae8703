"""Prometheus's rules: each of the table is there, fires on recorded series that call for it, and on no others."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.compose import DEPLOY
from tests.deploy.promql_syntax import Aggregation, Selector, parse, parts, selectors
from tests.deploy.recorded import CASES
from tests.deploy.rules import INTERVAL_SECONDS, RULES_FILE, STEP_SECONDS, Case, firing, recorded, rules

TABLE = {
    *("queue_length", "error_rate", "success_rate", "processing_time", "wait_time", "database_connections"),
    *("oldest_waiting", "lease_overdue", "circuit_open", "worker_silent", "books", "reconciliation", "redis_memory"),
    *("captured_without_outcome", "refund_overdue", "queue_stopped", "messages_untold"),
}
PROMTOOL = shutil.which("promtool")


def test_every_alert_of_the_table_has_a_rule() -> None:
    assert {rule["alert"] for rule in rules("alert")} == TABLE


def test_a_rule_says_how_bad_it_is_what_it_means_and_what_to_do() -> None:
    for rule in rules("alert"):
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook"] == f"deploy/runbooks/{rule['alert']}.md"


def test_no_alert_stands_twice_with_one_severity() -> None:
    pairs = [(rule["alert"], rule["labels"]["severity"]) for rule in rules("alert")]

    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded_series_fire_what_they_should_and_nothing_else(case: Case) -> None:
    assert firing(case) == set(case.fires)


def test_every_rule_is_fired_by_some_series() -> None:
    fired = {tuple(alert.split()[:2]) for case in CASES for alert in case.fires}

    assert fired == {(rule["alert"], rule["labels"]["severity"]) for rule in rules("alert")}


def test_a_figure_that_every_process_tells_is_not_added_up() -> None:
    """Two web processes tell the same queue: under `sum` it would be twice as long."""
    summed = [
        rule["expr"]
        for rule in rules("record") + rules("alert")
        for part in parts(parse(rule["expr"]))
        if isinstance(part, Aggregation)
        and part.name in {"sum", "avg", "count"}
        and isinstance(part.argument, Selector)
    ]

    assert summed == []


def test_what_a_rule_uses_is_recorded_before_it() -> None:
    known: set[str] = set()
    for rule in rules("record") + rules("alert"):
        used = {selector.name for selector in selectors(parse(rule["expr"])) if ":" in selector.name}
        assert used <= known, rule
        known.add(rule.get("record", ""))


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not on the PATH")
def test_promtool_takes_the_rules_and_the_configuration() -> None:
    subprocess.run([str(PROMTOOL), "check", "rules", RULES_FILE], check=True)
    subprocess.run([str(PROMTOOL), "check", "config", "--syntax-only", DEPLOY / "prometheus.yml"], check=True)


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not on the PATH")
def test_prometheus_evaluates_the_series_as_we_do(tmp_path: Path) -> None:
    file = tmp_path / "cases.yml"
    file.write_text(yaml.safe_dump(_for_promtool()))
    done = subprocess.run([str(PROMTOOL), "test", "rules", file], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def _for_promtool() -> dict[str, object]:
    tests = []
    for case in CASES:
        series = [{"series": name, "values": values} for name, values in recorded(case).items()]
        samples = [{"labels": _alerts_labels(alert), "value": 1} for alert in case.fires]
        wish = {"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{case.minutes}m", "exp_samples": samples}
        interval = f"{INTERVAL_SECONDS}s"
        tests.append({"name": case.name, "interval": interval, "input_series": series, "promql_expr_test": [wish]})
    return {"rule_files": [str(RULES_FILE)], "evaluation_interval": f"{STEP_SECONDS}s", "tests": tests}


def _alerts_labels(alert: str) -> str:
    name, severity, *rest = alert.split()
    pairs = [("alertname", name), ("alertstate", "firing"), ("severity", severity)]
    pairs += [(one, other) for one, _, other in (word.partition("=") for word in rest)]
    return "ALERTS{{{}}}".format(",".join(f'{one}="{other}"' for one, other in pairs))
