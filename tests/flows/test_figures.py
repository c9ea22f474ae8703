"""What every process of the running stack tells Prometheus, and the staff."""

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from payments.gateways.timing import WORDS
from tests.flows.ends import buy
from tests.live import METHODS, TIMEOUT_SECONDS, Live, eventually

Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]

QUEUE_FIGURES = {
    "choptym_payments",
    "choptym_payments_ended",
    "choptym_queue_messages",
    "choptym_queue_oldest_seconds",
    "choptym_leases_overdue",
    "choptym_database_connections",
    "choptym_redis_memory_bytes",
    "choptym_database_up",
    "choptym_circuit_open",
    "choptym_calls_in_flight",
}


def read(live: Live, role: str) -> Samples:
    """Name and labels of every sample, with its value."""
    answer = requests.get(live.stack.metrics[role], timeout=TIMEOUT_SECONDS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def families(live: Live, role: str) -> set[str]:
    text = requests.get(live.stack.metrics[role], timeout=TIMEOUT_SECONDS).text
    return {family.name for family in text_string_to_metric_families(text)}


def total(samples: Samples, name: str, **labels: str) -> float:
    return sum(
        value for (found, having), value in samples.items() if found == name and labels.items() <= dict(having).items()
    )


def labels_of(samples: Samples, name: str, label: str) -> set[str]:
    return {dict(having)[label] for found, having in samples if found == name}


def test_every_process_of_ours_has_an_address_and_tells_of_its_pool(live: Live) -> None:
    described = json.loads((live.stack.root / "stack.json").read_text())["metrics"]
    celery = {role for role in live.stack.pids if role.startswith("worker-") or role == "beat"}

    assert described.keys() == celery | {"web", "events"}
    assert len(set(described.values())) == len(described)
    for role in described:
        assert labels_of(read(live, role), "choptym_database_pool", "kind") == {"size", "idle", "waiting"}, role


def test_the_queues_figures_are_told_by_the_web_process_alone(live: Live) -> None:
    assert families(live, "web") >= QUEUE_FIGURES
    for role in live.stack.metrics.keys() - {"web"}:
        assert families(live, role) & QUEUE_FIGURES == set(), role


@pytest.mark.parametrize("method", METHODS)
def test_a_payment_leaves_its_times_where_they_were_measured(live: Live, method: str) -> None:
    before = {role: read(live, role) for role in ("worker-charge", "worker-confirm", "web")}
    buy(live, method).wait("SETTLED")

    def told(role: str, name: str, **labels: str) -> float:
        return total(read(live, role), name, **labels) - total(before[role], name, **labels)

    def assert_told() -> None:
        assert told("worker-charge", "choptym_payment_wait_seconds_count", gateway=method) >= 1
        assert told("worker-charge", "choptym_payment_processing_seconds_count", gateway=method) >= 1
        calls = {"gateway": method, "outcome": "2xx"}
        assert told("worker-charge", "choptym_gateway_call_seconds_count", **calls) >= 1
        task = {"task": "payments.tasks.charge_due", "outcome": "success"}
        assert told("worker-charge", "choptym_task_seconds_count", **task) >= 1
        assert told("worker-confirm", "choptym_settle_batch_size_sum") >= 1
        assert told("web", "choptym_payments_ended_total", gateway=method, state="SETTLED") >= 1
        route = {"route": f"/webhooks/{method}/", "status": "200"}
        assert told("web", "choptym_http_request_seconds_count", **route) >= 1
        checkout = {"route": "/api/checkout/", "method": "POST", "status": "202"}
        assert told("web", "choptym_http_request_seconds_count", **checkout) == 1

    eventually(assert_told)


def test_labels_name_kinds_and_never_a_payment(live: Live) -> None:
    operations = {
        word
        for role in ("worker-charge", "worker-confirm")
        for operation in labels_of(read(live, role), "choptym_gateway_call_seconds_count", "operation")
        for word in operation.split(" /")[1].split("/")
    }
    routes = labels_of(read(live, "web"), "choptym_http_request_seconds_count", "route")

    assert operations <= WORDS | {"*"}
    assert not [route for route in routes if any(sign.isdigit() for sign in route)]


def web_processes(live: Live) -> list[int]:
    """The children that answer, of the process that keeps them running."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(state[1]) == live.stack.pids["web"]:
            found.append(int(path.parent.name))
    return found


def test_two_web_processes_count_as_one_also_after_one_of_them_died(live: Live) -> None:
    asked = {"route": "/api/payment/metrics", "method": "OPTIONS"}
    name = "choptym_http_request_seconds_count"
    before = total(read(live, "web"), name, **asked)
    for _ in range(40):
        requests.options(f"{live.stack.web}/api/payment/metrics", timeout=TIMEOUT_SECONDS)

    files = list((live.stack.root / "metrics-web").glob("histogram_*.db"))
    assert len(files) >= 2
    # Whoever of the two answers says the same.
    assert {total(read(live, "web"), name, **asked) - before for _ in range(12)} == {40}

    [victim, *_] = workers = [pid for pid in web_processes(live) if _writes(pid, files)]
    assert len(workers) == 2
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: _assert_another(live, victim))
    assert {total(read(live, "web"), name, **asked) - before for _ in range(6)} == {40}
    gauges = {path.name for path in (live.stack.root / "metrics-web").glob("gauge_livesum_*.db")}
    assert f"gauge_livesum_{victim}.db" not in gauges


def _writes(pid: int, files: list[Path]) -> bool:
    return f"histogram_{pid}.db" in {path.name for path in files}


def _assert_another(live: Live, victim: int) -> None:
    try:
        living = web_processes(live)
        assert victim not in living
        assert len(living) >= 2
        answer = requests.get(f"{live.stack.web}/health/live", timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise AssertionError from error
    assert answer.ok


def test_the_status_says_what_the_rows_say(live: Live) -> None:
    def assert_same() -> None:
        status = requests.get(f"{live.stack.web}/api/payment/queue/status", timeout=TIMEOUT_SECONDS).json()
        rows = live.rows("SELECT state, count(*) FROM payments_payment GROUP BY state")
        there = {state: int(count) for state, count in rows}
        assert status["successful"] == there.get("SETTLED", 0)
        assert status["failed"] == there.get("FAILED", 0)
        assert status["totalProcessed"] == sum(
            there.get(state, 0) for state in ("SETTLED", "FAILED", "EXPIRED", "CANCELLED", "REVIEW")
        )

    eventually(assert_same)
    eventually(lambda: _assert_folded(live))
    eventually(assert_same)


def _assert_folded(live: Live) -> None:
    assert live.rows("SELECT id FROM payments_tallystep") == []
