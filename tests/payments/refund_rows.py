"""Settled payments whose money may go back, and refunds in every state."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from orders.models import CartItem
from payments.models import Payment, PaymentAttempt, Refund
from payments.refund import refund_payment
from payments.refunds.write import Wish
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import fresh, make_attempt, make_order, make_payment, make_pending, make_product, make_shop, paid
from tests.payments.staff import make_staff


def make_settled(gateway: str = "razorpay", *, user: User | None = None, price_minor: int = 2500) -> Payment:
    """An order that was paid: in rupees through Razorpay, whose money goes back through it; else in FCFA."""
    currency = "INR" if gateway in {"razorpay", "cashfree"} else "XAF"
    product = make_product(shop=make_shop(currency=currency), price_minor=price_minor)
    CartItem.objects.filter(user=user).delete()  # a cart holds one shop's products
    payment, _ = make_pending(order=make_order(user=user, lines=[(product, 1)]), gateway=gateway)
    settle_batch([paid(payment)])
    return fresh(payment)


def make_twice_paid(gateway: str = "razorpay") -> tuple[Payment, PaymentAttempt]:
    """A payment that two tries took the money of, and the one that was too many."""
    order = make_order(lines=[(make_product(shop=make_shop(currency="INR")), 1)])
    payment = make_payment(order=order, state=PaymentState.PENDING, gateway=gateway)
    surplus = make_attempt(payment, AttemptState.ABSENT)
    make_attempt(payment)
    settle_batch([paid(payment)])
    settle_batch([paid(payment, attempt_id=surplus.pk)])
    return fresh(payment), fresh(surplus)


def make_refund(payment: Payment, amount_minor: int | None = 1000, **wish: Any) -> Refund:
    """Asked for by finance."""
    actor = make_staff("finance")
    return refund_payment(
        payment.pk, Wish(**{"reason": "cold soup", "amount_minor": amount_minor, **wish}), actor_id=actor.pk
    )


def asked_long_ago(refund: Refund, state: str = "REQUESTED", *, hours: int = 2, problem: str = "") -> Refund:
    """The gateway was asked, and has not said what came of it."""
    at = timezone.now() - timedelta(hours=hours)
    Refund.objects.filter(pk=refund.pk).update(state=state, requested_at=at, created_at=at, problem=problem)
    return fresh(refund)
