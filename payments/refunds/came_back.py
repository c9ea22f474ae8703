"""Refunds that were given, as the gateway said, and then were not."""

from collections.abc import Sequence

from payments.models import Refund
from payments.states import RefundState

# The gateway said afterwards that it did not go back: a person looks (resolve_refund).
CAME_BACK = "came_back"


def it_did_arrive(refund: Refund) -> None:
    """A person has seen that it was given all the same. In the caller's transaction, after the payment's lock."""
    news = Refund.objects.filter(pk=refund.pk, state=RefundState.REFUNDED, failure_code=CAME_BACK)
    news.update(failure_code="", problem="")
    refund.refresh_from_db()


def came_back(payment_id: int) -> Sequence[int]:
    """The refunds of this payment that came back, and that nobody has ended by hand."""
    rows = Refund.objects.filter(payment=payment_id, state=RefundState.REFUNDED, failure_code=CAME_BACK)
    return list(rows.order_by("pk").values_list("pk", flat=True))
