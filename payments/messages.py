"""What a payment has to tell its customer."""

from collections.abc import Sequence

from django.db import connection

from choptym.lib.money import Money, written
from choptym.lib.plain_rows import PlainRows
from notifications.models import Notification
from notifications.notify import Message
from orders.models import Order
from payments.failures import sentence
from payments.models import Payment

_ORDERS = PlainRows(Order)
_READ_ORDERS = f"""
    SELECT orders_shop.name, {_ORDERS.columns}
    FROM orders_order JOIN orders_shop ON orders_shop.id = shop_id WHERE orders_order.id = ANY(%s)
"""  # noqa: S608


def messages_about(
    events: Sequence[tuple[Payment, str]], *, credited: Money | None = None, rest: Money | None = None
) -> list[Message]:
    """One message per payment and kind of event, with the words that the templates need. One query for all.

    `credited` is what arrived, where that is not what was asked for; `rest` what of it stays in the wallet.
    """
    order_ids = [payment.order_id for payment, _ in events if payment.order_id is not None]
    orders = _read_orders(order_ids)
    messages = []
    for payment, kind in events:
        order, shop = orders.get(payment.order_id, (None, ""))
        context: dict[str, str | bool] = {
            "amount_en": written(payment.amount, "en"),
            "amount_fr": written(payment.amount, "fr"),
            "order": order.number if order else "",
            "shop": shop,
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


def _read_orders(order_ids: Sequence[int]) -> dict[int | None, tuple[Order | None, str]]:
    """With the names of their shops."""
    if not order_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_READ_ORDERS, [list(order_ids)])
        return {row[1]: (_ORDERS.row(row[1:]), row[0]) for row in cursor.fetchall()}


def kind_again(payment: Payment, kind: str) -> str:
    """This kind; the one that says it once more, where the customer has been told it and something else since."""
    told = Notification.objects.filter(about=f"payment:{payment.pk}", kind=kind)
    return f"{kind}_again" if told.exists() else kind
