"""What its page says to do about a refund that failed."""

import pytest

from payments.admin.refund_advice import advice_about
from payments.models import DeadLetter
from payments.refunds.take_up import fail
from tests.factories import fresh
from tests.payments.refund_rows import asked_long_ago, make_refund, make_settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]


def test_one_that_never_went_out_may_be_given_again_by_any_way() -> None:
    refund = make_refund(make_settled(), 100)
    fail(refund, code="refund_refused", problem="no")

    assert advice_about(fresh(refund)).endswith("Refund the payment again from its page.")


def test_one_that_the_gateway_was_asked_for_may_still_go_out() -> None:
    refund = asked_long_ago(make_refund(make_settled(), 100))
    fail(refund, code="refund_refused", problem="no")

    assert "Into the wallet only once" in advice_about(fresh(refund))


def test_what_is_set_aside_is_read_first() -> None:
    """It went out after all, perhaps, and could not be booked."""
    refund = asked_long_ago(make_refund(make_settled(), 100))
    fail(refund, code="refund_refused", problem="no")
    DeadLetter.objects.create(payment=refund.payment, reason="the gateway gave back 100 FCFA, and it cannot be booked")

    assert "read what is set aside" in advice_about(fresh(refund))
