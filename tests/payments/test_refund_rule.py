"""The database's own rule about refunds: never more back than was captured."""

from typing import Any

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


# What one row may look like.

NOW = timezone.now()


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("refund_amount_positive", {"amount_minor": 0}),
        ("refund_amount_positive", {"amount_minor": -100}),
        ("refund_currency_known", {"currency": "USD"}),
        ("refund_state_known", {"state": "LOST"}),
        ("refund_source_known", {"source": "NOBODY"}),
        ("refund_way_fits", {"way": "WALLET"}),
        ("refund_way_fits", {"gateway": ""}),
        ("refund_way_fits", {"way": "POST"}),
        ("refund_waits_or_has_ended", {"next_attempt_at": None}),
        ("refund_waits_or_has_ended", {"finished_at": NOW}),
        ("refund_waits_or_has_ended", {"finished_at": NOW, "next_attempt_at": None}),
        ("refund_waits_or_has_ended", {"state": "REFUNDED"}),
        ("refund_waits_or_has_ended", {"state": "FAILED", "next_attempt_at": None}),
        ("refund_waits_or_has_ended", {"state": "REFUNDED", "finished_at": NOW}),
    ],
)
def test_a_refund_is_sound(name: str, columns: dict[str, Any]) -> None:
    refund = _refund(_collected(), 100)
    with connection.cursor() as cursor:  # which refuses some of these before the constraints do
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE payments_refund DISABLE TRIGGER payments_refund_within_capture")

    with refused_by(name):
        Refund.objects.filter(pk=refund.pk).update(**columns)


def test_a_refund_through_a_gateway_gives_back_what_a_try_took() -> None:
    payment = make_payment(state=PaymentState.SETTLED, gateway="wallet")
    wish = {"source": RefundSource.STAFF, "gateway": "fapshi", "amount_minor": 1, "currency": "XAF", "reason": "a test"}

    with refused_by("refund_way_fits"):
        Refund.objects.create(payment=payment, way=RefundWay.GATEWAY, next_attempt_at=NOW, **wish)


@pytest.mark.invariant("INV-2")
def test_a_reference_is_used_once() -> None:
    refund = _refund(_collected(), 100)

    with refused_by("payments_refund_reference_key"):
        Refund.objects.filter(pk=_refund(_collected(), 100).pk).update(reference=refund.reference)


@pytest.mark.invariant("INV-2")
def test_what_a_gateway_gave_back_is_one_row() -> None:
    first, second = _refund(_collected(), 100), _refund(_collected(), 100)
    Refund.objects.filter(pk=first.pk).update(gateway_refund_id="rfnd_1")

    with refused_by("refund_at_gateway_once"):
        Refund.objects.filter(pk=second.pk).update(gateway_refund_id="rfnd_1")

    Refund.objects.filter(pk=second.pk).update(gateway_refund_id="rfnd_1", gateway="campay")
    assert Refund.objects.filter(gateway_refund_id="").count() == 0


def test_one_that_failed_leaves_its_id_to_the_row_of_what_was_given_after_all() -> None:
    attempt = _collected()
    failed = _refund(attempt, 100, RefundState.FAILED)
    Refund.objects.filter(pk=failed.pk).update(gateway_refund_id="rfnd_1")

    given = _refund(attempt, 100, RefundState.REFUNDED)
    Refund.objects.filter(pk=given.pk).update(gateway_refund_id="rfnd_1")

    assert Refund.objects.filter(gateway_refund_id="rfnd_1").count() == 2


@pytest.mark.invariant("INV-2")
def test_of_a_payment_from_the_wallet_no_more_goes_back_than_was_paid() -> None:
    payment = make_payment(state=PaymentState.SETTLED, gateway="wallet")
    assert payment.amount_minor == 2500
    into = {"way": RefundWay.WALLET, "source": RefundSource.STAFF, "currency": "XAF", "reason": "a test"}
    ended = {"state": RefundState.REFUNDED, "finished_at": NOW}
    Refund.objects.create(payment=payment, amount_minor=2000, **into, **ended)

    with refused_by("refund_within_capture"):
        Refund.objects.create(payment=payment, amount_minor=501, **into, **ended)


@pytest.mark.parametrize("columns", [{"amount_minor": 2501}, {"currency": "INR"}])
def test_a_row_that_grows_is_counted_anew(columns: dict[str, Any]) -> None:
    refund = _refund(_collected(2500), 2500)

    with refused_by("refund_within_capture"):
        Refund.objects.filter(pk=refund.pk).update(**columns)


def test_a_row_that_moves_to_another_payment_is_counted_there() -> None:
    refund, other = _refund(_collected(2500), 2500), _collected(100)

    with refused_by("refund_within_capture"):
        Refund.objects.filter(pk=refund.pk).update(payment=other.payment, attempt=other)
