"""What a refund has to tell its customer."""

from choptym.lib.money import written
from notifications.notify import Message
from payments.models import Refund, RefundWay


def refund_message(refund: Refund) -> Message:
    """That the money is on its way back, or in the wallet. A query for the order's number."""
    payment = refund.payment
    return Message(
        user_id=payment.user_id,
        kind="wallet_refunded" if refund.way == RefundWay.WALLET else "payment_refunded",
        about=f"refund:{refund.pk}",
        phone=payment.phone,
        context={
            "amount_en": written(refund.amount, "en"),
            "amount_fr": written(refund.amount, "fr"),
            "order": payment.order.number if payment.order else "",
        },
    )
