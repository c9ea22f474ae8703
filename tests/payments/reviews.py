"""Payments under review, and what staff decide about them."""

from collections.abc import Callable

from notifications.deliver import write_letter
from notifications.models import Notification
from payments.models import Payment
from payments.settle import settle_batch
from tests.factories import fresh, make_pending, paid
from tests.payments.staff import make_staff
from wallets.selectors import wallet_balance

Verb = Callable[..., Payment]


def under_review(amount_minor: int = 2400, currency: str = "XAF", **fact: object) -> Payment:
    """A payment of 2,500 FCFA for which the gateway collected this instead."""
    payment, _ = make_pending()
    settle_batch([paid(payment, amount_minor=amount_minor, currency=currency, **fact)])
    assert fresh(payment).state == "REVIEW"
    return fresh(payment)


def decide(verb: Verb, payment: Payment, **also: object) -> Payment:
    return verb(payment.pk, actor_id=make_staff("finance").pk, reason="the dashboard says so", **also)


def order_state(payment: Payment) -> str:
    assert payment.order is not None
    return str(fresh(payment.order).state)


def balance(payment: Payment, currency: str = "XAF") -> int:
    return wallet_balance(payment.user_id, currency).amount_minor


def letter_about(payment: Payment, kind: str) -> str:
    return write_letter(Notification.objects.get(about=f"payment:{payment.pk}", kind=kind)).text


def unreadable() -> Payment:
    return under_review(money=None, problem="'12.5' has a fraction")
