"""The tally of ended payments: what the rows say, without looking at them."""

import random

import pytest
from django.db import connection, transaction
from django.db.models import Count, Q

from payments import prove
from payments.models import Payment, TallyStep
from payments.settle import settle_batch
from payments.states import FINAL_STATES, WAITING_STATES, PaymentState
from payments.tally import fold, locks
from payments.tally.fold import fold_tally
from payments.tally.read import Counts, read_counts
from payments.tasks import tidy_tally
from tests.factories import fresh, make_payment, make_pending, paid

pytestmark = pytest.mark.django_db

S = PaymentState


def counted() -> Counts:
    """The same, by looking at every payment."""
    rows = Payment.objects.values_list("gateway", "priority", "state")
    found = rows.annotate(Count("pk"), again=Count("pk", filter=Q(attempts_made__gt=1)))
    retried: dict[tuple[str, int], int] = {}
    for gateway, priority, _, _, again in found:
        retried[gateway, priority] = retried.get((gateway, priority), 0) + again
    return Counts({(gateway, priority, state): count for gateway, priority, state, count, _ in found}, retried)


def assert_exact() -> None:
    told, there = read_counts(), counted()
    assert told.by_state == there.by_state
    assert {place: count for place, count in told.retried.items() if count} == {
        place: count for place, count in there.retried.items() if count
    }


def steps() -> list[tuple[str, int]]:
    return list(TallyStep.objects.order_by("pk").values_list("state", "change"))


def change(payment: Payment, to: PaymentState, **columns: object) -> None:
    """As a verb or a person with SQL may, with the times that belong to the state."""
    is_final, is_settled = to in FINAL_STATES, to == S.SETTLED
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE payments_payment SET state = %s, finished_at = CASE WHEN %s THEN now() END, "
            "settled_at = CASE WHEN %s THEN now() END WHERE id = %s",
            [to, is_final, is_settled, payment.pk],
        )


def test_counts_every_state_by_gateway_and_priority() -> None:
    for number, state in enumerate(PaymentState):
        make_payment(state=state, gateway=("fapshi", "campay")[number % 2], priority=1 + number % 3)
        make_payment(state=state, attempts_made=2)

    assert_exact()
    assert sum(read_counts().by_state.values()) == 2 * len(PaymentState)
    assert read_counts().retries(gateway="fapshi") == len(PaymentState)


def test_a_failed_payment_that_is_settled_later_leaves_its_place() -> None:
    payment, _ = make_pending()
    change(payment, S.FAILED)

    settle_batch([paid(payment)])

    assert fresh(payment).state == S.SETTLED
    assert steps() == [(S.FAILED, 1), (S.FAILED, -1), (S.SETTLED, 1)]
    assert_exact()
    # Both ends were ends: a counter that goes down would look like a restart.
    assert read_counts().entered == {("fapshi", 1, S.FAILED): 1, ("fapshi", 1, S.SETTLED): 1}


def test_what_waits_on_leaves_no_step() -> None:
    payment = make_payment()
    for state in (S.REQUESTED, S.PENDING, S.QUEUED):
        change(payment, state)
    Payment.objects.filter(pk=payment.pk).update(attempts_made=3, checks_made=9)

    assert steps() == []
    assert_exact()


def test_what_changes_on_an_ended_payment_is_counted_when_it_is_counted_by() -> None:
    payment = make_payment(state=S.SETTLED)
    Payment.objects.filter(pk=payment.pk).update(problem="seen", fee_minor=5, next_check_at=None)
    assert len(steps()) == 1

    Payment.objects.filter(pk=payment.pk).update(attempts_made=2)
    Payment.objects.filter(pk=payment.pk).update(gateway="campay")

    assert_exact()
    assert read_counts().retries(gateway="campay") == 1


def test_a_payment_that_is_taken_away_is_not_counted_any_more() -> None:
    payment = make_payment(state=S.EXPIRED)
    payment.delete()

    assert read_counts().by_state == {}


def test_what_is_rolled_back_was_never_counted() -> None:
    payment = make_payment()

    with transaction.atomic():
        change(payment, S.FAILED)
        transaction.set_rollback(True)

    assert steps() == []
    assert_exact()


def test_whatever_happens_in_whatever_order_the_tally_is_what_the_rows_say() -> None:
    chance = random.Random(4)
    payments = [make_payment(gateway=chance.choice(("fapshi", "wallet")), priority=1 + n % 3) for n in range(25)]
    for turn in range(300):
        change(chance.choice(payments), chance.choice(list(PaymentState)))
        if turn % 40 == 0:
            locks.fold_steps(chance.randint(1, 30))
        if turn % 15 == 0:
            assert_exact()

    assert_exact()
    assert prove.find_breaks().get("tally") is None


def test_folding_changes_no_figure_and_leaves_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "STEPS", 3)
    for state in (*FINAL_STATES, *FINAL_STATES, *WAITING_STATES):
        make_payment(state=state)
    before = read_counts()

    folded = [fold_tally(), fold_tally()]

    assert folded == [2 * len(FINAL_STATES), 0]
    assert TallyStep.objects.count() == 0
    assert read_counts() == before
    assert_exact()


def test_what_ends_after_a_fold_comes_on_top() -> None:
    first, _ = make_pending()
    change(first, S.FAILED)
    tidy_tally()
    change(first, S.SETTLED)
    make_payment(state=S.SETTLED)

    assert_exact()
    tidy_tally()
    assert_exact()
    assert read_counts().by_state == {("fapshi", 1, S.SETTLED): 2}
    assert read_counts().entered == {("fapshi", 1, S.FAILED): 1, ("fapshi", 1, S.SETTLED): 2}
