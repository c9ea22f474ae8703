"""Settlement, when a row of the batch cannot be booked or the database goes away."""

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from payments.facts import Paid
from payments.models import DeadLetter, Payment, PaymentAttempt
from payments.settle import settle_batch
from payments.states import AttemptState
from tests.factories import (
    fresh,
    make_attempt,
    make_pending,
    paid,
)
from tests.payments.books import entries_of, told
from wallets.prove import find_breaks

pytestmark = pytest.mark.django_db


def that_cannot_be_booked(payment: Payment) -> Paid:
    """With an id of the gateway's that is longer than its column."""
    payment.attempts.update(transaction_id="")
    return paid(payment, transaction_id="x" * 101)


@pytest.mark.invariant("INV-4")
@pytest.mark.parametrize("position", [0, 3, 6])
def test_a_row_that_cannot_be_booked_is_set_aside_and_the_rest_goes_on(position: int) -> None:
    payments = [make_pending()[0] for _ in range(7)]
    bad = payments[position]
    facts = [paid(payment) for payment in payments]
    facts[position] = that_cannot_be_booked(bad)

    settle_batch(facts)

    good = [payment for payment in payments if payment != bad]
    assert [fresh(payment).state for payment in good] == ["SETTLED"] * 6
    assert fresh(bad).state == "PENDING"
    assert (fresh(bad).next_check_at, entries_of(bad), told(bad)) == (None, {}, [])
    assert bad.order is not None
    assert fresh(bad.order).state == "PLACED"
    letter = DeadLetter.objects.get()
    assert (letter.payment_id, letter.replayed_at) == (bad.pk, None)
    assert "too long" in letter.reason
    assert find_breaks() == {}


def test_a_payment_is_set_aside_once() -> None:
    payment, _ = make_pending()
    fact = that_cannot_be_booked(payment)

    settle_batch([fact])
    settle_batch([fact])

    assert DeadLetter.objects.filter(payment=payment).count() == 1


def test_while_another_try_is_open_it_is_asked_about_all_the_same() -> None:
    """Both may be paid; the customer is on the second."""
    payment, first = make_pending()
    fact = paid(payment, money=None)
    PaymentAttempt.objects.filter(pk=first.pk).update(state=AttemptState.ABSENT)
    make_attempt(payment)
    due = timezone.now()
    Payment.objects.filter(pk=payment.pk).update(next_check_at=due)

    settle_batch([fact])

    assert DeadLetter.objects.filter(payment=payment).count() == 1
    assert fresh(payment).next_check_at == due


@pytest.mark.invariant("INV-4")
def test_a_database_that_goes_away_leaves_all_as_it_was() -> None:
    payments = [make_pending()[0] for _ in range(3)]
    with connection.cursor() as cursor:
        # What a lock that is not to be had raises, at the last step of a settlement.
        cursor.execute(
            """
            CREATE FUNCTION go_away() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'gone' USING ERRCODE = '55P03'; END$$;
            CREATE TRIGGER go_away BEFORE INSERT ON notifications_notification EXECUTE FUNCTION go_away();
            """
        )

    with pytest.raises(OperationalError, match="gone"):
        settle_batch([paid(payment) for payment in payments])

    for payment in payments:
        assert (fresh(payment).state, entries_of(payment)) == ("PENDING", {})
        assert payment.order is not None
        assert fresh(payment.order).state == "PLACED"
    assert not DeadLetter.objects.exists()
