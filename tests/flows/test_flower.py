"""Flower beside the running stack: whoever logs in sees queues and tasks, and can change nothing."""

from typing import Any

import pytest
import requests
from django.conf import settings
from flower.urls import handlers

from choptym.local.roles import CHARGE_QUEUES
from tests.live import CHARGERS, PASSWORD, Live, eventually

STAFF = ("admin", PASSWORD)
TIMEOUT_SECONDS = 10
PATTERNS = [(getattr(one, "regex", None) or one[0], getattr(one, "handler_class", None) or one[1]) for one in handlers]
ROUTES = [(getattr(pattern, "pattern", pattern), handler) for pattern, handler in PATTERNS]
# Reads a page of the table of tasks, though it may be asked by POST.
ONLY_READS = "/tasks/datatable"
OPEN = ("/healthcheck", "/login", "/logout", "/static/")


def addresses(method: str, of: str) -> list[str]:
    """Every address of Flower that answers this method, with this in place of what varies."""
    found = [
        pattern.rstrip("$?").replace("(.+)", of).replace("(.*)", of)
        for pattern, handler in ROUTES
        if pattern.startswith("/") and method in vars(handler)
    ]
    assert found
    return [address for address in found if not address.startswith(OPEN)]


def call(live: Live, method: str, address: str, **options: Any) -> requests.Response:
    return requests.request(method, f"{live.stack.flower}{address}", timeout=TIMEOUT_SECONDS, **options)


def get(live: Live, address: str) -> Any:
    answer = call(live, "GET", address, auth=STAFF)
    assert answer.status_code == 200, answer.text
    return answer.json()


def lengths(live: Live) -> dict[str, int]:
    return {queue["name"]: queue["messages"] for queue in get(live, "/api/queues/length")["active_queues"]}


@pytest.mark.parametrize("login", [None, ("admin", "guess"), ("customer1", PASSWORD)])
def test_whoever_does_not_log_in_sees_nothing(live: Live, login: tuple[str, str] | None) -> None:
    seen = [call(live, "GET", address, auth=login) for address in addresses("get", "none")]
    posted = [call(live, "POST", address, auth=login) for address in addresses("post", "none")]

    assert {answer.status_code for answer in (*seen, *posted)} == {401}
    assert len(seen) > 10
    assert call(live, "GET", "/metrics").status_code == 401
    assert call(live, "GET", "/healthcheck").status_code == 200


def test_whoever_logs_in_changes_nothing(live: Live) -> None:
    before = dict(live.stack.pids)
    ours = {name.removeprefix("worker-") for name in before if name.startswith("worker-")}
    eventually(lambda: _assert_workers(live, ours))
    workers = sorted(get(live, "/api/workers"))
    targets = [*workers, "payments.tasks.sweep_charges"]
    asked = [address for of in targets for address in addresses("post", of) if address != ONLY_READS]

    answers = {address: call(live, "POST", address, auth=STAFF, json={"args": []}).status_code for address in asked}

    assert len(asked) == 14 * len(targets)
    assert set(answers.values()) == {403}, answers
    assert dict(live.stack.pids) == before
    eventually(lambda: _assert_workers(live, ours))


def _assert_workers(live: Live, expected: set[str]) -> None:
    """Each of them answers when Flower asks."""
    answered = {name.split("@")[0] for name in get(live, "/api/workers?refresh=true")}
    assert answered == expected


def test_the_tasks_of_a_payment_are_seen_without_phones(live: Live) -> None:
    customer = live.customer()
    payment = customer.pay()
    customer.wait(payment, "SETTLED")

    def is_seen() -> None:
        tasks = get(live, "/api/tasks?taskname=payments.tasks.charge_due").values()
        assert {task["state"] for task in tasks if "p3.normal" in task["args"]} >= {"SUCCESS"}

    eventually(is_seen)
    everything = call(live, "GET", "/api/tasks", auth=STAFF).text
    assert "payments.tasks.confirm_payments" in everything
    assert customer.phone not in everything
    assert customer.name not in everything


def test_only_the_workers_that_are_watched_send_events(live: Live) -> None:
    """The sweepers run every second; whoever turned events on for all workers would see them."""
    customer = live.customer()
    customer.wait(customer.pay())

    workers = {task["worker"].split("@")[0] for task in get(live, "/api/tasks").values()}
    names = get(live, "/api/task/types")["task-types"]

    assert workers <= {"charge", "high", "confirm"}
    assert not [name for name in names if "sweep" in name]


def test_every_queue_is_shown_with_the_messages_that_wait_in_it(live: Live) -> None:
    customer = live.customer()
    with live.frozen(*CHARGERS):
        before = lengths(live)
        payments = [customer.pay() for _ in range(3)]

        def wait_in_line() -> None:
            now = lengths(live)
            assert sum(now[queue] - before[queue] for queue in CHARGE_QUEUES.split(",")) >= 2

        eventually(wait_in_line)
        page = call(live, "GET", "/broker", auth=STAFF).text
    for payment in payments:
        customer.wait(payment)

    assert sorted(before) == sorted(settings.QUEUES)
    assert all(f'<tr id="{queue}">' in page for queue in settings.QUEUES)
