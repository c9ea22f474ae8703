"""Races for one wallet and for one Idempotency-Key."""

from collections.abc import Sequence
from functools import partial

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from payments import idempotency
from payments.models import IdempotencyKey, Payment
from payments.settle import pay_from_wallet, settle_batch
from tests.factories import (
    fresh,
    give_money,
    make_attempt,
    make_order,
    make_payment,
    make_topup,
    make_user,
    paid,
)
from tests.races.track import at_once, meeting, slowed, wallet_is_true, without
from wallets import post
from wallets.models import Account
from wallets.selectors import wallet_balance

# One wallet.


def take_the_lock_away(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """All of so many read the balance before the first one writes it."""
    meet = meeting(number)

    def read(account_ids: Sequence[int]) -> list[Account]:
        accounts = list(Account.objects.filter(pk__in=account_ids).order_by("pk"))
        meet()
        return accounts

    monkeypatch.setattr(post, "lock_accounts", read)


def spend_at_once(user: User, times: int = 3) -> list[Payment]:
    payments = [make_payment(order=make_order(user=user), gateway="wallet") for _ in range(times)]
    with slowed("wallets_account", "UPDATE"):
        at_once(*(partial(pay_from_wallet, payment.pk) for payment in payments))
    return [fresh(payment) for payment in payments]


@pytest.mark.invariant("INV-3")
def test_a_wallet_that_holds_enough_for_one_pays_one() -> None:
    user = make_user()
    give_money(user, 3000)

    payments = spend_at_once(user)

    assert sorted(payment.state for payment in payments) == ["FAILED", "FAILED", "SETTLED"]
    assert wallet_balance(user.pk, "XAF").amount_minor == 500
    assert wallet_is_true(user.pk)


def test_control_without_the_lock_the_wallet_is_spent_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    give_money(user, 3000)
    take_the_lock_away(monkeypatch, 3)

    payments = spend_at_once(user)

    assert [payment.state for payment in payments] == ["SETTLED"] * 3
    assert not wallet_is_true(user.pk)


def top_up_and_spend(user: User) -> tuple[Payment, Payment]:
    topup = make_topup(user=user, amount_minor=5000)
    make_attempt(topup)
    spending = make_payment(order=make_order(user=user), gateway="wallet")
    with slowed("wallets_account", "UPDATE"):
        at_once(partial(settle_batch, [paid(topup)]), partial(pay_from_wallet, spending.pk))
    return fresh(topup), fresh(spending)


@pytest.mark.invariant("INV-3")
def test_topping_up_and_spending_at_once_both_count() -> None:
    user = make_user()
    give_money(user, 2500)

    topup, spending = top_up_and_spend(user)

    assert (topup.state, spending.state) == ("SETTLED", "SETTLED")
    assert wallet_balance(user.pk, "XAF").amount_minor == 5000
    assert wallet_is_true(user.pk)


def test_control_without_the_lock_one_of_them_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    give_money(user, 2500)
    take_the_lock_away(monkeypatch, 2)

    top_up_and_spend(user)

    assert not wallet_is_true(user.pk)


def test_a_first_payment_and_another_at_once_open_one_account() -> None:
    user = make_user()
    topups = [make_topup(user=user, amount_minor=1000) for _ in range(4)]
    for topup in topups:
        make_attempt(topup)

    with slowed("wallets_account", "INSERT", seconds=0.05):
        at_once(*(partial(settle_batch, [paid(topup)]) for topup in topups))

    assert wallet_balance(user.pk, "XAF").amount_minor == 4000
    assert wallet_is_true(user.pk)


# One Idempotency-Key.


def top_up_with_one_key(user: User) -> list[int]:
    def top_up() -> object:
        client = APIClient()
        client.force_authenticate(user)
        body = {"method": "fapshi", "phone": "677000001", "amount_minor": 500}
        return client.post("/api/wallet/topups/", body, headers={"Idempotency-Key": "one"}).status_code

    with slowed("payments_payment", "INSERT"):
        return sorted(at_once(*(top_up for _ in range(4))))


@pytest.mark.invariant("INV-2")
@pytest.mark.usefixtures("silent_gateways")
def test_one_key_at_once_is_one_payment() -> None:
    user = make_user()

    statuses = top_up_with_one_key(user)

    assert statuses == [202, 409, 409, 409]
    assert Payment.objects.filter(user=user).count() == 1


@pytest.mark.usefixtures("silent_gateways")
def test_control_without_lock_and_constraint_one_key_is_many_payments(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = meeting(4)

    def let_all_in(user_id: int, key: str) -> bool:
        meet()
        return True

    monkeypatch.setattr(idempotency, "try_lock_key", let_all_in)
    user = make_user()

    with without(
        "ALTER TABLE payments_idempotencykey DROP CONSTRAINT idempotency_key_once",
        "DELETE FROM payments_idempotencykey; "
        "ALTER TABLE payments_idempotencykey ADD CONSTRAINT idempotency_key_once UNIQUE (user_id, key)",
    ):
        statuses = top_up_with_one_key(user)

    assert statuses.count(202) == Payment.objects.filter(user=user).count() > 1
    assert not IdempotencyKey.objects.filter(user=user).exists()
