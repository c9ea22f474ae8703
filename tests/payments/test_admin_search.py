"""Staff find a payment by whatever a caller can tell them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from payments.find import first_id_since, payments_like
from payments.models import Payment, PaymentAttempt
from payments.states import PaymentState
from tests.factories import make_event, make_payment, make_pending, make_topup
from tests.payments.staff import make_staff, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def sought() -> tuple[Payment, PaymentAttempt]:
    """One payment among others."""
    make_pending()
    found = make_pending()
    make_pending()
    return found


def found_by(text: str) -> list[int]:
    return list(Payment.objects.filter(payments_like(text)).order_by("pk").values_list("pk", flat=True))


def test_an_indian_phone_is_found_in_every_spelling() -> None:
    make_pending()
    payment, _ = make_pending(gateway="razorpay", phone="9876500042")

    for spelling in ("9876500042", "+91 98765 00042", "00919876500042", "098765 00042"):
        assert found_by(spelling) == [payment.pk]
    assert found_by("+237 9876500042") == []


KEYS: dict[str, Callable[[Payment, PaymentAttempt], str]] = {
    "phone": lambda payment, attempt: payment.phone,
    "phone as customers write it": lambda payment, attempt: (
        f"+237 {payment.phone[:3]} {payment.phone[3:6]} {payment.phone[6:]}"
    ),
    "order number": lambda payment, attempt: str(payment.order),
    "order number in small letters": lambda payment, attempt: f" ct-{payment.order_id} ",
    "order number without its letters": lambda payment, attempt: f"{payment.order_id:06d}",
    "user name": lambda payment, attempt: payment.user.get_username(),
    "our reference": lambda payment, attempt: str(attempt.reference),
    "the gateway's id": lambda payment, attempt: attempt.transaction_id,
    "payment id": lambda payment, attempt: str(payment.pk),
}


@pytest.mark.parametrize("key", KEYS)
def test_a_payment_is_found_by(key: str, sought: tuple[Payment, PaymentAttempt]) -> None:
    payment, attempt = sought
    client = signed_in(make_staff("support"))

    found = found_by(KEYS[key](payment, attempt))
    page = client.get("/admin/payments/payment/", {"q": KEYS[key](payment, attempt)})

    assert payment.pk in found
    assert len(found) <= 2  # a bare number may be an order's and another payment's
    assert f"/admin/payments/payment/{payment.pk}/change/" in page.content.decode()


@pytest.mark.parametrize("text", ["no such thing", "699123456", "CT-999999999", "0", "9" * 30, "'; --", "CT-"])
def test_what_nobody_knows_finds_nothing(text: str, sought: tuple[Payment, PaymentAttempt]) -> None:
    client = signed_in(make_staff("support"))

    for model in ("payments/payment", "payments/paymentattempt", "payments/webhookevent", "payments/deadletter"):
        assert client.get(f"/admin/{model}/", {"q": text}).status_code == 200

    assert found_by(text) == []


def test_every_payment_of_a_customer_is_found_by_their_name() -> None:
    order = make_payment()
    topup = make_topup(user=User.objects.get(pk=order.user_id))

    assert found_by(order.user.get_username()) == [order.pk, topup.pk]


def test_events_and_tries_are_found_by_the_gateways_id(sought: tuple[Payment, PaymentAttempt]) -> None:
    _, attempt = sought
    event = make_event(transaction_id=attempt.transaction_id)
    client = signed_in(make_staff("support"))

    events = client.get("/admin/payments/webhookevent/", {"q": attempt.transaction_id}).content.decode()
    tries = client.get("/admin/payments/paymentattempt/", {"q": attempt.transaction_id}).content.decode()

    assert f"/admin/payments/webhookevent/{event.pk}/change/" in events
    assert f"/admin/payments/paymentattempt/{attempt.pk}/change/" in tries


def test_the_first_id_of_a_time_is_found_without_an_index_on_the_time() -> None:
    payments = [make_payment() for _ in range(7)]
    for age, payment in enumerate(reversed(payments)):
        Payment.objects.filter(pk=payment.pk).update(queued_at=timezone.now() - timedelta(days=age))

    assert first_id_since(timezone.now() - timedelta(days=2, hours=1)) == payments[4].pk
    assert first_id_since(timezone.now() - timedelta(days=400)) <= payments[0].pk
    assert first_id_since(timezone.now() + timedelta(days=1)) == payments[6].pk + 1


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ("state__exact=SETTLED", True),
        ("state__exact=FAILED", False),
        ("gateway=campay", False),
        ("kind__exact=ORDER", True),
        ("priority__exact=3", False),
        ("accepted=hour", True),
        ("accepted=today", True),
        ("accepted=yesterday", False),
        ("accepted=week", True),
        ("accepted=month", True),
        ("accepted=nonsense", True),
    ],
)
def test_the_list_is_filtered_by(query: str, is_shown: bool, client: Client) -> None:
    payment = make_payment(state=PaymentState.SETTLED)
    client.force_login(make_staff("support"))

    page = client.get(f"/admin/payments/payment/?{query}").content.decode()

    assert (f"/admin/payments/payment/{payment.pk}/change/" in page) is is_shown


def test_orders_wallets_and_messages_are_found_by_the_customers_name() -> None:
    payment = make_payment()
    client = signed_in(make_staff("support"))

    page = client.get("/admin/orders/order/", {"q": payment.user.get_username()}).content.decode()

    assert f"/admin/orders/order/{payment.order_id}/change/" in page
    for model in ("wallets/account", "wallets/entry", "notifications/notification", "auth/user", "orders/cartitem"):
        assert client.get(f"/admin/{model}/", {"q": payment.user.get_username()}).status_code == 200
