"""Unsigned events about refunds: a payout's webhook is only a reason to ask what became of it."""

from collections.abc import Sequence

from django.db.models import Q

from choptym.lib import clock
from choptym.lib.failpoints import around
from payments.events import mark_matched, uuid_of
from payments.locks import Look
from payments.models import Refund
from payments.states import RefundState


def take_up_refund_hints(gateway: str, looks: Sequence[Look]) -> list[Look]:
    """Make the refunds that these events name due to be asked about. Returns the events that name none of ours.

    Whatever a stranger writes, all that happens is a question to the gateway.
    Commits: the refunds, then the events: a crash in between asks once more.
    """
    if not looks:
        return []
    ids = {look.transaction_id for look in looks if look.transaction_id}
    references = {uuid for look in looks if (uuid := uuid_of(look.reference))}
    named = Refund.objects.filter(Q(reference__in=references) | Q(gateway_refund_id__in=ids), gateway=gateway)
    by_name: dict[str, Refund] = {}
    for refund in named:
        by_name |= {str(refund.reference): refund, refund.gateway_refund_id: refund}
    by_name.pop("", None)
    found = [(look, by_name.get(look.reference) or by_name.get(look.transaction_id)) for look in looks]
    asked = [refund.pk for _, refund in found if refund is not None]
    # One that FAILED too: a gateway may take its no back, and tells us by nothing but this.
    open_to_news = (RefundState.REQUESTED, RefundState.PENDING, RefundState.FAILED)
    with around("refund.hint"):
        Refund.objects.filter(pk__in=asked, state__in=open_to_news).update(next_attempt_at=clock.now())
    mark_matched([(look.event_id, refund.payment_id) for look, refund in found if refund is not None])
    return [look for look, refund in found if refund is None]
