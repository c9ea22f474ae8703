"""The customer changes their mind."""

from choptym.lib.errors import NotAllowed
from choptym.lib.failpoints import committing
from payments.close import close_unpaid
from payments.locks import lock_payments
from payments.models import Payment
from payments.states import PaymentState

# While the gateway's answer is awaited nobody knows whether there is something to cancel.
ASK_AGAIN_SECONDS = 5.0
# For the customer, who does not know our states.
_ENDED = {
    PaymentState.SETTLED: "This payment has been paid already: it cannot be cancelled any more.",
    PaymentState.FAILED: "This payment did not go through: there is nothing to cancel.",
    PaymentState.EXPIRED: "This payment has expired: there is nothing to cancel.",
    PaymentState.REVIEW: "We are looking into this payment: it cannot be cancelled any more.",
}


def cancel_payment(payment_id: int) -> Payment:
    """Cancel a payment that is queued or awaits the customer's approval; again is no error.

    A prompt that is already on the phone cannot be taken back: if it is approved after all, the order is taken up again
    (see orders/retake.py), or else the money goes into the customer's wallet.
    Commits: state, order, stock and cart together.
    Locks:   payment, order, cart lines, products.
    Raises:  NotAllowed (outcome_unknown while a call is under way, already_ended).
    """
    with committing("cancel"):
        [payment] = lock_payments([payment_id])
        if payment.state == PaymentState.CANCELLED:
            return payment
        if payment.state == PaymentState.REQUESTED:
            error = NotAllowed("The gateway is being asked; please try again in a moment.", code="outcome_unknown")
            error.retry_after_seconds = ASK_AGAIN_SECONDS
            raise error
        if not close_unpaid(payment, PaymentState.CANCELLED, code="cancelled"):
            raise NotAllowed(_ENDED[PaymentState(payment.state)], code="already_ended")
    return payment
