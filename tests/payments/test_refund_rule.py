"""The database's own rule about refunds: never more back than was captured."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from payments.models import PaymentAttempt, Refund, RefundSource, RefundWay
from payments.states import AttemptState, PaymentState, RefundState
from tests.constraints import refused_by
from tests.factories import make_payment

pytestmark = pytest.mark.django_db


def _collected(amount_minor: int = 2500) -> PaymentAttempt:
    payment = make_payment(state=PaymentState.SETTLED, amount_minor=amount_minor)
    return PaymentAttempt.objects.create(
        payment=payment,
        number=1,
        gateway=payment.gateway,
        state=AttemptState.PAID,
        collected_minor=amount_minor,
        collected_currency=payment.currency,
    )


def _refund(attempt: PaymentAttempt, amount_minor: int, state: RefundState = RefundState.QUEUED) -> Refund:
    ended = state in {RefundState.FAILED, RefundState.REFUNDED}
    return Refund.objects.create(
        payment=attempt.payment,
        attempt=attempt,
        way=RefundWay.GATEWAY,
        source=RefundSource.STAFF,
        gateway=attempt.gateway,
        amount_minor=amount_minor,
        currency=attempt.collected_currency,
        reason="a test",
        state=state,
        next_attempt_at=None if ended else timezone.now(),
        finished_at=timezone.now() if ended else None,
    )


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-2")
def test_never_gives_back_more_than_was_captured() -> None:
    attempt = _collected(2500)
    _refund(attempt, 2000)

    with refused_by("refund_within_capture"):
        _refund(attempt, 501)

    _refund(attempt, 500)


def test_a_refund_that_failed_does_not_count_but_may_not_come_back_over_the_limit() -> None:
    attempt = _collected(2500)
    failed = _refund(attempt, 2500, RefundState.FAILED)
    _refund(attempt, 2500)

    with refused_by("refund_within_capture"):
        Refund.objects.filter(pk=failed.pk).update(
            state=RefundState.REFUNDED, finished_at=timezone.now(), next_attempt_at=None
        )


def test_gives_nothing_back_of_a_try_that_took_nothing() -> None:
    attempt = _collected(2500)
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state=AttemptState.NOT_PAID)

    with refused_by("refund_within_capture"):
        _refund(attempt, 1)


def test_gives_nothing_back_in_another_currency() -> None:
    attempt = _collected(2500)
    attempt.collected_currency = "INR"

    with refused_by("refund_within_capture"):
        _refund(attempt, 1)


def test_a_refund_is_never_deleted() -> None:
    refund = _refund(_collected(), 100)

    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM payments_refund WHERE id = %s", [refund.pk])
