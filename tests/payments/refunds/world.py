"""Refunds for tests: payments that were paid, at the sandbox or in our books only, and what became of their money."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import count
from typing import Any

from django.db import transaction
from django.utils import timezone

from choptym.lib.money import Money
from notifications.models import Notification
from payments.confirm import confirm_batch
from payments.gateways.base import RefundOutcome, RefundStatus
from payments.locks import lock_payments
from payments.models import Payment, PaymentAttempt, Refund
from payments.refunds.send import send_refunds
from payments.refunds.write import Wish, write_refund
from payments.settle import settle_batch
from payments.states import REFUND_ENDS
from tests.factories import a_while_ago, fresh, make_order, make_pending, make_product, make_shop, paid
from tests.payments.gateways.sandbox import Sandbox, wait_for
from tests.payments.tricks import charged, turn, wait_until_booked
from wallets.models import Entry
from wallets.selectors import wallet_balance

GATEWAYS = ("fapshi", "campay", "razorpay", "cashfree")
REPEATABLE = ("razorpay", "cashfree")
BY_PAYOUT = ("fapshi", "campay")
CURRENCY = {"fapshi": "XAF", "campay": "XAF", "razorpay": "INR", "cashfree": "INR"}
PAID_MINOR = 50_000
PART_MINOR = 20_000
GIVEN = [(PART_MINOR, "paid_back")]
# CamPay and Fapshi ration questions about one transaction.
PATIENCE = {"approval_delay_ms": 0}
_numbers = count(1)


def order_columns(gateway: str, amount_minor: int = PAID_MINOR) -> dict[str, Any]:
    currency = CURRENCY[gateway]
    product = make_product(shop=make_shop(currency=currency), price_minor=amount_minor)
    phone = f"91100{next(_numbers):05d}" if currency == "INR" else f"67200{next(_numbers):04d}"
    return {"gateway": gateway, "phone": phone, "order": make_order(lines=[(product, 1)])}


def settled(gateway: str = "razorpay", amount_minor: int = PAID_MINOR) -> Payment:
    """A payment that our books say was paid. No gateway knows of it."""
    payment, attempt = make_pending(**order_columns(gateway, amount_minor))
    if gateway == "razorpay":  # whose ids are checked before they are sent
        PaymentAttempt.objects.filter(pk=attempt.pk).update(transaction_id=f"order_{attempt.pk:014d}")
    settle_batch([paid(payment)])
    return fresh(payment)


def paid_there(sandbox: Sandbox, gateway: str, **knobs: object) -> Payment:
    """A payment that the sandbox collected, and that is settled."""
    payment = charged(sandbox, **order_columns(gateway), knobs=knobs)
    wait_until_booked(sandbox, payment, "collected")
    confirm_batch(gateway)
    payment = fresh(payment)
    assert payment.state == "SETTLED"
    return payment


def write(payment: Payment, amount_minor: int | None = None, **wish: Any) -> Refund:
    """As any verb that writes one: under the payment's lock."""
    with transaction.atomic():
        [locked] = lock_payments([payment.pk])
        return write_refund(locked, Wish(reason="a plate was missing", amount_minor=amount_minor, **wish))


def asked(sandbox: Sandbox, gateway: str, amount_minor: int | None = PART_MINOR, **knobs: object) -> Refund:
    """A refund of a payment that the sandbox collected, due to be sent; `knobs` hold for what it sends."""
    payment = paid_there(sandbox, gateway)
    if knobs:
        turn(sandbox, payment, **PATIENCE, **knobs)
    return due(write(payment, amount_minor))


def due(refund: Refund) -> Refund:
    """Its time has come (again)."""
    Refund.objects.filter(pk=refund.pk, next_attempt_at__isnull=False).update(next_attempt_at=a_while_ago())
    return fresh(refund)


def sent(refund: Refund) -> Refund:
    """The same refund after one more turn."""
    due(refund)
    assert send_refunds(refund.gateway) == 1
    return fresh(refund)


def to_its_end(refund: Refund) -> Refund:
    """The same refund after as many turns as it takes."""
    ended = wait_for(lambda: sent(refund), lambda row: row.state in REFUND_ENDS)
    assert ended.state in REFUND_ENDS, (ended.state, ended.problem)
    return ended


def given_there(sandbox: Sandbox, refund: Refund) -> list[tuple[int, str]]:
    """(amount, state) of what the sandbox has in its books under our reference."""
    reference = str(refund.reference)
    name = reference.replace("-", "_") if refund.gateway == "cashfree" else reference
    entries = sandbox.ask("GET", f"/control/{refund.gateway}/books?reference={name}")["entries"]
    return [(entry["amount_minor"], entry["state"]) for entry in entries]


def posted(refund: Refund) -> dict[str, tuple[str, str, int]]:
    """Its entries, by the last part of their reason: (debit, credit, amount)."""
    entries = Entry.objects.filter(reason__startswith=f"refund:{refund.pk}:").select_related("debit", "credit")
    return {entry.reason.split(":")[2]: (entry.debit.name, entry.credit.name, entry.amount_minor) for entry in entries}


def kinds_told(refund: Refund) -> list[str]:
    """The kinds of message about it, oldest first."""
    return list(Notification.objects.filter(about=f"refund:{refund.pk}").order_by("pk").values_list("kind", flat=True))


def wallet(payment: Payment) -> int:
    return wallet_balance(payment.user_id, payment.currency).amount_minor


def says(refund: Refund, outcome: RefundOutcome = RefundOutcome.DONE, **also: Any) -> RefundStatus:
    """The gateway's word about a refund of ours."""
    return RefundStatus(
        **{
            "outcome": outcome,
            "gateway_refund_id": refund.gateway_refund_id or f"rfnd_{refund.pk}",
            "reference": str(refund.reference),
            "money": refund.amount,
            "word": outcome.value,
            **also,
        }
    )


def says_outside(payment: Payment, outcome: RefundOutcome = RefundOutcome.DONE, **also: Any) -> RefundStatus:
    """The gateway's word about a refund that its own people began."""
    attempt = payment.attempts.order_by("number").last()
    assert attempt is not None
    return RefundStatus(
        **{
            "outcome": outcome,
            "gateway_refund_id": f"rfnd_outside_{payment.pk}",
            "reference": "",
            "money": Money(PART_MINOR, payment.currency),
            "transaction_id": attempt.transaction_id,
            "word": outcome.value,
            **also,
        }
    )


def states(refunds: Iterable[Refund]) -> list[str]:
    return [fresh(refund).state for refund in refunds]


def seconds_to_wait(refund: Refund) -> float:
    assert refund.next_attempt_at is not None
    return (refund.next_attempt_at - timezone.now()).total_seconds()


def long_ago(refund: Refund) -> Refund:
    """So long that the gateway's silence is a proof."""
    Refund.objects.filter(pk=refund.pk).update(requested_at=timezone.now() - timedelta(seconds=901))
    return due(refund)


def nothing_written() -> bool:
    return not Refund.objects.exists() and not Entry.objects.filter(reason__startswith="refund:").exists()
