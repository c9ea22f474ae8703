"""Schemathesis over the whole OpenAPI document of a running stack, as one of those who may come."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished

from tests.hostile.scale import SEED

# What Schemathesis looks at in every answer and we leave out, everywhere, with the reason.
LEFT_OUT = {
    "positive_data_acceptance": "a body may have the right shape and still be refused: no such product, an empty cart, "
    "a phone of another country, an amount below what the gateway takes",
    "max_response_time": "this machine's speed is no promise; make bench measures",
}
# The same for one operation.
WAIVED = {
    ("GET /api/payments/{payment_id}/events/", "missing_required_header"): "the web process sends everybody to the "
    "event process with 307, and that one asks who it is",
    ("GET /api/payments/{payment_id}/events/", "ignored_auth"): "the same",
    ("GET /api/payments/{payment_id}/events/", "negative_data_rejection"): "the same",
}


@dataclass
class Attack:
    """What came of it: answers by operation and status, and everything that a check found."""

    answers: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    checks: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    document: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(sum(answers.values()) for answers in self.answers.values())


def attack(url: str, token: str, *, examples: int, phases: Sequence[str], ids: Mapping[str, Sequence[int]]) -> Attack:
    """Everything that the document allows and much that it does not; `ids`: of rows that are there, by parameter."""
    config = SchemathesisConfig.from_dict(_settings(url, token, examples, phases, ids))
    schema = schemathesis.openapi.from_url(f"{url}/api/schema/", config=config)
    found = Attack(document=[result.ok().label for result in schema.get_all_operations() if isinstance(result, Ok)])
    for event in from_schema(schema).execute():
        if isinstance(event, ScenarioFinished):
            _note(found, event)
        elif isinstance(event, NonFatalError):
            found.failures.append(f"{event.label}: {event.value}")
    return found


def _settings(
    url: str, token: str, examples: int, phases: Sequence[str], ids: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
    off = {"enabled": False}
    waived: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation, check in WAIVED:
        waived[operation][check] = off
    return {
        "seed": SEED,
        "base-url": url,
        "headers": {"Authorization": f"Token {token}"} if token else {},
        "continue-on-failure": True,
        "request-timeout": 30,
        "cache": off,
        "output": {"sanitization": off},
        "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
        "phases": {name: {"enabled": name in phases} for name in ("examples", "coverage", "fuzzing", "stateful")},
        "checks": {name: off for name in LEFT_OUT if name != "max_response_time"},
        "dictionaries": {name: {"values": list(values)} for name, values in ids.items() if values},
        "parameters": {
            f"path.{name}": {"dictionary": name, "probability": 0.7} for name, values in ids.items() if values
        },
        "operations": [{"include-name": operation, "checks": checks} for operation, checks in waived.items()],
    }


def _note(found: Attack, event: ScenarioFinished) -> None:
    recorder = event.recorder
    for case_id, interaction in recorder.interactions.items():
        operation = recorder.cases[case_id].value.operation.label
        status = interaction.response.status_code if interaction.response is not None else 0
        found.answers[operation][status] += 1
        if status == 0:
            found.failures.append(f"{operation}: no answer")
    for case_id, checks in recorder.checks.items():
        for check in checks:
            found.checks[check.name] += 1
            if check.status is not Status.SUCCESS and check.failure_info is not None:
                info = check.failure_info
                operation = recorder.cases[case_id].value.operation.label
                found.failures.append(f"{operation}: {check.name}: {info.failure}\n{info.code_sample}")


def all_checks() -> set[str]:
    """By name, as this release of Schemathesis has them."""
    return set(CHECKS.get_all_names())
