"""Staff credit what a second try took, where the gateway's answer did not say how much."""

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.failpoints import committing
from choptym.lib.money import Money
from choptym.lib.states import sources_of
from payments.facts import Paid
from payments.letters import open_again
from payments.locks import lock_payments
from payments.models import DeadLetter, PaymentAttempt
from payments.states import ATTEMPT_MOVES, AttemptState
from payments.surplus import book_surplus, check_typed_amount, find_surplus


def credit_surplus(attempt_id: int, *, money: Money, actor_id: int, reason: str) -> PaymentAttempt:
    """Put what this try took too many into the customer's wallet; the amount is read on the gateway's own pages.

    Only where its settlement was set aside: the open dead letter of the payment ends with it.
    Commits: ledger, wallet, try, dead letter, message and the line in the audit log together.
    Locks:   payment, wallet account.
    Raises:  NotAllowed (not_set_aside, no_surplus), Rejected (nothing_collected, amount_too_large, no_reason).
    """
    if money.amount_minor <= 0:
        raise Rejected("How much was it?", code="nothing_collected", fields={"amount": "How much was it?"})
    check_typed_amount(money)
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    fact = Paid(payment_id=attempt.payment_id, attempt_id=attempt.pk, money=money, gateway=attempt.gateway)
    with committing("credit_surplus"):
        [payment] = lock_payments([attempt.payment_id])
        letter = DeadLetter.objects.filter(payment=payment, replayed_at__isnull=True).first()
        if letter is None:
            raise NotAllowed(f"{payment}: nothing of it is set aside.", code="not_set_aside")
        DeadLetter.objects.filter(pk=letter.pk).update(replayed_at=clock.now(), replayed_by_id=actor_id)
        open_again(letter)  # what it says of refunds is not dealt with by this
        if payment.pk not in find_surplus([fact]) or not book_surplus(payment, fact):
            raise NotAllowed(f"{attempt} took nothing that is not booked.", code="no_surplus")
        record_act(
            actor_id=actor_id,
            verb="credit_surplus",
            about=f"payment:{payment.pk}",
            reason=reason,
            details={"attempt": attempt.pk, "collected": str(money)},
        )
    attempt.refresh_from_db()
    return attempt


def surplus_candidates(payment_id: int) -> list[PaymentAttempt]:
    """The tries of this payment whose money, had they taken any, would be too many."""
    attempts = list(PaymentAttempt.objects.filter(payment=payment_id).order_by("number"))
    taken = any(attempt.state == AttemptState.PAID for attempt in attempts)
    return [one for one in attempts if taken and one.state in sources_of(AttemptState.SURPLUS, ATTEMPT_MOVES)]
