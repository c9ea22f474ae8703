"""Races to write a refund: for what is left of a payment, and for the same money in the wallet."""

from collections.abc import Iterator, Sequence
from functools import partial

import pytest

from choptym.lib.errors import NotAllowed
from payments import refund as refund_verb
from payments.models import Payment, Refund
from payments.refund import refund_payment
from payments.refunds.write import Wish, find_known
from payments.settle import pay_from_wallet, settle_batch
from tests.factories import fresh, make_attempt, make_order, make_payment, make_topup, make_user, paid
from tests.gateways import switched_on
from tests.payments.refunds.world import (
    PAID_MINOR,
    posted,
    settled,
    wallet,
)
from tests.payments.staff import make_staff
from tests.races.refunds import DROP_RULE, PAYOUTS, RESTORE_RULE
from tests.races.track import at_once, meeting, slowed, wallet_is_true, without
from wallets import post
from wallets.locks import lock_accounts
from wallets.models import Account

pytestmark = pytest.mark.usefixtures("nobody_elses_are_due")


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
