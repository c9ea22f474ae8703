"""A refund that the gateway called failed, and then gave after all: asked about again, and booked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.match import match_batch
from payments.models import DeadLetter, Refund
from payments.prove import find_breaks
from payments.prove_gateway_refunds import compare_refunds
from payments.refund import resolve_refund
from payments.refunds.send import send_refunds
from payments.second_looks import AFTER_FAILURE_SECONDS
from payments.states import EventState
from tests.factories import fresh, make_event
from tests.payments.gateways.sandbox import Sandbox, wait_for
from tests.payments.refunds.world import (
    BY_PAYOUT,
    GATEWAYS,
    GIVEN,
    PART_MINOR,
    asked,
    due,
    given_there,
    kinds_told,
    posted,
    seconds_to_wait,
    sent,
    to_its_end,
    write,
)
from tests.payments.refunds.world import settled as settled_payment
from tests.payments.staff import make_staff

pytestmark = pytest.mark.django_db
TAKES_ITS_NO_BACK = {"payout_failure_rate": 1, "success_after_failure_rate": 1, "late_success_ms": 1500}


def failed(sandbox: Sandbox, gateway: str, **knobs: object) -> Refund:
    refund = asked(sandbox, gateway, PART_MINOR, **{"payout_failure_rate": 1, **knobs})
    first = sent(refund)
    ended = first if first.state == "FAILED" else to_its_end(first)
    assert ended.state == "FAILED"
    return ended


def failed_and_given(sandbox: Sandbox, gateway: str) -> Refund:
    refund = failed(sandbox, gateway, **TAKES_ITS_NO_BACK)
    assert wait_for(lambda: given_there(sandbox, refund), lambda found: found == GIVEN) == GIVEN
    return refund


def is_booked_once(sandbox: Sandbox, refund: Refund) -> None:
    first, given = Refund.objects.order_by("pk")
    assert (first.pk, first.state, given.state, given.source) == (refund.pk, "FAILED", "REFUNDED", "OUTSIDE")
    assert given.amount_minor == PART_MINOR
    assert sorted(posted(given)) == ["given", "out"]
    assert kinds_told(given) == ["payment_refunded"]
    assert first.next_attempt_at is None
    assert given_there(sandbox, refund) == GIVEN
    assert not DeadLetter.objects.exists()
    assert find_breaks() == {}


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_clock_finds_it_though_nobody_told(paying: Sandbox, gateway: str) -> None:
    paying.ask("POST", "/control/reset", {"seed": 1})
    began = timezone.now()
    refund = failed_and_given(paying, gateway)
    assert compare_refunds(paying.url, gateway, since=began).lost == 1

    sent(refund)

    is_booked_once(paying, refund)
    comparison = compare_refunds(paying.url, gateway, since=began)
    assert (comparison.lost, comparison.doubled) == (0, 0)
    assert send_refunds(gateway) == 0


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("gateway", BY_PAYOUT)
def test_an_unsigned_event_lets_it_be_asked_about_at_once(paying: Sandbox, gateway: str) -> None:
    refund = failed_and_given(paying, gateway)
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=None)  # long after: the clock asks no more
    event = make_event(gateway=gateway, reference=str(refund.reference), transaction_id=refund.gateway_refund_id)

    assert match_batch(gateway) == 1

    assert fresh(event).state == EventState.MATCHED
    sent(refund)
    is_booked_once(paying, refund)


@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_one_that_stays_failed_is_asked_about_ever_later_and_then_no_more(paying: Sandbox, gateway: str) -> None:
    refund = failed(paying, gateway)
    assert round(seconds_to_wait(refund)) == AFTER_FAILURE_SECONDS[0]
    waits = []

    for seconds in AFTER_FAILURE_SECONDS[:-1]:
        ended = timezone.now() - timedelta(seconds=seconds)
        Refund.objects.filter(pk=refund.pk).update(finished_at=ended)
        waits.append(round(seconds_to_wait(sent(refund))))
    Refund.objects.filter(pk=refund.pk).update(finished_at=timezone.now() - timedelta(days=1))
    last = sent(refund)

    assert waits == [540, 3000, 18_000, 64_800]
    assert (last.state, last.next_attempt_at, last.problem) == ("FAILED", None, refund.problem)
    assert [state for _, state in given_there(paying, refund)] == ["failed"]
    assert Refund.objects.count() == 1
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_one_that_the_gateway_does_not_know_is_not_sent_again(paying: Sandbox, gateway: str) -> None:
    """It was ended by hand; where our reference is an idempotency key, a living one would be sent again."""
    refund = asked(paying, gateway, error_rate=1)
    sent(refund)
    Refund.objects.filter(pk=refund.pk).update(state="FAILED", finished_at=timezone.now())
    paying.ask("PATCH", f"/control/{gateway}", {"phones": {}})

    again = sent(refund)

    assert (again.state, given_there(paying, refund)) == ("FAILED", [])


def test_when_the_gateway_does_not_answer_it_is_asked_again_and_still_says_why_it_failed(paying: Sandbox) -> None:
    refund = failed(paying, "campay")
    paying.ask("PATCH", "/control/campay", {"outage": True})
    try:
        row = sent(refund)
    finally:
        paying.ask("PATCH", "/control/campay", {"outage": False})

    assert (row.state, row.problem, row.failure_code) == ("FAILED", refund.problem, "refund_refused")
    assert 0 < seconds_to_wait(row) < 3601


def test_one_that_was_never_sent_is_not_asked_about(silent: None) -> None:
    refund = write(settled_payment(), PART_MINOR)
    resolve_refund(refund.pk, actor_id=make_staff().pk, was_given=False, reason="called off")

    assert due(refund).next_attempt_at is None
