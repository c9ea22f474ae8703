"""The customer asks to pay: the order and the payment become rows, then the queue is told."""

from datetime import timedelta

from django.conf import settings
from django.db import connection

from choptym.lib import clock
from choptym.lib.errors import NotAllowed
from choptym.lib.jobs import ring_after_commit
from choptym.lib.money import Money
from choptym.lib.plain_rows import PlainRows
from orders.models import Order
from orders.place import place_order
from payments import tasks
from payments.models import WALLET, Payment, PaymentKind
from payments.routing import check_method, choose_gateway, priority_of
from payments.states import PaymentState
from wallets.selectors import wallet_balance

_PAYMENTS = PlainRows(Payment)
_ACCEPT = f"""
    INSERT INTO payments_payment
        (user_id, kind, order_id, gateway, by_link, phone, amount_minor, currency, priority, state, failure_code,
         problem, attempts_made, checks_made, queued_at, next_attempt_at, expires_at)
    VALUES (%(user)s, %(kind)s, %(order)s, %(gateway)s, %(by_link)s, %(phone)s, %(amount)s, %(currency)s, %(priority)s,
            %(queued)s, '', '', 0, 0, %(now)s, %(now)s, %(expires)s)
    RETURNING {_PAYMENTS.columns}
"""  # noqa: S608


def start_checkout(*, user_id: int, method: str, phone: str, by_link: bool) -> Payment:
    """Place an order for the customer's cart and queue its payment. Without a method we choose the gateway.

    Runs in the caller's transaction, which is to end with reserve_stock(): order, stock and payment are one.
    Locks:   cart lines.
    Raises:  Rejected, NotAllowed (see place_order and check_method; insufficient_balance for the wallet).
    """
    order = place_order(user_id=user_id)
    method = method or choose_gateway(order.total, phone, by_link=by_link)
    check_method(method, order.total, phone, amount_field="cart")
    if method == WALLET and wallet_balance(user_id, order.currency).amount_minor < order.total_minor:
        # Only to tell at once: what decides is the locked balance at settlement.
        message = f"Your wallet does not hold enough {order.currency}."
        raise NotAllowed(message, code="insufficient_balance", fields={"method": message})
    return _start(PaymentKind.ORDER, order.total, user_id, method, phone, by_link=by_link, order=order)


def start_topup(*, user_id: int, method: str, phone: str, money: Money, by_link: bool) -> Payment:
    """Queue a payment into the customer's wallet. Without a method we choose the gateway.

    Runs in the caller's transaction. Raises Rejected.
    """
    method = method or choose_gateway(money, phone, by_link=by_link)
    check_method(method, money, phone, amount_field="amount_minor")
    return _start(PaymentKind.TOPUP, money, user_id, method, phone, by_link=by_link, order=None)


def _start(
    kind: PaymentKind, money: Money, user_id: int, method: str, phone: str, *, by_link: bool, order: Order | None
) -> Payment:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _ACCEPT,
            {
                "user": user_id,
                "kind": kind,
                "order": order.pk if order else None,
                "gateway": method,
                "by_link": by_link,
                "phone": phone,
                "amount": money.amount_minor,
                "currency": money.currency,
                "priority": priority_of(money),
                "queued": PaymentState.QUEUED,
                "now": now,
                "expires": now + timedelta(seconds=settings.PAYMENT_EXPIRES_AFTER_SECONDS),
            },
        )
        payment = _PAYMENTS.row(cursor.fetchone())
    payment.order = order
    ring_after_commit(tasks.charge_due, settings.QUEUE_OF_PRIORITY[payment.priority])
    return payment
