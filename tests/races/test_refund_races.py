"""Races for refunds: to write one, to send one, and for the same money in the wallet."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
from django.db import connection

from choptym.lib.errors import NotAllowed
from payments import refund as refund_verb
from payments.gateways.base import RefundOutcome, RefundStatus
from payments.models import Payment, Refund
from payments.refund import refund_payment
from payments.refunds import take_up
from payments.refunds.locks import claim_refunds
from payments.refunds.outside import write_outside_refund
from payments.refunds.send import send_refunds
from payments.refunds.take_up import take_up_refund
from payments.refunds.write import Wish, find_known
from payments.settle import pay_from_wallet, settle_batch
from payments.states import RefundState
from tests.factories import a_while_ago, fresh, make_attempt, make_order, make_payment, make_topup, make_user, paid
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.refunds.world import (
    PAID_MINOR,
    asked,
    given_there,
    kinds_told,
    posted,
    says,
    says_outside,
    settled,
    to_its_end,
    wallet,
    write,
)
from tests.payments.staff import make_staff
from tests.races.track import at_once, meeting, slowed, wallet_is_true, without
from wallets import post
from wallets.locks import lock_accounts
from wallets.models import Account

PAYOUTS = {"FAPSHI_REFUNDS": "payout", "CAMPAY_REFUNDS": "payout"}
DROP_RULE = "ALTER TABLE payments_refund DISABLE TRIGGER payments_refund_within_capture"
RESTORE_RULE = "ALTER TABLE payments_refund ENABLE TRIGGER payments_refund_within_capture"


@pytest.fixture(autouse=True)
def _nobody_elses_are_due() -> Iterator[None]:
    def later() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE payments_refund SET next_attempt_at = now() + interval '1 day' "
                "WHERE next_attempt_at IS NOT NULL; UPDATE payments_payment SET next_check_at = NULL"
            )

    later()
    yield
    later()


@pytest.fixture
def paying(gateway_sandbox: Sandbox) -> Iterator[Sandbox]:
    with switched_on(gateway_sandbox.url, **PAYOUTS):
        yield gateway_sandbox


@pytest.fixture
def silent() -> Iterator[None]:
    with switched_on(**PAYOUTS):
        yield


def refund_twice(payment: Payment) -> list[object]:
    staff = make_staff()
    with slowed("payments_refund", "INSERT"):
        return at_once(*(partial(refund_payment, payment.pk, Wish(reason="cold"), actor_id=staff.pk) for _ in range(2)))


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent")
def test_two_refunds_of_the_whole_rest_at_once_are_one() -> None:
    payment = settled()

    results = refund_twice(payment)

    [refusal] = [result for result in results if isinstance(result, NotAllowed)]
    assert refusal.code == "nothing_left"
    refund = Refund.objects.get(payment=payment)
    assert (refund.amount_minor, sorted(posted(refund))) == (PAID_MINOR, ["given", "out"])


def _take_the_lock_away(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = meeting(2)

    def read(payment_ids: Sequence[int]) -> list[Payment]:
        return list(Payment.objects.filter(pk__in=payment_ids))

    monkeypatch.setattr(refund_verb, "lock_payments", read)
    check = find_known

    def look_and_meet(payment: Payment, wish: Wish) -> Refund | None:
        found = check(payment, wish)
        meet()
        return found

    monkeypatch.setattr(refund_verb, "find_known", look_and_meet)


@pytest.mark.usefixtures("silent")
def test_without_the_lock_the_database_still_refuses_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    _take_the_lock_away(monkeypatch)
    payment = settled()

    results = refund_twice(payment)

    assert sorted(type(result).__name__ for result in results) == ["IntegrityError", "Refund"]
    assert Refund.objects.filter(payment=payment).count() == 1


@pytest.mark.usefixtures("silent")
def test_control_without_lock_and_rule_the_money_is_given_back_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    _take_the_lock_away(monkeypatch)
    payment = settled()

    with without(DROP_RULE, RESTORE_RULE):
        results = refund_twice(payment)

    assert [type(result) for result in results] == [Refund, Refund]
    assert sum(refund.amount_minor for refund in Refund.objects.filter(payment=payment)) == 2 * PAID_MINOR


# The same money: on its way out, and at the cashier's.


def refund_and_spend() -> tuple[list[object], Payment, Payment]:
    user = make_user()
    topup = make_topup(user=user, gateway="campay", amount_minor=2500)
    make_attempt(topup)
    settle_batch([paid(topup)])
    spending = make_payment(order=make_order(user=user), gateway="wallet")
    staff = make_staff()
    with slowed("wallets_account", "UPDATE"):
        results = at_once(
            partial(refund_payment, topup.pk, Wish(reason="changed their mind"), actor_id=staff.pk),
            partial(pay_from_wallet, spending.pk),
        )
    return results, topup, fresh(spending)


@pytest.mark.invariant("INV-3")
@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("number", range(3))
def test_money_that_is_refunded_and_spent_at_once_goes_one_way(number: int) -> None:
    results, topup, spending = refund_and_spend()

    refunds = Refund.objects.filter(payment=topup).count()
    assert (refunds, spending.state) in {(1, "FAILED"), (0, "SETTLED")}
    if not refunds:
        assert isinstance(results[0], NotAllowed)
        assert results[0].code == "insufficient_balance"
    assert wallet(topup) == 0
    assert wallet_is_true(topup.user_id)


@pytest.mark.usefixtures("silent")
def test_control_without_the_lock_it_goes_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = meeting(2)

    def read(account_ids: Sequence[int]) -> list[Account]:
        accounts = list(Account.objects.filter(pk__in=account_ids).order_by("pk"))
        if accounts and accounts[0].balance.amount_minor == 2500:
            meet()
        return accounts

    # The top-up itself meets nobody.
    monkeypatch.setattr(post, "lock_accounts", lambda ids: lock_accounts(ids) if _is_empty(ids) else read(ids))

    _, topup, spending = refund_and_spend()

    assert (Refund.objects.filter(payment=topup).count(), spending.state) == (1, "SETTLED")
    assert not wallet_is_true(topup.user_id)


def _is_empty(account_ids: Sequence[int]) -> bool:
    return not Account.objects.filter(pk__in=account_ids, balance_minor__gt=0).exists()


# Several workers.


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", ["fapshi", "campay", "razorpay", "cashfree"])
def test_workers_that_send_at_once_send_each_refund_once(paying: Sandbox, gateway: str) -> None:
    refunds = [asked(paying, gateway) for _ in range(3)]

    with slowed("payments_refund", "UPDATE", seconds=0.05):
        results = at_once(*(partial(send_refunds, gateway) for _ in range(4)))

    assert sum(results) == 3
    assert [fresh(refund).attempts_made for refund in refunds] == [1, 1, 1]
    ended = [row if row.finished_at else to_its_end(row) for row in map(fresh, refunds)]
    assert [row.state for row in ended] == ["REFUNDED"] * 3
    assert [len(given_there(paying, refund)) for refund in refunds] == [1, 1, 1]


def test_control_with_a_claim_that_reads_first_they_all_claim_it() -> None:
    meet = meeting(3)
    with switched_on(**PAYOUTS):
        refund = write(settled(), 1000)

    def claim() -> bool:
        is_due = Refund.objects.filter(pk=refund.pk, state=RefundState.QUEUED).exists()
        meet()
        Refund.objects.filter(pk=refund.pk).update(state=RefundState.REQUESTED)
        return is_due

    assert at_once(claim, claim, claim) == [True, True, True]


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent")
def test_the_same_words_at_once_end_it_once_and_make_one_row() -> None:
    payment = settled()
    refund = write(payment, 1000)
    words: list[Callable[[], object]] = [
        partial(take_up_refund, "razorpay", says(refund)),
        partial(take_up_refund, "razorpay", says(refund)),
        partial(take_up_refund, "razorpay", says_outside(payment)),
        partial(take_up_refund, "razorpay", says_outside(payment)),
        partial(take_up_refund, "razorpay", says_outside(payment, RefundOutcome.PENDING)),
    ]

    with slowed("payments_refund", "UPDATE", seconds=0.03):
        results = at_once(*words)

    assert {type(result) for result in results} == {Payment}
    assert sorted(Refund.objects.filter(payment=payment).values_list("source", "state")) == [
        ("OUTSIDE", "REFUNDED"),
        ("STAFF", "REFUNDED"),
    ]
    for row in Refund.objects.filter(payment=payment):
        assert (sorted(posted(row)), kinds_told(row)) == (["given", "out"], ["payment_refunded"])


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent")
def test_of_two_first_words_at_once_the_end_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither finds a row, and the older word writes it."""
    payment, meet = settled(), meeting(2)

    def write_the_older_first(gateway: str, status: RefundStatus) -> Payment | None:
        meet()
        if status.outcome is RefundOutcome.DONE:
            time.sleep(0.3)
        return write_outside_refund(gateway, status)

    monkeypatch.setattr(take_up, "write_outside_refund", write_the_older_first)

    results = at_once(
        partial(take_up_refund, "razorpay", says_outside(payment, RefundOutcome.PENDING)),
        partial(take_up_refund, "razorpay", says_outside(payment, RefundOutcome.DONE)),
    )

    assert results == [payment, payment]
    refund = Refund.objects.get(payment=payment)
    assert (refund.state, sorted(posted(refund)), kinds_told(refund)) == (
        "REFUNDED",
        ["given", "out"],
        ["payment_refunded"],
    )


