"""What a payment has to tell its customer."""

from collections.abc import Sequence

from django.db import connection

from choptym.lib.money import Money, written
from notifications.models import Notification
from notifications.notify import Message
from orders.models import Order
from payments.failures import sentence
from payments.models import Payment


def messages_about(
    events: Sequence[tuple[Payment, str]], *, credited: Money | None = None, rest: Money | None = None
) -> list[Message]:
    """One message per payment and kind of event, with the words that the templates need. One query for all.

    `credited` is what arrived, where that is not what was asked for; `rest` what of it stays in the wallet.
    """
    shops = _shops_of([payment.order_id for payment, _ in events if payment.order_id is not None])
    messages = []
    for payment, kind in events:
        order_id = payment.order_id
        context: dict[str, str | bool] = {
            "amount_en": written(payment.amount, "en"),
            "amount_fr": written(payment.amount, "fr"),
            "order": Order(pk=order_id).number if order_id else "",
            "shop": shops[order_id] if order_id else "",
        }
        if payment.attempts_made == 0:
            context["never_asked"] = True  # no gateway can have taken anything
        for name, money in (("credited", credited), ("rest", rest)):
            if money is not None and money.amount_minor:
                context |= {f"{name}_en": written(money, "en"), f"{name}_fr": written(money, "fr")}
        if payment.failure_code:
            context["why_en"] = sentence(payment.failure_code, "en")
            context["why_fr"] = sentence(payment.failure_code, "fr")
        about = f"payment:{payment.pk}"
        messages.append(Message(user_id=payment.user_id, kind=kind, about=about, phone=payment.phone, context=context))
    return messages


def _shops_of(order_ids: Sequence[int]) -> dict[int, str]:
    """The name of each order's shop."""
    if not order_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT orders_order.id, orders_shop.name FROM orders_order JOIN orders_shop ON orders_shop.id = shop_id
            WHERE orders_order.id = ANY(%s)
            """,
            [list(order_ids)],
        )
        return dict(cursor.fetchall())


def kind_again(payment: Payment, kind: str) -> str:
    """This kind; the one that says it once more, where the customer has been told it and something else since."""
    told = Notification.objects.filter(about=f"payment:{payment.pk}", kind=kind)
    return f"{kind}_again" if told.exists() else kind
