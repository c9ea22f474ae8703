"""Staff give money back, and end a refund by hand of which only the gateway's own pages know what became of it."""

import uuid
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from choptym.audit.record import record_act
from choptym.lib.errors import NotAllowed
from choptym.lib.jobs import ring_after_commit
from payments.locks import lock_payments
from payments.models import Refund, RefundSource, RefundWay
from payments.refunds.take_up import fail, finish
from payments.refunds.write import write_refund
from payments.states import RefundState
from payments.tasks import send_refunds

# Younger ones may still be answered: nobody ends them by hand.
RESOLVE_AFTER_SECONDS = 600


def refund_payment(
    payment_id: int,
    *,
    actor_id: int,
    amount_minor: int | None,
    reason: str,
    reference: uuid.UUID | None = None,
    attempt_id: int | None = None,
    to_wallet: bool = False,
) -> Refund:
    """Give back a part of a settled payment, or all that is left of it. The same reference twice is one refund.

    Commits: row, ledger and the line in the audit log together; the gateway is called afterwards.
    Locks:   payment, wallet account.
    Raises:  as write_refund().
    """
    try:
        with transaction.atomic(durable=True):
            return refund_in_transaction(
                payment_id,
                actor_id=actor_id,
                amount_minor=amount_minor,
                reason=reason,
                reference=reference,
                attempt_id=attempt_id,
                to_wallet=to_wallet,
            )
    except IntegrityError:
        # The same form for another payment, at the same moment; for the same payment its lock has decided.
        if reference is not None and Refund.objects.filter(reference=reference).exists():
            raise NotAllowed("This form was sent before. Please open it again.", code="already_sent") from None
        raise


def refund_in_transaction(
    payment_id: int,
    *,
    actor_id: int,
    amount_minor: int | None,
    reason: str,
    reference: uuid.UUID | None = None,
    attempt_id: int | None = None,
    to_wallet: bool = False,
) -> Refund:
    """The same in the caller's transaction, for callers that commit something with it."""
    [payment] = lock_payments([payment_id])
    if reference is not None and (known := Refund.objects.filter(reference=reference, payment=payment).first()):
        is_same = amount_minor in {None, known.amount_minor}
        if is_same:
            return known
    refund = write_refund(
        payment,
        amount_minor=amount_minor,
        reason=reason,
        source=RefundSource.STAFF,
        asked_by_id=actor_id,
        reference=reference,
        attempt_id=attempt_id,
        to_wallet=to_wallet,
    )
    details = {"refund": refund.pk, "amount": str(refund.amount), "way": refund.way}
    record_act(actor_id=actor_id, verb="refund_payment", about=f"payment:{payment.pk}", reason=reason, details=details)
    if refund.way == RefundWay.GATEWAY:
        ring_after_commit(send_refunds, refund.gateway)
    return refund


def resolve_refund(refund_id: int, *, actor_id: int, was_given: bool, reason: str) -> Refund:
    """End a refund by what the gateway's own pages say, when its API does not tell.

    Commits: row, ledger, message and the line in the audit log together.
    Locks:   payment, wallet account.
    Raises:  NotAllowed (already_ended, too_early, not_sent), Rejected (no_reason).
    """
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    with transaction.atomic(durable=True):
        [payment] = lock_payments([payment_id])
        refund = Refund.objects.select_related("payment__order").get(pk=refund_id)
        _refuse_what_may_still_be_told(refund)
        details = {"refund": refund.pk, "was": refund.state, "was_given": was_given}
        record_act(
            actor_id=actor_id, verb="resolve_refund", about=f"payment:{payment.pk}", reason=reason, details=details
        )
        if was_given:
            finish(refund)
        else:
            fail(refund, code="not_given", problem=f"ended by hand: {reason}")
    return refund


def may_be_resolved(refund: Refund) -> bool:
    """Whether staff may end it by hand by now."""
    asked = refund.requested_at
    old_enough = asked is not None and timezone.now() > asked + timedelta(seconds=RESOLVE_AFTER_SECONDS)
    return refund.state in {RefundState.REQUESTED, RefundState.PENDING} and old_enough


def _refuse_what_may_still_be_told(refund: Refund) -> None:
    if refund.finished_at is not None:
        raise NotAllowed(f"This refund is {refund.state} already.", code="already_ended")
    if refund.state == RefundState.QUEUED:
        raise NotAllowed("The gateway was not asked yet.", code="not_sent")
    if not may_be_resolved(refund):
        minutes = RESOLVE_AFTER_SECONDS // 60
        raise NotAllowed(f"The gateway may still answer: not before {minutes} minutes are over.", code="too_early")
