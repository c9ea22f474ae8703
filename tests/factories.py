"""Rows for tests: plain functions with defaults. Every call makes new people and things, so that tests do not meet.

Inside a test's transaction PostgreSQL's now() stands still at its start; what is to be due is therefore made a minute
old.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils import timezone

from choptym.lib.money import Money
from notifications.models import Channel, Language, Notification
from orders.mark_paid import Marked, mark_paid, sell_stock
from orders.models import CartItem, Order, Product, Shop
from orders.place import place_order, reserve_stock
from payments.facts import Paid
from payments.models import Payment, PaymentAttempt, PaymentKind, WebhookEvent
from payments.states import FINAL_STATES, AttemptState, PaymentState
from wallets import accounts
from wallets.post import Posting, post_entries

Row = TypeVar("Row", bound=models.Model)

_numbers = count(1)


def a_while_ago(seconds: float = 60) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def fresh(row: Row) -> Row:
    """The row as the database has it now."""
    found: Row = type(row)._default_manager.get(pk=row.pk)
    return found


def make_user(*, email: str | None = None, **columns: Any) -> User:
    name = f"eater-{uuid.uuid4().hex[:12]}"
    address = f"{name}@choptym.example" if email is None else email
    return User.objects.create(username=name, password="!", email=address, **columns)


def make_phone(operator: str = "mtn") -> str:
    """A number that no other test of this run uses."""
    return f"{'678' if operator == 'mtn' else '698'}{next(_numbers):06d}"


def make_shop(*, currency: str = "XAF", is_open: bool = True) -> Shop:
    return Shop.objects.create(name=f"shop {uuid.uuid4()}", currency=currency, is_open=is_open)


def make_product(*, shop: Shop | None = None, stock: int = 10, price_minor: int = 2500, **columns: Any) -> Product:
    return Product.objects.create(
        **{
            "shop": shop or make_shop(),
            "name": f"dish {next(_numbers)}",
            "price_minor": price_minor,
            "stock_start": stock,
            "stock_on_hand": stock,
            **columns,
        }
    )


def put_into_cart(user: User, product: Product, quantity: int = 1) -> CartItem:
    return CartItem.objects.create(user=user, product=product, quantity=quantity)


def make_order(*, user: User | None = None, lines: Sequence[tuple[Product, int]] = ()) -> Order:
    """An order as a checkout makes it, with its stock reserved; by default one plate of 2,500 FCFA."""
    user = user or make_user()
    for product, quantity in lines or [(make_product(), 1)]:
        put_into_cart(user, product, quantity)
    with transaction.atomic():
        return order_cart(user.pk)


def order_cart(user_id: int) -> Order:
    """What a checkout does to orders and stock, in the caller's transaction."""
    order = place_order(user_id=user_id)
    reserve_stock(order)
    return order


def sell(order_ids: Sequence[int]) -> Marked:
    """What a settlement does to orders and stock, in the caller's transaction."""
    marked = mark_paid(order_ids)
    sell_stock(marked)
    return marked


def make_payment(
    *,
    order: Order | None = None,
    user: User | None = None,
    state: PaymentState = PaymentState.QUEUED,
    gateway: str = "fapshi",
    **columns: Any,
) -> Payment:
    """A payment of this order (by default of a new one), due since a minute ago."""
    order = order or make_order(user=user)
    return _make_payment(
        user_id=order.user_id,
        kind=PaymentKind.ORDER,
        order=order,
        state=state,
        gateway=gateway,
        **{"amount_minor": order.total_minor, "currency": order.currency, **columns},
    )


def make_topup(*, user: User | None = None, amount_minor: int = 5000, **columns: Any) -> Payment:
    user = user or make_user()
    defaults = {"kind": PaymentKind.TOPUP, "order": None, "gateway": "fapshi", "currency": "XAF"}
    return _make_payment(user_id=user.pk, amount_minor=amount_minor, **{**defaults, **columns})


def _make_payment(**columns: Any) -> Payment:
    state = columns.get("state", PaymentState.QUEUED)
    at = a_while_ago()
    times: dict[str, Any] = {"next_attempt_at": at, "expires_at": timezone.now() + timedelta(minutes=30)}
    if state != PaymentState.QUEUED:
        at_first = columns.get("requested_at", at)
        times |= {"requested_at": at, "asked_at": at_first, "attempts_made": 1}
    if state in FINAL_STATES:
        times |= {"finished_at": at}
    elif state != PaymentState.QUEUED:
        times |= {"next_check_at": at}
    if state == PaymentState.SETTLED:
        times |= {"settled_at": at}
    phone = make_phone() if columns["gateway"] != "wallet" else ""
    return Payment.objects.create(**{"priority": 1, "phone": phone, **times, **columns})


def make_attempt(payment: Payment, state: AttemptState = AttemptState.ACCEPTED, **columns: Any) -> PaymentAttempt:
    """A try of this payment at its gateway, begun a minute ago."""
    known = "" if state in {AttemptState.STARTED, AttemptState.UNKNOWN} else f"T{next(_numbers):08d}"
    attempt = PaymentAttempt.objects.create(
        **{
            "payment": payment,
            "number": payment.attempts.count() + 1,
            "gateway": payment.gateway,
            "state": state,
            "transaction_id": known,
            **columns,
        }
    )
    PaymentAttempt.objects.filter(pk=attempt.pk).update(started_at=columns.get("started_at", a_while_ago()))
    return fresh(attempt)


def make_pending(**columns: Any) -> tuple[Payment, PaymentAttempt]:
    """A payment whose customer is being asked, with the try that asks."""
    payment = make_payment(state=PaymentState.PENDING, pending_at=a_while_ago(), **columns)
    return payment, make_attempt(payment)


def paid(payment: Payment, *, amount_minor: int | None = None, currency: str | None = None, **columns: Any) -> Paid:
    """What a gateway says that it collected for the last try of this payment: by default what was asked."""
    attempt = payment.attempts.order_by("number").last()
    money = Money(payment.amount_minor if amount_minor is None else amount_minor, currency or payment.currency)
    defaults = {"payment_id": payment.pk, "attempt_id": attempt.pk if attempt else 0, "money": money}
    return Paid(**{**defaults, **columns})


def give_money(user: User, amount_minor: int, currency: str = "XAF") -> None:
    """Put money into a wallet, as a top-up would."""
    posting = Posting(
        accounts.gateway("fapshi"), accounts.customer(user.pk), Money(amount_minor, currency), f"gift:{uuid.uuid4()}"
    )
    with transaction.atomic():
        post_entries([posting])


def make_event(*, gateway: str = "fapshi", transaction_id: str = "", reference: str = "", **columns: Any) -> Any:
    """A webhook event that is due to be looked at."""
    defaults = {"key": uuid.uuid4().hex, "next_look_at": a_while_ago()}
    return WebhookEvent.objects.create(
        gateway=gateway, transaction_id=transaction_id, reference=reference, **{**defaults, **columns}
    )


def make_notification(*, user: User | None = None, **columns: Any) -> Notification:
    """A text message that is due."""
    defaults = {
        "kind": "payment_settled",
        "about": f"payment:{next(_numbers)}",
        "channel": Channel.SMS,
        "language": Language.ENGLISH,
        "address": "677000001",
        "context": {"amount_en": "2,500 FCFA", "order": "CT-000042", "shop": "Chez Ngono"},
        "next_attempt_at": a_while_ago(),
    }
    return Notification.objects.create(user=user or make_user(), **{**defaults, **columns})
