"""Staff credit a wallet: once, with a reason, and the customer is told."""

import uuid
from typing import cast

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from choptym.audit.models import Act
from choptym.lib.errors import KeyReused, Rejected
from choptym.lib.money import Money
from notifications.models import Notification
from payments.credit import credit_wallet
from payments.prove import find_breaks
from tests.factories import make_payment, make_user
from tests.payments.staff import acts_about, make_staff, signed_in
from wallets.models import Entry
from wallets.selectors import wallet_balance

pytestmark = pytest.mark.django_db


@pytest.fixture
def customer() -> User:
    user = make_user()
    make_payment(user=user)
    return user


def credit(customer: User, key: uuid.UUID, amount_minor: int = 2500, **also: object) -> bool:
    values = {"user_id": customer.pk, "actor_id": make_staff("finance").pk, "reason": "the soup was cold", **also}
    return credit_wallet(money=Money(amount_minor, "XAF"), key=key, **values)  # type: ignore[arg-type]


@pytest.mark.invariant("INV-3")
def test_credits_the_wallet_and_tells_the_customer(customer: User) -> None:
    key = uuid.uuid4()

    assert credit(customer, key)

    assert wallet_balance(customer.pk, "XAF") == Money(2500, "XAF")
    entry = Entry.objects.get()
    assert (entry.debit.name, entry.credit.name) == ("refunds", f"customer:{customer.pk}")
    message = Notification.objects.get(kind="wallet_gift")
    assert message.context == {"amount_en": "2,500 FCFA", "amount_fr": "2 500 FCFA"}
    assert [act[1:] for act in acts_about(f"customer:{customer.pk}")] == [("credit_wallet", "the soup was cold")]
    assert find_breaks() == {}


@pytest.mark.invariant("INV-2")
def test_the_same_key_credits_once(customer: User) -> None:
    key = uuid.uuid4()
    credit(customer, key)

    assert not credit(customer, key)

    assert wallet_balance(customer.pk, "XAF") == Money(2500, "XAF")
    assert Act.objects.count() == 1


@pytest.mark.invariant("INV-2")
def test_the_same_key_with_another_amount_is_refused(customer: User) -> None:
    key = uuid.uuid4()
    credit(customer, key)

    with pytest.raises(KeyReused):
        credit(customer, key, amount_minor=3000)

    assert wallet_balance(customer.pk, "XAF") == Money(2500, "XAF")


@pytest.mark.parametrize(
    ("amount_minor", "reason", "code"),
    [
        (0, "why", "invalid_amount"),
        (-1, "why", "invalid_amount"),
        (10**12, "why", "invalid_amount"),
        (1, " ", "no_reason"),
    ],
)
def test_nonsense_changes_nothing(customer: User, amount_minor: int, reason: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        credit(customer, uuid.uuid4(), amount_minor, reason=reason)

    assert caught.value.code == code
    assert not Entry.objects.exists()
    assert not Notification.objects.exists()


def test_nobody_is_credited_who_does_not_exist(customer: User) -> None:
    with pytest.raises(Rejected) as caught:
        credit(customer, uuid.uuid4(), user_id=10**9)

    assert caught.value.code == "unknown_customer"


def page(customer: User) -> str:
    return f"/admin/auth/user/{customer.pk}/credit/"


def sent(client: Client, customer: User, **fields: str) -> HttpResponse:
    body = {"amount": "2500", "currency": "XAF", "reason": "the soup was cold", "key": str(uuid.uuid4()), **fields}
    return cast("HttpResponse", client.post(page(customer), body))


def test_finance_credits_through_the_page(customer: User) -> None:
    client = signed_in(make_staff("finance"))

    assert "holds nothing yet" in client.get(page(customer)).content.decode()
    key = str(uuid.uuid4())
    for _ in range(2):
        assert sent(client, customer, key=key).status_code == 302

    assert wallet_balance(customer.pk, "XAF") == Money(2500, "XAF")


@pytest.mark.parametrize("amount", ["", "ten", "2500.5", "-3", "0", "1e9999", "NaN"])
def test_an_amount_that_is_none_is_told_on_the_page(customer: User, amount: str) -> None:
    response = sent(signed_in(make_staff("finance")), customer, amount=amount)

    assert response.status_code == 200
    assert not Entry.objects.exists()


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("role", ["support", "operators"])
def test_only_finance_may(customer: User, role: str) -> None:
    assert sent(signed_in(make_staff(role)), customer).status_code == 403
    assert not Entry.objects.exists()
