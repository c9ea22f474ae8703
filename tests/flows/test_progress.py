"""What a waiting customer sees, and in which order the waiting are served."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import requests
from django.conf import settings

from tests.flows.ends import Purchase, assert_paid, attempts, buy, unlucky
from tests.live import CHARGERS, TIMEOUT_SECONDS, Customer, Live, eventually

STEPS = ["accepted", "sent_to_gateway", "waiting_for_approval", "settled"]


def queues_in_the_bells(live: Live) -> dict[str, set[str]]:
    """What the messages say that wait on each queue of a priority."""
    with redis.Redis.from_url(live.stack.redis_url) as broker:
        return {
            name: {queue_of(json.loads(message)) for message in broker.lrange(settings.KEY_PREFIX + name, 0, -1)}
            for name in settings.QUEUE_OF_PRIORITY.values()
        }


def queue_of(message: dict[str, Any]) -> str:
    arguments, _, _ = json.loads(base64.b64decode(message["body"]))
    return str(arguments[0])


@pytest.mark.parametrize(("price", "priority"), [(10_001, 3), (10_000, 2), (5_000, 2), (4_999, 1)])
def test_the_amount_decides_the_priority_and_the_queue(live: Live, price: int, priority: int) -> None:
    queue = settings.QUEUE_OF_PRIORITY[priority]
    with live.frozen(*CHARGERS):
        purchases = [buy(live, price_minor=price, quantity=1) for _ in range(4)]

        def is_rung_for() -> None:
            # The sweeper rings again every second; each worker that stands still may have taken one bell with it.
            assert queues_in_the_bells(live) == {name: {name} & {queue} for name in settings.QUEUE_OF_PRIORITY.values()}

        eventually(is_rung_for)
        shown = [purchase.wait("QUEUED")["priority"] for purchase in purchases]

    assert shown == [priority] * 4
    for purchase in purchases:
        purchase.wait("SETTLED")


def test_who_waits_sees_their_place_and_when_to_ask_again(live: Live) -> None:
    with live.frozen(*CHARGERS):
        normal = [buy(live, price_minor=1_000) for _ in range(2)]
        medium = buy(live, price_minor=3_000)
        high = buy(live, price_minor=9_000)
        eventually(lambda: _assert_places(high, medium, *normal))
        answer = normal[1].customer.call("GET", f"/api/payments/{normal[1].payment}/")

    body = answer.json()
    assert body["status"] == "QUEUED"
    assert body["eta_seconds"] >= 1
    assert body["retry_after_seconds"] >= 1
    assert answer.headers["Retry-After"] == str(body["retry_after_seconds"])
    assert [(step["name"], step["is_done"]) for step in body["steps"]] == [
        ("accepted", True),
        *[(name, False) for name in STEPS[1:]],
    ]
    ended = normal[1].wait("SETTLED")
    answer = normal[1].customer.call("GET", f"/api/payments/{normal[1].payment}/")
    assert "Retry-After" not in answer.headers
    assert (ended["position"], ended["eta_seconds"], ended["retry_after_seconds"]) == (0, 0, None)
    assert [(step["name"], step["is_done"]) for step in ended["steps"]] == [(name, True) for name in STEPS]
    times = [step["at"] for step in ended["steps"]]
    assert times == sorted(times)
    for purchase in (*normal, medium, high):
        purchase.wait("SETTLED")
        assert_paid(purchase)


def _assert_places(*in_order: Purchase) -> None:
    positions = [purchase.wait("QUEUED")["position"] for purchase in in_order]
    assert positions == [1, 2, 3, 4]


def test_who_must_approve_is_told_how(live: Live) -> None:
    purchases = [unlucky(live, method, approval_delay_ms=700) for method in ("fapshi", "campay")]

    bodies = [purchase.wait("PENDING") for purchase in purchases]

    assert [body["instructions"] for body in bodies] == ["*126#", "*126#"]
    assert [body["link"] for body in bodies] == ["", ""]
    assert all([step["is_done"] for step in body["steps"]] == [True, True, False, False] for body in bodies)
    assert all(body["retry_after_seconds"] >= 1 for body in bodies)
    for purchase in purchases:
        purchase.wait("SETTLED")


def follow(customer: Customer, url: str, payment: int, language: str = "en") -> Iterator[dict[str, Any]]:
    """The bodies of the stream until it ends."""
    headers = {"Authorization": f"Token {customer.token}", "Accept-Language": language}
    path = f"{url}/api/payments/{payment}/events/"
    with requests.get(path, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        for line in answer.iter_lines():
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


def test_a_stream_follows_a_payment_to_its_end(live: Live) -> None:
    purchase = unlucky(live, "fapshi", latency_ms=700, approval_delay_ms=900)

    bodies = list(follow(purchase.customer, live.stack.events, purchase.payment))

    statuses = [body["status"] for body in bodies]
    order = ["QUEUED", "REQUESTED", "PENDING", "SETTLED"]
    assert statuses == sorted(statuses, key=order.index)
    assert {"REQUESTED", "PENDING", "SETTLED"} <= set(statuses)
    assert bodies[-1] == purchase.customer.get(f"/api/payments/{purchase.payment}/")
    assert_paid(purchase)


def test_a_stream_of_a_payment_that_has_ended_says_so_and_closes(live: Live) -> None:
    purchase = buy(live)
    purchase.wait("SETTLED")

    bodies = list(follow(purchase.customer, live.stack.events, purchase.payment))

    assert [body["status"] for body in bodies] == ["SETTLED"]


def test_a_stream_speaks_the_language_of_who_follows(live: Live) -> None:
    purchase = unlucky(live, "fapshi", latency_ms=700, refusal_rate=1)

    [*_, last] = follow(purchase.customer, live.stack.events, purchase.payment, "fr")

    assert (last["status"], last["message"][:30]) == ("FAILED", "Il a été refusé sur le télépho")


@pytest.mark.invariant("INV-10")
def test_a_stream_is_not_for_strangers(live: Live) -> None:
    purchase = buy(live)
    path = f"/api/payments/{purchase.payment}/events/"
    stranger = {"Authorization": f"Token {live.customer().token}", "Accept-Language": "fr"}

    answers = [
        requests.get(f"{live.stack.events}{path}", headers=headers, timeout=TIMEOUT_SECONDS)
        for headers in (stranger, {}, {"Authorization": "Basic eDp4"}, {"Authorization": "Token x"})
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (404, "not_found"),
        (401, "not_authenticated"),
        (401, "not_authenticated"),
        (401, "authentication_failed"),
    ]
    assert [answer.headers.get("WWW-Authenticate") for answer in answers] == [None, "Token", "Token", "Token"]
    assert answers[0].json()["message"] == "Introuvable."
    assert all(set(answer.json()) == {"code", "message", "fields"} for answer in answers)
    purchase.wait("SETTLED")


def test_the_web_process_sends_the_client_to_the_stream(live: Live) -> None:
    purchase = buy(live)
    path = f"/api/payments/{purchase.payment}/events/"
    headers = {"Authorization": f"Token {purchase.customer.token}"}

    answer = requests.get(f"{live.stack.web}{path}", headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)

    assert answer.status_code == 307
    assert answer.headers["Location"] == f"{live.stack.events}{path}"
    # Some clients drop Authorization on the way: the payment tells them where to go at once.
    assert purchase.customer.get(f"/api/payments/{purchase.payment}/")["events_url"] == f"{live.stack.events}{path}"
    purchase.wait("SETTLED")


def test_a_gateway_that_is_busy_is_asked_later_and_that_is_no_attempt(live: Live) -> None:
    live.control("PATCH", "fapshi", {"rate_limit_per_second": 1, "retry_after_header": True})
    try:
        purchases = [buy(live) for _ in range(3)]
        eventually(lambda: _assert_some_postponed(live, purchases))
        for purchase in purchases:
            purchase.wait("PENDING", "SETTLED")
    finally:
        live.control("PATCH", "fapshi", {"rate_limit_per_second": None, "retry_after_header": False})

    for purchase in purchases:
        purchase.wait("SETTLED")
        tries = attempts(live, purchase.payment)
        assert_paid(purchase, tries=["POSTPONED"] * (len(tries) - 1) + ["PAID"], attempts_made=1)
    query = (
        "SELECT count(*), min(http_status), max(http_status) FROM payments_paymentattempt WHERE payment_id = ANY(%s)"
    )
    postponed = live.rows(f"{query} AND state = 'POSTPONED'", [purchase.payment for purchase in purchases])
    assert postponed[0][0] >= 1
    assert postponed[0][1:] == (429, 429)


def _assert_some_postponed(live: Live, purchases: list[Purchase]) -> None:
    assert any("POSTPONED" in attempts(live, purchase.payment) for purchase in purchases)


def test_a_number_that_was_pushed_too_often_waits_and_that_is_no_attempt(live: Live) -> None:
    purchase = unlucky(live, "campay", pushes_per_number=1)
    purchase.wait("SETTLED")

    again = purchase.customer.pay("campay", live.product())
    eventually(lambda: _assert_waits(live, again))
    body = purchase.customer.get(f"/api/payments/{again}/")
    answer = purchase.customer.call("POST", f"/api/payments/{again}/cancel/")

    assert body["status"] == "QUEUED"
    assert body["position"] >= 1
    assert body["eta_seconds"] > 5
    assert answer.json()["status"] == "CANCELLED"
    assert len(live.books("campay", purchase.customer.phone)) == 1


def _assert_waits(live: Live, payment: int) -> None:
    assert attempts(live, payment) == ["POSTPONED"]
    query = "SELECT state, attempts_made FROM payments_payment WHERE id = %s"
    assert live.rows(query, payment) == [("QUEUED", 0)]
