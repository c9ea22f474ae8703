"""Staff let a payment try again that was set aside because it could not be settled."""

from django.db import transaction
from django.utils import timezone

from choptym.audit.record import record_act
from choptym.lib.errors import NotAllowed
from choptym.lib.jobs import ring_after_commit
from payments.locks import lock_payments
from payments.models import DeadLetter, Payment, WebhookEvent
from payments.states import OPEN_ATTEMPTS, EventState, PaymentState
from payments.tasks import confirm_payments, process_events


def replay_dead_letter(letter_id: int, *, actor_id: int, reason: str) -> DeadLetter:
    """Have the gateway asked again, and settle what it says. If that fails again, a new dead letter tells why.

    Commits: the letter, what becomes due, and the line in the audit log together.
    Locks:   payment.
    Raises:  NotAllowed (already_replayed), Rejected (no_reason).
    """
    letter = DeadLetter.objects.get(pk=letter_id)
    with transaction.atomic(durable=True):
        [payment] = lock_payments([letter.payment_id])
        now = timezone.now()
        open_letters = DeadLetter.objects.filter(pk=letter.pk, replayed_at__isnull=True)
        if not open_letters.update(replayed_at=now, replayed_by_id=actor_id):
            raise NotAllowed(f"{payment}: somebody has replayed this already.", code="already_replayed")
        _make_due(payment)
        record_act(
            actor_id=actor_id,
            verb="replay_dead_letter",
            about=f"payment:{payment.pk}",
            reason=reason,
            details={"dead_letter": letter.pk, "state": payment.state, "was": letter.reason[:300]},
        )
    letter.refresh_from_db()
    return letter


def _make_due(payment: Payment) -> None:
    """By every road on which its money can have come: an open try is asked about, and events are looked at again.

    A try that had ended, or one that took the money a second time, is only told of by an event.
    """
    now = timezone.now()
    is_open = payment.attempts.filter(state__in=OPEN_ATTEMPTS).exists()
    if is_open and payment.state not in {PaymentState.SETTLED, PaymentState.REVIEW}:
        Payment.objects.filter(pk=payment.pk).update(next_check_at=now)
        ring_after_commit(confirm_payments, payment.gateway)
    WebhookEvent.objects.filter(payment=payment, state=EventState.MATCHED).update(
        state=EventState.NEW, looks=0, next_look_at=now
    )
    ring_after_commit(process_events, payment.gateway)
