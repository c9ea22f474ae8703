"""Refunds under an order: drained, those that were sent are asked about and no other leaves; stopped, nothing does."""

from typing import Any
from unittest.mock import patch

import pytest

from payments.models import Refund
from payments.refunds.locks import claim_refunds
from payments.refunds.send import send_refunds
from payments.selectors import gateways_with_refunds
from payments.steering.drain import drain_queue
from payments.steering.resume import resume_queue
from payments.steering.stop import stop_queue
from tests.factories import a_while_ago, fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import GIVEN, asked, due, given_there, sent
from tests.payments.staff import make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("steered")]


def order(act: Any) -> None:
    act("razorpay", actor_id=make_staff("operators").pk, reason="to see")


def calls(sandbox: Sandbox) -> int:
    return int(sandbox.ask("GET", "/control/razorpay/books")["calls"])


def lost(refund: Refund) -> Refund:
    """As if it had been claimed, and the call had never left."""
    Refund.objects.filter(pk=refund.pk).update(state="REQUESTED", requested_at=a_while_ago(), attempts_made=1)
    return due(refund)


@pytest.mark.parametrize("act", [stop_queue, drain_queue])
def test_one_that_was_not_sent_stays_queued_and_is_found_again(paying: Sandbox, act: Any) -> None:
    refund = asked(paying, "razorpay")
    before = calls(paying)
    order(act)

    assert (gateways_with_refunds(), send_refunds("razorpay")) == ([], 0)

    row = fresh(refund)
    assert (row.state, row.attempts_made, row.next_attempt_at) == ("QUEUED", 0, refund.next_attempt_at)
    assert calls(paying) == before
    order(resume_queue)
    assert gateways_with_refunds() == ["razorpay"]
    assert send_refunds("razorpay") == 1
    assert given_there(paying, refund) == GIVEN


def test_drained_one_that_was_sent_is_asked_about_and_not_sent_again(paying: Sandbox) -> None:
    """Razorpay takes it a second time under the same key; while it is drained not even that leaves."""
    refund, queued = lost(asked(paying, "razorpay")), asked(paying, "razorpay")
    order(drain_queue)
    assert gateways_with_refunds() == ["razorpay"]
    before = calls(paying)

    assert send_refunds("razorpay") == 1

    assert calls(paying) > before
    assert (fresh(refund).state, fresh(queued).state) == ("REQUESTED", "QUEUED")
    assert given_there(paying, refund) == []
    order(resume_queue)
    assert due(refund).state == "REQUESTED"
    send_refunds("razorpay")
    assert given_there(paying, refund) == GIVEN


def test_stopped_one_that_was_sent_is_not_asked_about(paying: Sandbox) -> None:
    refund = lost(asked(paying, "razorpay"))
    before = calls(paying)
    order(stop_queue)

    assert (gateways_with_refunds(), send_refunds("razorpay")) == ([], 0)

    row = fresh(refund)
    assert (row.asks_made, row.next_attempt_at, calls(paying)) == (0, refund.next_attempt_at, before)


@pytest.mark.parametrize("act", [stop_queue, drain_queue])
def test_one_that_was_claimed_before_the_order_is_queued_again_unsent(paying: Sandbox, act: Any) -> None:
    refund = asked(paying, "razorpay")
    before = calls(paying)

    def claim_then_order(*arguments: Any, **options: Any) -> object:
        claimed = claim_refunds(*arguments, **options)
        order(act)
        return claimed

    with patch("payments.refunds.send.claim_refunds", claim_then_order):
        assert send_refunds("razorpay") == 1

    assert fresh(refund).state == "QUEUED"
    assert calls(paying) == before
    order(resume_queue)
    sent(refund)
    assert given_there(paying, refund) == GIVEN
