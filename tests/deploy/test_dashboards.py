"""Grafana's dashboards and what feeds them: every expression can be read, every figure is one that our code tells."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from payments import metrics
from tests.architecture.source import APPS, python_files
from tests.deploy.compose import DEPLOY, services
from tests.deploy.promql_syntax import parse, selectors
from tests.deploy.rules import rules

FOLDER = DEPLOY / "grafana"
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
# Told by Prometheus itself and by its client for Python.
FOREIGN = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
# What Grafana's own documentation calls these; a wrong one shows bare numbers.
UNITS = {"short", "none", "s", "cpm", "ops", "reqps", "bytes", "percentunit"}
one_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def test_the_dashboards_are_those_that_grafana_is_told_of() -> None:
    provider = yaml.safe_load((FOLDER / "provisioning/dashboards/choptym.yaml").read_text())["providers"][0]
    mounts = dict(mount.split(":")[:2] for mount in services()["grafana"]["volumes"])
    home = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    assert Path(home).name in {path.name for path in DASHBOARDS}
    assert [path.stem for path in DASHBOARDS] == ["infrastructure", "payments"]


@one_dashboard
def test_a_dashboard_is_whole(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    panels = dashboard["panels"]

    assert dashboard["schemaVersion"] >= 39
    assert dashboard["uid"] == f"choptym-{path.stem}"
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert [
        panel["id"] for panel in panels if not panel["title"] or panel["fieldConfig"]["defaults"]["unit"] not in UNITS
    ] == []
    assert {panel["datasource"]["uid"] for panel in panels} == {_datasource()}


@one_dashboard
def test_no_two_panels_lie_on_one_place(path: Path) -> None:
    places: set[tuple[int, int]] = set()
    for panel in json.loads(path.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & places, panel["title"]
        assert at["x"] + at["w"] <= 24
        places |= cells


@one_dashboard
def test_every_expression_can_be_read_and_knows_its_variables(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            parse(target["expr"])
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables
            assert target["legendFormat"], panel["title"]


def test_payments_can_be_seen_by_gateway() -> None:
    dashboard = json.loads((FOLDER / "dashboards/payments.json").read_text())

    assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["gateway"]
    assert sum("$gateway" in str(panel["targets"]) for panel in dashboard["panels"]) > 10


def test_every_figure_that_is_shown_or_watched_is_told_by_our_code() -> None:
    recorded = {rule["record"] for rule in rules("record")}
    used = {_bare(selector.name) for expression in _expressions() for selector in selectors(parse(expression))}

    assert used - told_by_code() - recorded - FOREIGN == set()


def _datasource() -> str:
    sources = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    return str(sources[0]["uid"])


def _expressions() -> list[str]:
    panels: list[dict[str, Any]] = [panel for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]
    shown = [target["expr"] for panel in panels for target in panel["targets"]]
    return shown + [rule["expr"] for rule in rules("record") + rules("alert")]


def _bare(name: str) -> str:
    """Without what a counter or a histogram appends."""
    return name if name in FOREIGN or name in told_by_code() else re.sub(r"_(total|bucket|sum|count)$", "", name)


def told_by_code() -> set[str]:
    """Names of figures in our source, and those that payments/metrics.py puts together."""
    text = "".join(path.read_text() for path in python_files("choptym", *APPS))
    found = set(re.findall(r'"(choptym_[a-z_]+)"', text))
    return {re.sub("_total$", "", name) for name in found} | {f"choptym_{what[0]}" for what in metrics._COUNTS}
