"""Payments in hand of a worker's own threads: each is taken forward, and the task stays until nothing is in hand."""

import threading
import time

import pytest
from django.db import connection

from choptym.lib.crew import Crew
from choptym.lib.jobs import redis
from payments.hand_out import hand_out, is_busy
from payments.models import Payment
from payments.tasks import charge_due
from tests.brokers import without_redis
from tests.chaos.patience import eventually
from tests.factories import fresh, give_money, make_order, make_payment, make_user
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.tricks import turned

QUEUE = "p3.normal"


@pytest.fixture(autouse=True)
def _alone() -> None:
    """What other tests left in the queue is nobody's here."""
    redis().flushdb()
    Payment.objects.filter(state="QUEUED").update(published_at="2100-01-01T00:00:00Z")


def wallet_payment() -> Payment:
    user = make_user()
    give_money(user, 9000)
    return make_payment(order=make_order(user=user), gateway="wallet")


def test_each_payment_has_a_thread_of_its_own(sandbox: Sandbox) -> None:
    payments = [make_payment() for _ in range(3)]
    by_wallet = wallet_payment()
    with turned(sandbox, "fapshi", latency_ms=1500):
        began = time.monotonic()

        assert hand_out(QUEUE) == 4

        assert time.monotonic() - began < 1.5, "it waited for them"
        assert is_busy(QUEUE)
        assert eventually(lambda: not is_busy(QUEUE), 10, every=0.01)
    assert [fresh(payment).state for payment in (*payments, by_wallet)] == [*["PENDING"] * 3, "SETTLED"]


def test_the_task_stays_until_nothing_is_in_hand_and_takes_up_what_comes_meanwhile(sandbox: Sandbox) -> None:
    payments = [make_payment()]
    with turned(sandbox, "fapshi", latency_ms=1500):
        task = threading.Thread(target=charge_due, args=(QUEUE,))
        task.start()
        assert eventually(lambda: is_busy(QUEUE), 5, every=0.01)
        payments.append(make_payment())  # for which nobody rings
        task.join(30)

    assert {fresh(payment).state for payment in payments} == {"PENDING"}
    assert not is_busy(QUEUE)


@pytest.mark.invariant("INV-5")
def test_two_workers_that_take_all_they_find_charge_each_payment_once(sandbox: Sandbox) -> None:
    payments = [make_payment() for _ in range(8)]
    before = sandbox.ask("GET", "/control/fapshi/books")["calls"]
    threads = [threading.Thread(target=charge_due, args=(QUEUE,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert {fresh(payment).state for payment in payments} == {"PENDING"}
    assert {payment.attempts.count() for payment in payments} == {1}
    assert sandbox.ask("GET", "/control/fapshi/books")["calls"] == before + 8


@pytest.mark.invariant("INV-1")
def test_without_redis_nothing_is_charged_and_the_rows_wait(sandbox: Sandbox) -> None:
    payments = [make_payment(), wallet_payment()]
    with without_redis():
        charge_due(QUEUE)

    assert [(fresh(payment).state, fresh(payment).attempts_made) for payment in payments] == [
        ("QUEUED", 0),
        ("SETTLED", 0),
    ]


def test_a_thread_of_a_crew_keeps_no_connection() -> None:
    crew, kept = Crew(1, "test"), list[object]()
    crew.begin("a", connection.ensure_connection)
    crew.begin("a", lambda: kept.append(connection.connection))

    assert eventually(lambda: crew.count_free() == 1, 5, every=0.01)
    assert kept == [None]
