"""How a payment stands when the two knock: each is brought there by the roads that payments take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from choptym.lib.errors import Busy, NotSent, Rejected, Unavailable
from orders.models import Order
from payments import charge
from payments.cancel import cancel_payment
from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.expire import expire_batch
from payments.letters import set_aside
from payments.locks import claim_charge, claim_checks
from payments.models import Payment, PaymentAttempt
from payments.refund import refund_payment
from payments.refunds.write import Wish
from payments.states import AttemptState
from tests.factories import a_while_ago, make_attempt
from tests.machine.gateways import FAULTS, REFUSALS
from tests.races.pairs.case import OTHER, PLAIN, SIGNED, Case

EVER_DAYS = 3_000


@dataclass(frozen=True, slots=True)
class Start:
    """`end`: how it ends when nothing more comes. `gateways`: where it can be brought about, the usual one first.

    At Razorpay a payer who declined may try again until the order's time is over: nothing is called failed by that.
    """

    name: str
    begin: Callable[[Case], object]
    end: str
    gateways: tuple[str, ...] = (PLAIN, SIGNED)


def _cart(case: Case) -> None:
    """Nothing is ordered yet."""


def _queued(case: Case) -> None:
    answer = case.check_out()
    assert answer.status_code == 202, answer.content


def _again(case: Case) -> None:
    """The worker of its first try was paused, the gateway proved to know nothing of it, and it waits for its second.

    The request may still arrive, the worker may wake, and so may one that had begun to ask what became of it.
    """
    _queued(case)
    case.charge = claim_charge(case.payment_id, case.gateway)
    case.subject = case.attempt.pk
    PaymentAttempt.objects.filter(pk=case.subject).update(started_at=a_while_ago(3_000))
    case.change(next_check_at=a_while_ago())
    [case.check] = claim_checks(case.gateway, 10)
    case.change(next_check_at=a_while_ago())
    confirm_batch(case.gateway)
    assert case.attempt.state == AttemptState.ABSENT
    case.change(next_attempt_at=a_while_ago())


def _asked_again(case: Case) -> None:
    """The same, and a worker has asked for the second time."""
    _again(case)
    first = case.charge
    _ask(case)
    case.charge, case.second = first, case.charge


def _asked(case: Case) -> None:
    """A worker has asked, and has not written down yet what came of it. Its lease has passed."""
    _queued(case)
    _ask(case)
    case.second = case.charge


def _ask(case: Case) -> None:
    claimed = claim_charge(case.payment_id, case.gateway)
    assert claimed is not None
    case.charge = claimed
    with case.world.wrong(case.gateway, REFUSALS[OTHER] if case.fault == "refusal" else FAULTS.get(case.fault, {})):
        try:
            case.answer = charge._ask(claimed)
        except (Busy, NotSent, Unavailable, Rejected) as error:
            case.answer = error
    case.change(next_check_at=a_while_ago())


def _unknown(case: Case) -> None:
    """The gateway has it, and its answer was lost."""
    _queued(case)
    with case.world.wrong(case.gateway, FAULTS["answer lost"]):
        charge_payment(case.payment_id)
    assert case.attempt.state == AttemptState.UNKNOWN


def _lost(case: Case) -> None:
    """The request never came to the gateway, long enough ago for its silence to prove it."""
    _queued(case)
    with case.world.wrong(case.gateway, FAULTS["request lost"]):
        charge_payment(case.payment_id)
    assert case.attempt.state == AttemptState.UNKNOWN
    PaymentAttempt.objects.filter(payment=case.payment_id).update(started_at=a_while_ago(3_000))
    case.change(next_check_at=a_while_ago())


def _pending(case: Case) -> None:
    _queued(case)
    charge_payment(case.payment_id)
    assert (case.payment.state, case.attempt.state) == ("PENDING", "ACCEPTED")


def _topup(case: Case) -> None:
    """Money for the wallet: there is no order."""
    case.top_up()
    charge_payment(case.payment_id)
    assert (case.payment.state, case.attempt.state) == ("PENDING", "ACCEPTED")


def _failed(case: Case) -> None:
    _pending(case)
    case.decide("decline")
    _confirm(case)
    assert case.payment.state == "FAILED"


def _expired(case: Case) -> None:
    _pending(case)
    case.let_expire()
    expire_batch()
    assert case.payment.state == "EXPIRED"


def _cancelled(case: Case) -> None:
    _pending(case)
    cancel_payment(case.payment_id)


def _paid(case: Case) -> None:
    _pending(case)
    case.decide("pay")


def _settled(case: Case) -> None:
    _paid(case)
    _confirm(case)
    assert case.payment.state == "SETTLED"


def _under_review(case: Case) -> None:
    _pending(case)
    with case.world.wrong(case.gateway, {"wrong_amount_rate": 1}):
        case.decide("pay")
    _confirm(case)
    assert case.payment.state == "REVIEW"


def _set_aside(case: Case) -> None:
    """The money is there, and could not be booked for a reason that is gone by now."""
    _paid(case)
    with transaction.atomic():
        set_aside(case.payment_id, "IntegrityError: a reason that is gone")
    case.change(next_check_at=None)
    case.dead_letters = 1


def _surplus_set_aside(case: Case) -> None:
    _settled(case)
    _take_too_much(case)


def _review_and_surplus(case: Case) -> None:
    _under_review(case)
    _take_too_much(case)


def _take_too_much(case: Case) -> None:
    """It was the second try; the first, given up as absent, took money too, and how much could not be read then.

    The gateway tells of it until it is heard, and a worker may have begun to ask about it.
    """
    assert case.check is not None
    PaymentAttempt.objects.filter(pk=case.attempt.pk).update(number=2)
    first = make_attempt(case.payment, AttemptState.ABSENT, number=1, transaction_id="")
    case.subject, case.tells_again = first.pk, True
    case.check = replace(case.check, attempt_id=first.pk, reference=str(first.reference), transaction_id="")
    case.decide("pay")
    with transaction.atomic():
        set_aside(case.payment_id, "Mismatch: try 1 took money too many that we cannot read")
    case.dead_letters = 1


def _refund_queued(case: Case) -> None:
    _settled(case)
    refund_payment(case.payment_id, Wish(reason="cold"), actor_id=case.world.staff_id)


def _old(case: Case) -> None:
    """It failed years ago, and its try is about to be moved into the history."""
    _failed(case)
    long_ago = timezone.now() - timedelta(days=EVER_DAYS)
    times = ("queued_at", "requested_at", "asked_at", "pending_at", "finished_at")
    Payment.objects.filter(pk=case.payment_id).update(next_check_at=None, **dict.fromkeys(times, long_ago))
    PaymentAttempt.objects.filter(payment=case.payment_id).update(started_at=long_ago, ended_at=long_ago)
    Order.objects.filter(user=case.user).update(cancelled_at=long_ago)


def _confirm(case: Case) -> None:
    """By one worker. Another had begun to ask as well, and has not taken up yet what it heard."""
    case.change(next_check_at=a_while_ago())
    [case.check] = claim_checks(case.gateway, 10)
    case.change(next_check_at=a_while_ago())
    confirm_batch(case.gateway)


STARTS: Mapping[str, Start] = {
    start.name: start
    for start in (
        Start("cart", _cart, "nothing"),
        Start("queued", _queued, "waits"),
        Start("queued_wallet", _queued, "waits", ("wallet",)),
        Start("again", _again, "waits", (PLAIN,)),
        Start("asked_again", _asked_again, "waits", (PLAIN,)),
        Start("asked", _asked, "waits", (PLAIN, SIGNED, OTHER)),
        Start("unknown", _unknown, "waits", (PLAIN,)),
        Start("lost", _lost, "waits", (PLAIN,)),
        Start("pending", _pending, "waits"),
        Start("topup", _topup, "waits"),
        Start("failed", _failed, "failed", (PLAIN,)),
        Start("expired", _expired, "expired"),
        Start("cancelled", _cancelled, "cancelled"),
        Start("settled", _settled, "order"),
        Start("review", _under_review, "review"),
        Start("set_aside", _set_aside, "waits"),
        Start("surplus_set_aside", _surplus_set_aside, "order"),
        Start("review_and_surplus", _review_and_surplus, "review", (PLAIN,)),
        Start("refund_queued", _refund_queued, "order", (SIGNED, PLAIN)),
        Start("old", _old, "failed", (PLAIN,)),
    )
}
