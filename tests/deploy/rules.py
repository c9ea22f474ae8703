"""deploy/prometheus/alerts.yml held against recorded series: which alerts fire at a moment, and with which labels."""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from tests.deploy.compose import DEPLOY
from tests.deploy.promql import NAME, Labels, Vector, evaluate
from tests.deploy.promql_syntax import UNITS, parse

RULES_FILE = DEPLOY / "prometheus/alerts.yml"
STEP_SECONDS = 30
# The step between the numbers of a series: as often as they are scraped, more or less.
INTERVAL_SECONDS = 60


@dataclass(frozen=True)
class Case:
    """Series in promtool's notation, and the alerts that fire after `minutes`: "name severity label=value …"."""

    name: str
    series: dict[str, str]
    fires: tuple[str, ...] = ()
    minutes: int = 15
    # What is as it should be, so that only what a case is about can fire.
    well: bool = field(default=True)


WELL = {
    "choptym_database_up": "1x99",
    'up{job="worker",instance="a:9100"}': "1x99",
    'up{job="beat",instance="b:9100"}': "1x99",
}


@cache
def groups() -> list[dict[str, Any]]:
    return list(yaml.safe_load(RULES_FILE.read_text())["groups"])


def rules(kind: str) -> list[dict[str, Any]]:
    """All of a kind: "alert" or "record"."""
    return [rule for group in groups() for rule in group["rules"] if kind in rule]


def recorded(case: Case) -> dict[str, str]:
    return {**(WELL if case.well else {}), **case.series}


def firing(case: Case) -> set[str]:
    """What fires after `minutes`: each rule evaluated at every step from the beginning on."""
    series = {labels_of(text): samples_of(values) for text, values in recorded(case).items()}
    since: dict[tuple[int, Labels], float] = {}
    fires: set[str] = set()
    for at in range(0, case.minutes * 60 + 1, STEP_SECONDS):
        fires = set()
        for number, rule in enumerate(rule for group in groups() for rule in group["rules"]):
            found = evaluate(parse(rule["expr"]), series, at)
            assert isinstance(found, dict)
            if "record" in rule:
                for labels, value in found.items():
                    series.setdefault(labels | {(NAME, rule["record"])}, []).append((at, value))
                continue
            since = {key: start for key, start in since.items() if key[0] != number or key[1] in found}
            fires |= _pending_or_firing(number, rule, found, since, at)
    return fires


def _pending_or_firing(
    number: int, rule: dict[str, Any], found: Vector, since: dict[tuple[int, Labels], float], at: float
) -> set[str]:
    wait = rule.get("for", "0s")
    fires = set()
    for labels in found:
        start = since.setdefault((number, labels), at)
        if at - start >= int(wait[:-1]) * UNITS[wait[-1]]:
            told = " ".join(f"{name}={value}" for name, value in sorted(labels))
            fires.add(f"{rule['alert']} {rule['labels']['severity']} {told}".strip())
    return fires


def labels_of(text: str) -> Labels:
    """The labels of `name{label="value"}`, its name among them."""
    name, _, rest = text.partition("{")
    return frozenset({(NAME, name), *re.findall(r'(\w+)="([^"]*)"', rest)})


def samples_of(text: str) -> list[tuple[float, float]]:
    """promtool's notation: numbers, `_` for none, `1+2x3` for 1 3 5 7, `5x3` for 5 5 5 5."""
    values: list[float | None] = []
    for word in text.split():
        if word == "_":
            values.append(None)
        elif match := re.fullmatch(r"(-?[\d.]+)(?:([+-][\d.]+))?x(\d+)", word):
            first, step = float(match[1]), float(match[2] or 0)
            values += [first + step * number for number in range(int(match[3]) + 1)]
        else:
            values.append(float(word))
    return [(number * INTERVAL_SECONDS, value) for number, value in enumerate(values) if value is not None]
