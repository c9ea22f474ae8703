"""Whose money a gateway gives back: the try that it belongs to, and whether we had booked it."""

from django.db.models import QuerySet

from payments.gateways.base import Outcome, RefundOutcome, RefundStatus
from payments.models import PaymentAttempt, WebhookEvent
from payments.states import AttemptState


def attempt_of(gateway: str, status: RefundStatus) -> PaymentAttempt | None:
    """The try that it gives back: by the transaction, or by the money, which has an order of its own behind a link."""
    tries = PaymentAttempt.objects.filter(gateway=gateway).select_related("payment")
    named = tries.filter(transaction_id=status.transaction_id).exclude(transaction_id="").first()
    return named or tries.filter(gateway_payment_id=status.gateway_payment_id).exclude(gateway_payment_id="").first()


def is_ours(attempt: PaymentAttempt, status: RefundStatus) -> bool | None:
    """Whether it gives back the money that we booked, or shall book. None: nobody can tell.

    One transaction may be paid twice, and the gateway gives one of the two back by itself. Which of them we booked
    hangs on whose event came first; so ours goes out only when, as far as we were told, nothing of it is left there.
    """
    booked, told = attempt.gateway_payment_id, status.gateway_payment_id
    if not status.is_automatic:
        return not booked or not told or booked == told
    if not booked or not told:
        return None
    return not _collected(attempt) - _returned(attempt) - {told}


def _collected(attempt: PaymentAttempt) -> set[str]:
    """The payments of this transaction that went through: what we booked, and what signed events say."""
    announced = _events_of(attempt).filter(facts__status__outcome=Outcome.PAID)
    ids = announced.values_list("facts__status__gateway_payment_id", flat=True)
    return {attempt.gateway_payment_id, *(one for one in ids if one)}


def _returned(attempt: PaymentAttempt) -> set[str]:
    """Those of them that the gateway gave back by itself."""
    going = _events_of(attempt).filter(
        facts__refund__is_automatic=True, facts__refund__outcome__in=[RefundOutcome.DONE, RefundOutcome.PENDING]
    )
    return set(going.values_list("facts__refund__gateway_payment_id", flat=True))


def _events_of(attempt: PaymentAttempt) -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(gateway=attempt.gateway, transaction_id=attempt.transaction_id)


def is_booked(attempt: PaymentAttempt) -> bool:
    """Under review, money is known and not booked: a person decides first."""
    is_settled = attempt.state == AttemptState.PAID and attempt.payment.settled_at is not None
    return is_settled or attempt.state == AttemptState.SURPLUS
