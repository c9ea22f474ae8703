"""Whose money a gateway gives back: the try that it belongs to, and whether we had booked it."""

from payments.gateways.base import Outcome, RefundStatus
from payments.models import PaymentAttempt, WebhookEvent
from payments.states import AttemptState


def attempt_of(gateway: str, status: RefundStatus) -> PaymentAttempt | None:
    """The try that it gives back: by the transaction, or by the money, which has an order of its own behind a link."""
    tries = PaymentAttempt.objects.filter(gateway=gateway).select_related("payment")
    named = tries.filter(transaction_id=status.transaction_id).exclude(transaction_id="").first()
    return named or tries.filter(gateway_payment_id=status.gateway_payment_id).exclude(gateway_payment_id="").first()


def is_ours(attempt: PaymentAttempt, status: RefundStatus) -> bool | None:
    """Whether it gives back the money that we booked, or shall book. None: nobody can tell.

    One transaction may be paid twice. Which payment counts the gateway says, but its events come in any order: where
    both were announced, an automatic refund of the one that we booked tells nothing.
    """
    booked, told = attempt.gateway_payment_id, status.gateway_payment_id
    if not status.is_automatic:
        return not booked or not told or booked == told
    if not booked or not told:
        return None
    if booked != told:
        return False
    collected = WebhookEvent.objects.filter(gateway=attempt.gateway, transaction_id=attempt.transaction_id)
    others = collected.filter(facts__status__outcome=Outcome.PAID).exclude(
        facts__status__gateway_payment_id__in=[booked, ""]
    )
    return None if others.exists() else True


def is_booked(attempt: PaymentAttempt) -> bool:
    """Under review, money is known and not booked: a person decides first."""
    is_settled = attempt.state == AttemptState.PAID and attempt.payment.settled_at is not None
    return is_settled or attempt.state == AttemptState.SURPLUS
