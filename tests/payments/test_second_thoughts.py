"""A gateway that calls a payment failed, and finds its money afterwards: it is asked again, and its word wins."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.models import Payment
from payments.second_looks import AFTER_FAILURE_SECONDS
from tests.factories import a_while_ago, fresh, make_payment
from tests.payments.books import entries_of, told
from tests.payments.gateways.sandbox import Sandbox, wait_for
from tests.payments.tricks import booked, turn

pytestmark = pytest.mark.django_db


@pytest.mark.invariant("INV-6")
def test_money_that_comes_after_a_failure_is_found_without_a_webhook(sandbox: Sandbox) -> None:
    payment = make_payment()
    turn(sandbox, payment, approval_delay_ms=0, refusal_rate=1, success_after_failure_rate=1, late_success_ms=300)
    charge_payment(payment.pk)
    wait_for(lambda: booked(sandbox, payment), lambda found: found[0]["state"] == "failed")
    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago())
    confirm_batch("fapshi")
    assert fresh(payment).state == "FAILED"
    wait_for(lambda: booked(sandbox, payment), lambda found: found[0]["state"] == "collected")

    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago())
    confirm_batch("fapshi")

    assert fresh(payment).state == "SETTLED"
    assert set(entries_of(payment)) >= {"capture", "sale"}
    assert told(payment) == ["payment_failed", "payment_settled_late"]


def test_the_asking_after_a_failure_comes_to_an_end(sandbox: Sandbox) -> None:
    payment = make_payment()
    turn(sandbox, payment, approval_delay_ms=0, refusal_rate=1)
    charge_payment(payment.pk)
    wait_for(lambda: booked(sandbox, payment), lambda found: found[0]["state"] == "failed")
    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago())
    confirm_batch("fapshi")

    long_ago = timezone.now() - timedelta(seconds=AFTER_FAILURE_SECONDS[-1] + 1)
    Payment.objects.filter(pk=payment.pk).update(finished_at=long_ago, next_check_at=a_while_ago())
    confirm_batch("fapshi")

    assert (fresh(payment).state, fresh(payment).next_check_at) == ("FAILED", None)
