"""The ways out without payment: expire.py, cancel.py, and close.py beneath them."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from choptym.lib.errors import NotAllowed
from notifications.deliver import write_letter
from notifications.models import Notification
from orders.models import CartItem
from payments.cancel import cancel_payment
from payments.close import close_unpaid
from payments.expire import expire_batch
from payments.models import Payment
from payments.settle import settle_batch
from payments.states import FINAL_STATES, WAITING_STATES, AttemptState, PaymentState
from tests.constraints import undo
from tests.factories import (
    a_while_ago,
    fresh,
    make_attempt,
    make_order,
    make_payment,
    make_pending,
    make_product,
    make_topup,
    make_user,
    paid,
)
from tests.payments.books import entries_of, told

pytestmark = pytest.mark.django_db


@pytest.mark.invariant("INV-7")
@pytest.mark.parametrize("state", WAITING_STATES)
def test_what_nobody_paid_in_time_expires_and_frees_its_stock(state: PaymentState) -> None:
    user, product = make_user(), make_product(stock=5)
    order = make_order(user=user, lines=[(product, 5)])
    payment = make_payment(order=order, state=state, expires_at=a_while_ago())

    assert expire_batch() == 1

    row = fresh(payment)
    assert (row.state, row.failure_code, row.next_check_at) == ("EXPIRED", "expired", None)
    assert row.finished_at is not None
    assert fresh(order).state == "CANCELLED"
    assert (fresh(product).stock_on_hand, fresh(product).stock_reserved) == (5, 0)
    assert CartItem.objects.get(user=user).order_id is None
    assert told(payment) == ["payment_expired"]
    assert expire_batch() == 0


@pytest.mark.parametrize(
    ("to", "attempts_made", "language", "words"),
    [
        ("FAILED", 0, "en", "We took no money."),
        ("EXPIRED", 0, "fr", "Aucun montant n'a été débité par nous."),
        ("FAILED", 1, "fr", "Si vous êtes débité malgré tout"),
        ("EXPIRED", 1, "en", "If you are charged all the same"),
    ],
)
def test_only_of_a_payment_that_no_gateway_was_asked_about_we_know_that_nothing_was_taken(
    to: str, attempts_made: int, language: str, words: str
) -> None:
    payment = make_payment(attempts_made=attempts_made)

    with transaction.atomic():
        close_unpaid(payment, PaymentState(to), code="expired")

    Notification.objects.filter(about=f"payment:{payment.pk}").update(language=language)
    assert words in write_letter(Notification.objects.get(about=f"payment:{payment.pk}")).text


@pytest.mark.parametrize("hours", [1, -1])
def test_nothing_expires_early_or_late_because_this_machine_is_wrong(hours: int) -> None:
    due, other = make_payment(expires_at=a_while_ago()), make_payment()

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
        assert expire_batch() == 1

    assert [fresh(payment).state for payment in (due, other)] == ["EXPIRED", "QUEUED"]
    assert abs(timezone.now() - (fresh(due).finished_at or due.queued_at)) < timedelta(minutes=1)


def test_a_topup_that_nobody_paid_expires_too() -> None:
    payment = make_topup(expires_at=a_while_ago())

    assert expire_batch() == 1

    assert (fresh(payment).state, told(payment)) == ("EXPIRED", ["payment_expired"])


def test_what_has_time_left_or_has_ended_stays() -> None:
    in_time = make_payment()
    ended = [make_payment(state=state, expires_at=a_while_ago()) for state in FINAL_STATES]

    assert expire_batch() == 0

    assert fresh(in_time).state == "QUEUED"
    assert [fresh(payment).state for payment in ended] == list(FINAL_STATES)


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("state", [AttemptState.STARTED, AttemptState.ACCEPTED, AttemptState.UNKNOWN])
def test_while_a_try_may_still_take_the_money_the_gateway_is_asked_on(state: AttemptState) -> None:
    payment = make_payment(state=PaymentState.REQUESTED, expires_at=a_while_ago())
    make_attempt(payment, state)

    expire_batch()

    check_at = fresh(payment).next_check_at
    assert check_at is not None
    assert 4 < (check_at - timezone.now()).total_seconds() <= 5


def test_a_try_that_has_ended_is_not_asked_about() -> None:
    payment = make_payment(state=PaymentState.REQUESTED, expires_at=a_while_ago())
    make_attempt(payment, AttemptState.NOT_SENT)

    expire_batch()

    assert fresh(payment).next_check_at is None


def test_what_is_too_old_is_not_watched() -> None:
    payment, _ = make_pending()
    Payment.objects.filter(pk=payment.pk).update(
        expires_at=a_while_ago(), queued_at=timezone.now() - timedelta(hours=49)
    )

    expire_batch()

    assert (fresh(payment).state, fresh(payment).next_check_at) == ("EXPIRED", None)


def test_one_that_cannot_be_ended_does_not_hold_up_the_others() -> None:
    bad, good = (make_payment(expires_at=a_while_ago(), phone=phone) for phone in ("600000000", "677000000"))
    fail_for("600000000", "23514")

    assert expire_batch() == 1

    assert (fresh(bad).state, fresh(good).state) == ("QUEUED", "EXPIRED")


@pytest.mark.invariant("INV-4")
def test_a_lock_that_is_not_to_be_had_is_told_to_the_caller() -> None:
    payment = make_payment(expires_at=a_while_ago(), phone="600000000")
    fail_for("600000000", "55P03")

    with pytest.raises(OperationalError):
        expire_batch()

    assert fresh(payment).state == "QUEUED"


def fail_for(phone: str, sqlstate: str) -> None:
    """Let the last step of ending this number's payment fail."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END$$;
            CREATE TRIGGER fail BEFORE INSERT ON notifications_notification FOR EACH ROW
            WHEN (NEW.address = '{phone}') EXECUTE FUNCTION fail();
            """
        )


@pytest.mark.parametrize("state", [PaymentState.QUEUED, PaymentState.PENDING])
def test_a_customer_changes_their_mind(state: PaymentState) -> None:
    user, product = make_user(), make_product(stock=5)
    payment = make_payment(order=make_order(user=user, lines=[(product, 2)]), state=state)

    cancelled = cancel_payment(payment.pk)

    assert (cancelled.state, cancelled.failure_code) == ("CANCELLED", "cancelled")
    assert payment.order is not None
    assert fresh(payment.order).state == "CANCELLED"
    assert fresh(product).stock_on_hand == 5
    assert CartItem.objects.get(user=user).order_id is None
    assert told(payment) == []


def test_cancelling_again_is_no_error_and_does_nothing() -> None:
    product = make_product(stock=5)
    payment = make_payment(order=make_order(lines=[(product, 2)]))
    first = cancel_payment(payment.pk)

    second = cancel_payment(payment.pk)

    assert second.finished_at == first.finished_at
    assert fresh(product).stock_on_hand == 5


@pytest.mark.invariant("INV-5")
def test_while_the_gateway_is_being_asked_nothing_can_be_cancelled() -> None:
    payment = make_payment(state=PaymentState.REQUESTED)

    with pytest.raises(NotAllowed) as caught:
        cancel_payment(payment.pk)

    assert (caught.value.code, caught.value.retry_after_seconds) == ("outcome_unknown", 5)
    assert fresh(payment).state == "REQUESTED"
    assert payment.order is not None
    assert fresh(payment.order).state == "PLACED"


@pytest.mark.parametrize("state", [state for state in FINAL_STATES if state != PaymentState.CANCELLED])
def test_what_has_ended_cannot_be_cancelled(state: PaymentState) -> None:
    payment = make_payment(state=state)

    with pytest.raises(NotAllowed) as caught:
        cancel_payment(payment.pk)

    assert caught.value.code == "already_ended"
    assert state not in caught.value.message
    assert fresh(payment).state == state


@pytest.mark.invariant("INV-6")
def test_a_prompt_that_is_approved_after_cancelling_takes_the_order_up_again() -> None:
    payment, _ = make_pending()
    fact = paid(payment)
    cancel_payment(payment.pk)
    assert fresh(payment).next_check_at is not None

    settle_batch([fact])

    assert sorted(entries_of(payment)) == ["capture", "sale"]
    assert told(payment) == ["payment_settled_late"]


@pytest.mark.invariant("INV-4")
def test_all_of_an_end_is_undone_with_its_transaction() -> None:
    payment = make_payment()

    undo(lambda: close_unpaid(payment, PaymentState.FAILED, code="declined"))

    assert fresh(payment).state == "QUEUED"
    assert payment.order is not None
    assert fresh(payment.order).state == "PLACED"
    assert told(payment) == []
