"""Matching webhook events with their payments: a hint makes a payment due, and never more than that."""

import pytest

from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.events import LOOK_AGAIN_SECONDS
from payments.match import match_batch
from payments.models import Payment, PaymentAttempt, WebhookEvent
from payments.states import AttemptState, PaymentState
from payments.strangers import look_up_strangers
from tests.factories import a_while_ago, fresh, make_attempt, make_event, make_order, make_payment, make_pending
from tests.gateways import switched_on
from tests.payments.books import entries_of
from tests.payments.gateways.sandbox import Sandbox, wait_for
from tests.payments.tricks import booked, turn
from wallets.selectors import wallet_balance

pytestmark = pytest.mark.django_db


def not_due(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk).update(next_check_at=None)


def collected(sandbox: Sandbox) -> tuple[Payment, str]:
    """A payment whose money the sandbox has, and its id there."""
    payment = make_payment()
    turn(sandbox, payment, approval_delay_ms=0)
    charge_payment(payment.pk)
    wait_for(lambda: booked(sandbox, payment), lambda found: found[0]["state"] == "collected")
    return payment, booked(sandbox, payment)[0]["gateway_id"]


@pytest.mark.parametrize("by", ["transaction_id", "reference"])
def test_an_event_makes_its_payment_due_and_settles_nothing_itself(by: str) -> None:
    payment, attempt = make_pending()
    not_due(payment)
    event = make_event(**{by: str(getattr(attempt, by))}, word="SUCCESSFUL")

    assert match_batch("fapshi") == 1

    row = fresh(event)
    assert (row.state, row.payment_id, row.next_look_at) == ("MATCHED", payment.pk, None)
    assert fresh(payment).state == "PENDING"
    assert fresh(payment).next_check_at is not None
    assert match_batch("fapshi") == 0


def lost(sandbox: Sandbox) -> tuple[PaymentAttempt, str]:
    """A try whose answer was lost, and the id that the sandbox knows it by."""
    payment, transaction_id = collected(sandbox)
    payment.attempts.update(state=AttemptState.UNKNOWN, transaction_id="")
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.REQUESTED)
    return payment.attempts.get(), transaction_id


def test_an_event_teaches_the_gateways_id_of_a_try_whose_answer_was_lost(sandbox: Sandbox) -> None:
    attempt, transaction_id = lost(sandbox)
    make_event(reference=str(attempt.reference), transaction_id=transaction_id)

    match_batch("fapshi")

    assert fresh(attempt).transaction_id == transaction_id


@pytest.mark.invariant("INV-1")
def test_an_event_that_came_before_we_knew_its_transaction_is_parked_and_applied_when_its_time_comes(
    sandbox: Sandbox,
) -> None:
    attempt, transaction_id = lost(sandbox)
    not_due(attempt.payment)
    early = make_event(transaction_id=transaction_id)
    match_batch("fapshi")
    assert (fresh(early).state, fresh(attempt.payment).next_check_at) == ("PARKED", None)

    WebhookEvent.objects.filter(pk=early.pk).update(next_look_at=a_while_ago())
    look_up_strangers("fapshi")
    assert (fresh(early).state, fresh(attempt.payment).next_check_at is not None) == ("MATCHED", True)

    Payment.objects.filter(pk=attempt.payment_id).update(next_check_at=a_while_ago())
    confirm_batch("fapshi")
    assert fresh(attempt.payment).state == "SETTLED"


@pytest.mark.invariant("INV-1")
def test_an_id_that_the_gateway_does_not_confirm_is_not_believed(sandbox: Sandbox) -> None:
    attempt, transaction_id = lost(sandbox)
    made_up = make_event(reference=str(attempt.reference), transaction_id="Zz00Zz00Zz")
    match_batch("fapshi")

    assert (fresh(made_up).state, fresh(attempt).transaction_id) == ("PARKED", "")
    make_event(reference=str(attempt.reference), transaction_id=transaction_id)
    match_batch("fapshi")
    assert fresh(attempt).transaction_id == transaction_id


def test_an_id_that_is_known_is_not_replaced(sandbox: Sandbox) -> None:
    _, attempt = make_pending()
    known = attempt.transaction_id
    make_event(reference=str(attempt.reference), transaction_id="Zz00Zz00Zz")

    match_batch("fapshi")

    assert fresh(attempt).transaction_id == known


def test_the_event_of_another_gateway_matches_nothing() -> None:
    payment, attempt = make_pending()
    not_due(payment)
    event = make_event(gateway="campay", transaction_id=attempt.transaction_id)

    with switched_on():
        assert match_batch("fapshi") == 0
        assert match_batch("campay") == 1

    assert (fresh(event).state, fresh(payment).next_check_at) == ("PARKED", None)


def test_a_settled_payment_has_nothing_left_to_ask() -> None:
    payment = make_payment(state=PaymentState.SETTLED)
    attempt = make_attempt(payment, AttemptState.PAID)
    event = make_event(transaction_id=attempt.transaction_id)

    match_batch("fapshi")

    assert (fresh(event).state, fresh(payment).next_check_at) == ("MATCHED", None)