def claim_while_the_payment_is_held(refund: Refund) -> list[object]:
    """Somebody who holds the payment moves the refund, while another claims it."""
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=a_while_ago())

    def claim() -> object:
        time.sleep(0.05)
        return len(claim_refunds("razorpay", 10, may_send_again=True))

    with slowed("payments_refund", "UPDATE", seconds=0.3):
        return at_once(partial(take_up_refund, "razorpay", says(refund, RefundOutcome.PENDING)), claim)


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent")
def test_a_claim_waits_for_no_payment_so_nobody_deadlocks() -> None:
    refund = write(settled(), 1000)

    results = claim_while_the_payment_is_held(refund)

    assert not [result for result in results if isinstance(result, Exception)]
    assert fresh(refund).state in {"PENDING", "REQUESTED"}


@pytest.mark.usefixtures("silent")
def test_a_claim_is_made_while_somebody_holds_the_payment() -> None:
    """A settlement of the same payment may take long; the queue does not wait for it."""
    refund = write(settled(), 1000)
    Refund.objects.filter(pk=refund.pk).update(next_attempt_at=a_while_ago())

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "BEGIN; SELECT 1 FROM payments_payment WHERE id = %s FOR UPDATE; SELECT pg_sleep(1); COMMIT",
                [refund.payment_id],
            )

    def claim() -> float:
        time.sleep(0.3)
        began = time.monotonic()
        assert len(claim_refunds("razorpay", 10, may_send_again=True)) == 1
        return time.monotonic() - began

    _, seconds = at_once(hold, claim)

    assert isinstance(seconds, float), seconds
    assert seconds < 0.3
