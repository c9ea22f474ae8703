"""Staff let a payment try again that was set aside: because it could not be settled, or a refund not be booked."""

from collections.abc import Mapping
from typing import Any

import structlog
from django.db import DatabaseError, OperationalError

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import ChoptymError, NotAllowed
from choptym.lib.failpoints import committing
from choptym.lib.jobs import ring_after_commit
from payments.gateways.facts_json import load_facts
from payments.letters import close_taken_up, open_again, set_aside
from payments.locks import lock_payments
from payments.models import DeadLetter, Payment, WebhookEvent
from payments.refunds.came_back import came_back
from payments.refunds.take_up import take_up_refund
from payments.states import ASKED_ATTEMPTS, EventState, PaymentState
from payments.tasks import confirm_payments, process_events

log = structlog.get_logger(__name__)

NOTHING_TO_ASK = (
    "no try of it can be asked about, and no event told of its money. Reconcile the day of its try at the gateway: "
    "that books it. Then replay this."
)


def replay_dead_letter(letter_id: int, *, actor_id: int, reason: str) -> DeadLetter:
    """Have the gateway asked again, and settle what it says. If that fails again, a new dead letter tells why.

    What was said of refunds is taken up again at once; until that is done another letter stands open for it.
    Commits: the letter, what becomes due, and the line in the audit log together; then each refund by itself.
    Locks:   payment.
    Raises:  NotAllowed (already_replayed, refund_came_back, nothing_to_ask), Rejected (no_reason).
    """
    letter = DeadLetter.objects.get(pk=letter_id)
    with committing("replay"):
        [payment] = lock_payments([letter.payment_id])
        _refuse_what_came_back(payment)
        now = clock.now()
        open_letters = DeadLetter.objects.filter(pk=letter.pk, replayed_at__isnull=True)
        if not open_letters.update(replayed_at=now, replayed_by_id=actor_id):
            raise NotAllowed(f"{payment}: somebody has replayed this already.", code="already_replayed")
        letter.refresh_from_db()
        if not _make_due(payment) and not letter.facts:
            raise NotAllowed(f"{payment}: {NOTHING_TO_ASK}", code="nothing_to_ask")
        rest = open_again(letter)
        record_act(
            actor_id=actor_id,
            verb="replay_dead_letter",
            about=f"payment:{payment.pk}",
            reason=reason,
            details={"dead_letter": letter.pk, "state": payment.state, "was": letter.reason[:300]},
        )
    if rest is not None:
        _take_up(rest)
    return letter


def _refuse_what_came_back(payment: Payment) -> None:
    if refunds := came_back(payment.pk):
        names = ", ".join(f"refund {refund_id}" for refund_id in refunds)
        raise NotAllowed(f"{payment}: {names} came back. End it by hand first.", code="refund_came_back")


def _take_up(letter: DeadLetter) -> None:
    """The letter goes when all of it is booked. Whatever is not, or an end of this process, leaves it open."""
    problems = [problem for said in letter.facts if (problem := _take_up_one(said))]
    for problem in problems:
        with committing("replay.set_aside"):
            set_aside(letter.payment_id, problem)
    if not problems:
        close_taken_up(letter)


def _take_up_one(said: Mapping[str, Any]) -> str:
    """Why it could not be taken up; empty when it was, or when another letter, or line of one, tells."""
    try:
        refund = load_facts({"refund": said["refund"]}).refund
        if refund is None or take_up_refund(said["gateway"], refund) is None:
            return "replayed, and its money is not booked yet"
    except OperationalError:
        raise
    except (ChoptymError, DatabaseError, ValueError, KeyError) as error:
        log.exception("what a dead letter says of a refund could not be taken up")
        return f"replayed, and not taken up: {str(error).splitlines()[0][:300]}"
    return ""


def _make_due(payment: Payment) -> bool:
    """By every road on which its money can have come: a try is asked about, and events are looked at again.

    A try that was given up otherwise, or one that took the money a second time, is only told of by an event or by a
    gateway's list. False: nothing is due now, and its money is neither booked nor before a person.
    """
    now = clock.now()
    is_known = payment.state in {PaymentState.SETTLED, PaymentState.REVIEW}
    is_asked = not is_known and payment.attempts.filter(state__in=ASKED_ATTEMPTS).exists()
    if is_asked:
        Payment.objects.filter(pk=payment.pk).update(next_check_at=now)
        ring_after_commit(confirm_payments, payment.gateway)
    told = WebhookEvent.objects.filter(payment=payment, state=EventState.MATCHED).update(
        state=EventState.NEW, looks=0, next_look_at=now
    )
    ring_after_commit(process_events, payment.gateway)
    return is_known or is_asked or told > 0