def test_many_events_of_one_payment_are_all_matched() -> None:
    payment, attempt = make_pending()
    events = [make_event(transaction_id=attempt.transaction_id) for _ in range(3)]

    assert match_batch("fapshi") == 3

    assert {(fresh(event).state, fresh(event).payment_id) for event in events} == {("MATCHED", payment.pk)}


def test_an_event_for_nobody_is_looked_at_again_and_again_and_then_left(sandbox: Sandbox) -> None:
    event = make_event(transaction_id="Zz00Zz00Zz")
    waits = []

    match_batch("fapshi")
    for _ in LOOK_AGAIN_SECONDS:
        row = fresh(event)
        assert row.state == "PARKED"
        waits.append(row.looks)
        WebhookEvent.objects.filter(pk=event.pk).update(next_look_at=a_while_ago())
        look_up_strangers("fapshi")

    assert waits == [1, 2, 3, 4, 5]
    row = fresh(event)
    assert (row.state, row.next_look_at, row.problem) == ("UNCLAIMED", None, "belongs to no payment of ours")


@pytest.mark.parametrize("reference", ["", "not-a-uuid", "5b0e1c52-7a1d-4f3c-8e55-6f0a9b2d3c41", "\u2603"])
def test_what_names_nothing_of_ours_is_parked_without_a_call(reference: str) -> None:
    event = make_event(reference=reference)

    match_batch("fapshi")

    assert fresh(event).state == "PARKED"


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("ended", [AttemptState.ABSENT, AttemptState.NOT_PAID, AttemptState.NOT_SENT])
def test_money_of_a_try_that_had_ended_is_booked_all_the_same(sandbox: Sandbox, ended: AttemptState) -> None:
    payment, transaction_id = collected(sandbox)
    payment.attempts.update(state=ended)
    Payment.objects.filter(pk=payment.pk).update(
        state=PaymentState.FAILED, finished_at=a_while_ago(), next_check_at=None
    )
    event = make_event(transaction_id=transaction_id)

    match_batch("fapshi")

    assert (fresh(payment).state, payment.attempts.get().state) == ("SETTLED", "PAID")
    assert (fresh(event).state, fresh(event).payment_id) == ("MATCHED", payment.pk)
    assert "capture" in entries_of(payment)


@pytest.mark.invariant("INV-6")
def test_money_of_a_try_that_was_given_up_settles_a_payment_that_is_queued_again(sandbox: Sandbox) -> None:
    payment, transaction_id = collected(sandbox)
    payment.attempts.update(state=AttemptState.ABSENT)
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.QUEUED, next_check_at=None)
    make_event(transaction_id=transaction_id)

    match_batch("fapshi")

    assert fresh(payment).state == "SETTLED"
    charge_payment(payment.pk)
    assert len(booked(sandbox, payment)) == 1


@pytest.mark.invariant("INV-2")
def test_a_forged_event_about_a_try_that_failed_moves_nothing(sandbox: Sandbox) -> None:
    payment = make_payment()
    turn(sandbox, payment, approval_delay_ms=0, refusal_rate=1)
    charge_payment(payment.pk)
    wait_for(lambda: booked(sandbox, payment), lambda found: found[0]["state"] == "failed")
    Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago())
    confirm_batch("fapshi")
    event = make_event(transaction_id=payment.attempts.get().transaction_id, word="SUCCESSFUL")

    match_batch("fapshi")

    assert (fresh(event).state, fresh(payment).state) == ("MATCHED", "FAILED")
    assert entries_of(payment) == {}


@pytest.mark.invariant("INV-6")
def test_a_customer_who_was_charged_twice_has_the_second_amount_in_the_wallet(sandbox: Sandbox) -> None:
    payment, transaction_id = collected(sandbox)
    payment.attempts.update(state=AttemptState.ABSENT)
    Payment.objects.filter(pk=payment.pk).update(
        state=PaymentState.SETTLED, finished_at=a_while_ago(), settled_at=a_while_ago(), next_check_at=None
    )
    make_attempt(payment, AttemptState.PAID)
    make_event(transaction_id=transaction_id)

    match_batch("fapshi")

    assert wallet_balance(payment.user_id, payment.currency) == payment.amount


def test_a_gateway_that_is_away_parks_what_must_be_looked_up() -> None:
    order = make_order()
    payment = make_payment(order=order, state=PaymentState.FAILED)
    attempt = make_attempt(payment, AttemptState.NOT_PAID)
    event = make_event(transaction_id=attempt.transaction_id)

    with switched_on():
        match_batch("fapshi")

    assert (fresh(event).state, fresh(payment).state) == ("PARKED", "FAILED")


def test_what_is_claimed_is_left_to_its_claimer_until_its_lease_is_over() -> None:
    event = make_event(transaction_id="x")

    with switched_on():
        match_batch("fapshi")
        again = match_batch("fapshi")

    assert (again, fresh(event).looks) == (0, 1)
