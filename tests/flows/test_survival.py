"""What is killed, frozen or wiped while payments are under way: everything settles, each exactly once."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import pytest
import redis
import requests
from django.db import connections

from tests.flows.ends import Purchase, assert_paid, buy, unlucky
from tests.live import CHARGERS, METHODS, Customer, Live, eventually
from tests.servers import servers

RECOVERED_SECONDS = 60


@pytest.fixture(autouse=True)
def _all_are_served_again(live: Live) -> Iterator[None]:
    """Whatever a test does to the web server, the next one finds it up."""
    yield
    eventually(lambda: _assert_up(live), seconds=RECOVERED_SECONDS)


def begin(live: Live, count: int, **knobs: Any) -> list[Purchase]:
    """Purchases through all gateways, under way."""
    return [unlucky(live, METHODS[number % len(METHODS)], **knobs) for number in range(count)]


def wait_for(purchases: list[Purchase], *states: str) -> None:
    """Until each has been seen in one of these states."""
    for purchase in purchases:
        purchase.wait(*states, "SETTLED")


def assert_all_paid_once(purchases: list[Purchase], cut_off: Collection[int] = ()) -> None:
    """Each once, everywhere; those whose message was `cut_off` while it was sent may hear it twice."""
    end = time.monotonic() + RECOVERED_SECONDS
    for purchase in purchases:
        purchase.wait("SETTLED", seconds=max(1.0, end - time.monotonic()))
    for purchase in purchases:
        assert_paid(purchase, may_be_told_twice=partial(cut_off.__contains__, purchase.payment))


@pytest.mark.invariant("INV-1")
def test_a_wiped_redis_loses_nothing(live: Live) -> None:
    pending = begin(live, 4, webhook_lost_rate=1)
    wait_for(pending, "PENDING")
    with live.frozen(*CHARGERS), live.frozen("worker-confirm"), live.frozen("worker-notify"):
        queued = begin(live, 10)
        with redis.Redis.from_url(live.stack.redis_url) as broker:
            broker.flushall()
    for purchase in pending:
        purchase.move_time("next_check_at")

    assert_all_paid_once(queued + pending)


@pytest.mark.invariant("INV-1")
def test_a_charge_worker_that_is_killed_while_it_calls(live: Live) -> None:
    calling = begin(live, 8, latency_ms=1_000)
    wait_for(calling, "REQUESTED")
    time.sleep(0.3)  # so that every call has left the house
    live.kill("worker-charge")
    later = begin(live, 4)

    assert_all_paid_once(calling + later)


@pytest.mark.invariant("INV-2")
def test_a_charge_worker_that_was_frozen_longer_than_its_lease_does_nothing_when_it_wakes(live: Live) -> None:
    calling = begin(live, 4, latency_ms=700, webhook_lost_rate=1)
    wait_for(calling, "REQUESTED")
    time.sleep(0.2)
    with live.frozen(*CHARGERS):
        for purchase in calling:
            purchase.wait("SETTLED", seconds=RECOVERED_SECONDS)

    time.sleep(0.5)
    assert_all_paid_once(calling)


@pytest.mark.invariant("INV-1")
@pytest.mark.parametrize("role", ["worker-confirm", "worker-notify", "worker-maintenance", "beat"])
def test_a_process_that_is_killed_is_missed_by_nobody(live: Live, role: str) -> None:
    before = begin(live, 6, approval_delay_ms=200)
    live.kill(role)
    cut_off = end_leases_of_messages(live) if role == "worker-notify" else set()
    after = begin(live, 6)

    assert_all_paid_once(before + after, cut_off)


def end_leases_of_messages(live: Live) -> set[int]:
    """As if the minute had passed for which a dead worker held its messages. Returns whose payments they tell of.

    The worker that was started in its place has not begun yet, or sends what it has begun twice.
    """
    statement = """
        UPDATE notifications_notification SET next_attempt_at = now()
        WHERE state = 'WAITING' AND next_attempt_at > now() RETURNING substr(about, length('payment:') + 1)::int
    """
    return set(live.column(statement))


@pytest.mark.invariant("INV-1")
def test_every_worker_killed_at_once(live: Live) -> None:
    purchases = begin(live, 6, latency_ms=1_000) + begin(live, 4)
    wait_for(purchases, "REQUESTED", "PENDING")
    time.sleep(0.3)
    workers = [role for role in live.stack.pids if role.startswith("worker-")]

    with ThreadPoolExecutor(len(workers)) as threads:
        list(threads.map(live.kill, workers))
    cut_off = end_leases_of_messages(live)

    assert_all_paid_once(purchases, cut_off)


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
def test_a_web_server_killed_under_checkouts_that_are_repeated_makes_one_order_each(live: Live) -> None:
    customers = [live.customer() for _ in range(8)]
    product = live.product(stock=100)
    for customer in customers:
        customer.put_into_cart(product)
    under_way = threading.Event()

    def check_out(customer: Customer) -> int:
        key, end = str(uuid.uuid4()), time.monotonic() + RECOVERED_SECONDS
        while time.monotonic() < end:
            under_way.set()
            try:
                answer = customer.check_out("fapshi", key=key)
            except requests.RequestException:
                time.sleep(0.1)
                continue
            if answer.status_code == 202:
                return int(answer.json()["payment"]["id"])
            assert answer.status_code in {409, 503}, answer.text
        raise AssertionError("no answer")

    with ThreadPoolExecutor(len(customers)) as threads:
        futures = [threads.submit(check_out, customer) for customer in customers]
        under_way.wait()
        live.kill("web")
        payments = [future.result() for future in futures]

    eventually(lambda: _assert_up(live), seconds=RECOVERED_SECONDS)  # some were answered before
    for customer, payment in zip(customers, payments, strict=True):
        customer.wait(payment, "SETTLED")
        assert len(customer.get("/api/orders/")) == 1
        assert live.collected(payment) == [2500]
    assert live.column("SELECT stock_sold FROM orders_product WHERE id = %s", product) == [8]


@pytest.mark.invariant("INV-1")
def test_webhooks_that_find_no_web_server_are_not_missed(live: Live) -> None:
    purchases = begin(live, 4, approval_delay_ms=600)
    wait_for(purchases, "PENDING")
    live.kill("web")

    eventually(lambda: _assert_up(live), seconds=RECOVERED_SECONDS)
    for purchase in purchases:
        purchase.move_time("next_check_at")

    assert_all_paid_once(purchases)


def _assert_up(live: Live) -> None:
    try:
        assert requests.get(f"{live.stack.web}/health/live", timeout=5).status_code == 200
    except requests.RequestException as error:
        raise AssertionError from error


@pytest.mark.invariant("INV-1")
def test_a_database_that_crashes_and_restarts(live: Live) -> None:
    if servers._postgres is None:
        pytest.skip("the database is not ours to crash")
    purchases = begin(live, 8, latency_ms=500)
    wait_for(purchases, "REQUESTED", "PENDING")

    os.kill(live.database.info.backend_pid, signal.SIGKILL)  # the server ends all others and recovers
    connections.close_all()  # those of later tests too

    eventually(lambda: _reconnect(live), seconds=RECOVERED_SECONDS)
    eventually(lambda: _assert_serves(purchases[0]), seconds=RECOVERED_SECONDS)
    cut_off = end_leases_of_messages(live)  # claimed, perhaps sent, and there was nothing to write it into
    assert_all_paid_once([*purchases, buy(live)], cut_off)


def _reconnect(live: Live) -> None:
    try:
        live.database.close()
        live.connect()
        live.rows("SELECT 1")
    except psycopg.OperationalError as error:
        raise AssertionError from error


def _assert_serves(purchase: Purchase) -> None:
    assert purchase.customer.call("GET", f"/api/payments/{purchase.payment}/").status_code == 200
