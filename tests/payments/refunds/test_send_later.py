"""Refunds that wait: for a gateway that is busy, down or switched off, and for its bank."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from payments.models import Refund
from payments.prove import find_breaks
from payments.refunds.send import send_refunds
from payments.states import RefundState
from tests.factories import fresh
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox, canned
from tests.payments.refunds.world import (
    GATEWAYS,
    GIVEN,
    PART_MINOR,
    asked,
    given_there,
    long_ago,
    posted,
    seconds_to_wait,
    sent,
    settled,
    to_its_end,
    write,
)
from tests.payments.tricks import turned

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("was_sent", [False, True])
def test_a_busy_gateway_is_left_alone_for_as_long_as_it_asks(
    silent: None, gateway: str, was_sent: bool, settings_of_payouts: dict[str, str]
) -> None:
    refund = write(settled(gateway), PART_MINOR)
    if was_sent:
        Refund.objects.filter(pk=refund.pk).update(state=RefundState.REQUESTED, requested_at=timezone.now())

    with canned((429, {"message": "slow down"})) as peer:
        peer.headers = {"Retry-After": "77", "x-ratelimit-retry": "77"}
        with switched_on(peer.url, **settings_of_payouts):
            busy = sent(refund)

    assert busy.state == ("REQUESTED" if was_sent else "QUEUED")
    assert seconds_to_wait(busy) == pytest.approx(77, abs=5)


@pytest.mark.invariant("INV-5")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_an_outage_delays_it_and_it_is_given_once(paying: Sandbox, gateway: str) -> None:
    refund = asked(paying, gateway)

    with turned(paying, gateway, outage=True):
        tries = [sent(refund) for _ in range(3)]

    assert {row.state for row in tries} <= {"QUEUED", "REQUESTED"}
    assert given_there(paying, refund) == []
    assert sorted(posted(refund)) == ["given", "out"]
    if gateway == "fapshi" and tries[-1].state == "REQUESTED":
        long_ago(refund)
    assert to_its_end(refund).state == "REFUNDED"
    assert given_there(paying, refund) == GIVEN


def test_what_takes_days_is_asked_about_ever_less_often(paying: Sandbox) -> None:
    refund = asked(paying, "razorpay", never_approve_rate=1)

    waits = [round(seconds_to_wait(sent(refund))) for _ in range(7)]

    assert waits == [10, 60, 600, 3600, 21600, 21600, 21600]
    assert fresh(refund).state == "PENDING"
    assert (fresh(refund).attempts_made, fresh(refund).asks_made) == (1, 6)


def test_a_gateway_that_is_switched_off_is_not_called_and_its_refund_waits_in_sight(paying: Sandbox) -> None:
    refund = asked(paying, "razorpay")
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=timezone.now() - timedelta(minutes=6))
    others = {name: entry for name, entry in settings.GATEWAYS.items() if name != "razorpay"}

    with override_settings(GATEWAYS=others):
        assert send_refunds("razorpay") == 0

    assert (fresh(refund).state, fresh(refund).attempts_made) == ("QUEUED", 0)
    assert list(find_breaks()) == ["refund_overdue"]
