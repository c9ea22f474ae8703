"""What an order does to questions and events: stopped, nothing is asked and nothing is counted; drained, all go on."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import override_settings
from django.utils import timezone

from choptym.lib.jobs import redis
from payments import confirm, in_force
from payments.confirm import confirm_batch
from payments.locks import claim_checks
from payments.match import match_batch
from payments.models import Payment, QueueControl, Reconciliation, WebhookEvent
from payments.selectors import gateways_to_ask, gateways_with_events, reconciliations_due
from payments.states import EventState
from payments.steering.drain import drain_queue
from payments.steering.resume import resume_queue
from payments.steering.stop import stop_queue
from payments.strangers import look_up_strangers
from tests.factories import fresh, make_event
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.signed import INDIANS, make_asked, tell
from tests.payments.staff import make_staff
from tests.payments.tricks import charged, due

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox", "steered")]


@pytest.fixture(autouse=True)
def _empty_queues() -> Iterator[None]:
    redis().delete(*(settings.KEY_PREFIX + name for name in settings.QUEUES))
    yield
    redis().delete(*(settings.KEY_PREFIX + name for name in settings.QUEUES))


def order(act: Callable[..., object], gateway: str = "fapshi") -> None:
    act(gateway, actor_id=make_staff("operators").pk, reason="to see")


def calls(sandbox: Sandbox, gateway: str = "fapshi") -> int:
    return int(sandbox.ask("GET", f"/control/{gateway}/books")["calls"])


@pytest.mark.parametrize("mode", ["STOP", "DRAIN", "RUN"])
def test_a_gateway_is_asked_about_what_it_has_unless_it_is_stopped(sandbox: Sandbox, mode: str) -> None:
    payment = charged(sandbox)
    before = calls(sandbox)
    if mode != "RUN":
        order(stop_queue if mode == "STOP" else drain_queue)

    asked = confirm_batch("fapshi")

    row = fresh(payment)
    if mode == "STOP":
        assert (asked, gateways_to_ask(), calls(sandbox)) == (0, [], before)
        assert (row.next_check_at, row.checks_made) == (payment.next_check_at, payment.checks_made)
        order(resume_queue)
        assert gateways_to_ask() == ["fapshi"]
    else:
        assert (asked, calls(sandbox)) == (1, before + 1)
        assert row.state == "SETTLED"


def test_a_question_that_was_claimed_before_the_stop_is_asked_after_it(sandbox: Sandbox) -> None:
    payment = charged(sandbox)
    before = calls(sandbox)

    def claim_then_order(*arguments: Any) -> object:
        claimed = claim_checks(*arguments)
        order(stop_queue)
        return claimed

    with patch("payments.confirm.claim_checks", claim_then_order):
        assert confirm_batch("fapshi") == 1

    assert calls(sandbox) == before
    wait = fresh(payment).next_check_at
    assert wait is not None
    assert wait - timezone.now() < timedelta(seconds=1.5)
    order(resume_queue)
    due(payment)
    confirm_batch("fapshi")
    assert fresh(payment).state == "SETTLED"


@override_settings(PAYMENT_BATCH_SIZE=1)
def test_after_the_stop_nobody_is_asked_about_in_the_place_of_those_who_were_answered(sandbox: Sandbox) -> None:
    first, second = (charged(sandbox) for _ in range(2))
    before = calls(sandbox)
    take_up = confirm._take_up

    def take_up_then_order(*arguments: Any) -> None:
        take_up(*arguments)
        order(stop_queue)

    with patch("payments.confirm._take_up", take_up_then_order):
        assert confirm_batch("fapshi") == 1

    assert calls(sandbox) == before + 1
    assert [fresh(payment).checks_made for payment in (first, second)] == [1, 0]


def test_a_stopped_gateway_is_not_asked_about_strangers_and_no_look_is_counted(sandbox: Sandbox) -> None:
    event = make_event(transaction_id="somebody-elses", state="PARKED", looks=1)
    before = calls(sandbox)
    order(stop_queue)

    assert gateways_with_events(EventState.PARKED) == []
    assert look_up_strangers("fapshi") == 0

    row = WebhookEvent.objects.get(pk=event.pk)
    assert (row.looks, row.next_look_at, calls(sandbox)) == (1, event.next_look_at, before)
    order(resume_queue)
    assert gateways_with_events(EventState.PARKED) == ["fapshi"]
    assert look_up_strangers("fapshi") == 1


def test_new_events_are_looked_at_while_their_gateway_is_stopped() -> None:
    make_event()
    order(stop_queue)

    assert gateways_with_events(EventState.NEW) == ["fapshi"]


@pytest.mark.parametrize("gateway", INDIANS)
def test_a_signed_event_is_booked_while_all_are_stopped(sandbox: Sandbox, gateway: str) -> None:
    payment, attempt = make_asked(gateway)
    tell(attempt)
    before = calls(sandbox, gateway)
    order(stop_queue, "")

    assert match_batch(gateway) == 1

    assert (fresh(payment).state, calls(sandbox, gateway)) == ("SETTLED", before)


def test_a_hint_is_matched_while_its_gateway_is_stopped_and_asked_about_afterwards(sandbox: Sandbox) -> None:
    payment = charged(sandbox)
    Payment.objects.filter(pk=payment.pk).update(next_check_at=None)
    attempt = payment.attempts.get()
    event = make_event(transaction_id=attempt.transaction_id)
    before = calls(sandbox)
    order(stop_queue)

    assert match_batch("fapshi") == 1

    assert (WebhookEvent.objects.get(pk=event.pk).state, calls(sandbox)) == ("MATCHED", before)
    assert fresh(payment).next_check_at is not None


def test_days_of_a_stopped_gateway_are_not_reconciled_and_no_try_is_counted() -> None:
    now = timezone.now()
    stopped, other = (
        Reconciliation.objects.create(gateway=name, day="2026-11-05", next_attempt_at=now)
        for name in ("fapshi", "campay")
    )
    order(stop_queue)
    assert reconciliations_due(20) == [other.pk]

    order(drain_queue)
    assert set(reconciliations_due(20)) == {stopped.pk, other.pk}


def test_when_the_database_is_away_what_was_read_last_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    order(stop_queue)
    assert in_force.mode_of("fapshi") == "STOP"

    def fail() -> None:
        raise OperationalError

    monkeypatch.setattr(in_force.orders, "_read", fail)
    monkeypatch.setattr(in_force.orders, "_read_at", float("-inf"))

    assert in_force.mode_of("fapshi") == "STOP"
    assert QueueControl.objects.get().mode == "STOP"
