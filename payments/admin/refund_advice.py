"""What staff can do about a refund, said on its page: nothing, look it up, or end it by hand."""

from datetime import timedelta

from choptym.lib.admin import when
from payments.models import DeadLetter, Refund
from payments.refund import RESOLVE_AFTER_SECONDS, may_be_resolved
from payments.refunds.came_back import CAME_BACK
from payments.refunds.outside import given_in_its_place
from payments.refunds.taken_back import GIVEN_AFTER_ALL
from payments.states import RefundState

_NOTHING = "Nothing: it is done."
_LOOK_UP = (
    "Look up our reference {reference} on {gateway}'s own pages. If it was given back there, press Resolve and "
    "say yes; if they show no such refund and it never will be one, press Resolve and say no: the payment can then "
    "be refunded again."
)


def advice_about(refund: Refund) -> str:
    if refund.state == RefundState.QUEUED:
        return _about_queued(refund)
    if refund.state in {RefundState.REQUESTED, RefundState.PENDING}:
        return _about_sent(refund)
    if refund.state == RefundState.FAILED:
        return _about_failed(refund)
    if refund.failure_code == CAME_BACK:
        return (
            f"{refund.gateway} says that the money came back. Look it up on {refund.gateway}'s own pages; if so, press "
            "Resolve and say no; if they show that the customer has it, say yes."
        )
    if refund.problem:
        return f"The gateway gave back something else: compare {refund.amount} with {refund.gateway}'s own pages."
    return _NOTHING


def _about_failed(refund: Refund) -> str:
    if refund.failure_code == GIVEN_AFTER_ALL:
        return f"Nothing: {refund.problem}, so this one left the wallet again."
    if given := given_in_its_place(refund):
        return f"Nothing: the gateway gave it after all, which is refund {given.pk}."
    if DeadLetter.objects.filter(payment=refund.payment_id, replayed_at__isnull=True).exists():
        return f"It failed; but read what is set aside of payment {refund.payment_id} first, before you give it again."
    again = "Nothing was given back, and what was booked for it is booked back. Refund the payment again from its page."
    if refund.requested_at is None:
        return again
    return f"{again} Into the wallet only once {refund.gateway}'s own pages show that it will not go out after all."


def _about_queued(refund: Refund) -> str:
    at = when(refund.next_attempt_at) if refund.next_attempt_at else "soon"
    if not refund.problem:
        return f"Nothing: it is sent by itself, {at}."
    return (
        f"It could not be sent ({refund.problem}), and is tried again by itself, {at}. Mend the cause, or press "
        "Resolve and say no to call it off: nothing was sent."
    )


def _about_sent(refund: Refund) -> str:
    at = when(refund.next_attempt_at) if refund.next_attempt_at else "soon"
    asked_again = f"{refund.gateway} is asked again by itself, {at}."
    if refund.state == RefundState.PENDING and not refund.problem:
        return f"Nothing: {refund.gateway} has it, and banks may take days. {asked_again}"
    said = f"It is not known what became of it ({refund.problem or 'no answer yet'}). {asked_again} "
    look_up = _LOOK_UP.format(reference=refund.reference, gateway=refund.gateway)
    if may_be_resolved(refund) or refund.requested_at is None:
        return said + look_up
    from_then = when(refund.requested_at + timedelta(seconds=RESOLVE_AFTER_SECONDS))
    return f"{said}Wait: the gateway may still answer. If it has not by {from_then}: {look_up}"
