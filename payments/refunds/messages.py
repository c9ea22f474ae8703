"""What a refund has to tell its customer."""

from django.db.models import Q

from choptym.lib.money import Money, written
from notifications.models import Notification
from notifications.notify import Message
from payments.models import Refund, RefundWay


def refund_message(refund: Refund) -> Message:
    """That the money is on its way back, or in the wallet. A query for the order's number."""
    return _message(refund, "wallet_refunded" if refund.way == RefundWay.WALLET else "payment_refunded")


def failure_message(refund: Refund, in_wallet: Money) -> Message:
    """That it did not arrive: what of it is in the wallet again, and what is still owed. A query, as above."""
    owed = Money(refund.amount_minor - in_wallet.amount_minor, refund.currency)
    return _message(refund, "refund_failed", wallet=in_wallet, owed=owed)


def taken_back_message(refund: Refund) -> Message:
    """That what was put into the wallet is out of it again, since the gateway gave it after all. A query, as above."""
    return _message(refund, "refund_taken_back")


def was_promised(refund: Refund) -> bool:
    """Whether the customer was told that this money is on its way: by a review (payments/review.py), or as given.

    What a review promised is the first refund of its try: of a later one only staff know.
    """
    told = Q(kind="payment_refunded", about=f"refund:{refund.pk}")
    if not Refund.objects.filter(attempt=refund.attempt_id, pk__lt=refund.pk).exists():
        told |= Q(kind="payment_returned", about=f"payment:{refund.payment_id}")
    return Notification.objects.filter(told).exists()


def _message(refund: Refund, kind: str, **sums: Money) -> Message:
    payment = refund.payment
    context = {"order": payment.order.number if payment.order else ""}
    for name, money in {"amount": refund.amount, **sums}.items():
        if money.amount_minor:
            context |= {f"{name}_en": written(money, "en"), f"{name}_fr": written(money, "fr")}
    return Message(
        user_id=payment.user_id, kind=kind, about=f"refund:{refund.pk}", phone=payment.phone, context=context
    )
