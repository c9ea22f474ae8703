"""Messages of another release, while old and new code run side by side: thrown away, and missed by no payment."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from celery import Celery
from django.conf import settings

from tests.flows.ends import Purchase, assert_paid, buy
from tests.live import CHARGERS, METHODS, Live, eventually


@pytest.mark.invariant("INV-1")
def test_a_payment_of_which_only_an_unknown_message_speaks_is_found(live: Live) -> None:
    with live.frozen(*CHARGERS):
        purchases = [buy(live, method) for method in METHODS]
        with only_these_messages(live) as app:
            for purchase in purchases:
                app.send_task("payments.tasks.charge_as_in_the_next_release", [purchase.payment], queue="p3.normal")

    assert_all_paid(purchases)
    eventually(lambda: assert_said(live, "worker-charge", "worker-high", text="charge_as_in_the_next_release"))


@pytest.mark.invariant("INV-1")
def test_a_payment_whose_message_has_arguments_of_another_release_is_found(live: Live) -> None:
    with live.frozen(*CHARGERS):
        purchases = [buy(live, method) for method in METHODS]
        with only_these_messages(live) as app:
            for purchase in purchases:
                both = [purchase.payment, "and more"]
                app.send_task("payments.tasks.charge_payment", both, {"with_care": True}, queue="p3.normal")

    assert_all_paid(purchases)


@contextmanager
def only_these_messages(live: Live) -> Iterator[Celery]:
    """What was queued for charging is gone; what the block sends through this app comes instead."""
    app = Celery("another release", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.update(broker_url=live.stack.redis_url, broker_write_url=live.stack.redis_url, imports=[])
    with redis.Redis.from_url(live.stack.redis_url) as broker:
        broker.delete(*(settings.KEY_PREFIX + queue for queue in settings.QUEUE_OF_PRIORITY.values()))
    yield app
    app.close()


def assert_all_paid(purchases: list[Purchase]) -> None:
    for purchase in purchases:
        purchase.wait("SETTLED")
        assert_paid(purchase)


def assert_said(live: Live, *roles: str, text: str) -> None:
    """The log of one of these names the message, so that somebody sees it was thrown away."""
    logs = [(live.stack.root / "log" / f"{role}.log").read_text() for role in roles]
    assert any(text in log for log in logs)
