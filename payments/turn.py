"""A payment's turn at its gateway: let through, held back, or moved on to another gateway.

Nothing has been asked yet, so none of this is a try. A payment that is held back stays QUEUED with a later due time;
the sweeper tells of it again (see payments/sweep.py). While a person has ordered that nothing new goes to its gateway,
it stays due and the sweeper leaves it alone.
"""

import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from choptym.lib import clock
from choptym.lib.money import Money
from payments import in_force
from payments.gateways.operators import operator_of
from payments.locks import move_to_gateway, postpone_charge
from payments.models import Payment, Priority, QueueMode
from payments.routing import gateways_instead
from payments.states import PaymentState
from payments.throttle.admit import Admission, Postponed, Rank, admit, release, wait_until
from payments.throttle.figures import count_failover

log = structlog.get_logger(__name__)

CIRCUIT = "circuit"
# Somebody else is charging it: this message came twice.
HELD = "held"
# No slot is free. Some are soon, and to be put back and taken in hand once more costs two commits: it asks again first.
FULL = frozenset({"slots", "gateway_slots"})
ASKS_AGAIN_SECONDS = 0.25
# By order of a person. It costs no request to Redis.
_BY_ORDER = {QueueMode.STOP: "stopped", QueueMode.DRAIN: "drained"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What must be known of a payment to let it through."""

    payment_id: int
    gateway: str
    by_link: bool
    phone: str
    amount_minor: int
    currency: str
    priority: int
    queued_at: datetime

    @property
    def rank(self) -> Rank:
        if self.priority == Priority.HIGH:  # however long: were they to age too, endless ones would still go first
            return Rank.HIGH
        has_waited_long = clock.now() - self.queued_at >= timedelta(seconds=settings.PAYMENT_WAITED_LONG_SECONDS)
        return Rank.AGED if has_waited_long else Rank.OTHER

    @property
    def operator(self) -> str:
        """On a gateway's own page the customer chooses the operator, so none is known."""
        return "" if self.by_link else operator_of(self.phone)


def take_turn(payment_id: int) -> Admission | None:
    """Let the payment through to its gateway, or to the next one while the circuit of its own is open.

    None: not due, postponed, or being charged by somebody else. What is let through must be released.
    Commits: the postponement, or the move to another gateway.
    """
    waiting = _find(payment_id)
    return None if waiting is None else let_in_turn(waiting)


def let_in_turn(waiting: Waiting) -> Admission | None:
    """take_turn() of a payment that was found to be due."""
    if is_held_back(waiting.payment_id, waiting.gateway):
        return None
    answer = _ask_twice(waiting)
    if isinstance(answer, Postponed) and answer.reason == CIRCUIT and settings.PAYMENT_FAILOVER:
        return _move_on(waiting, answer)
    return _let_through(waiting, waiting.gateway, answer)


def _ask_twice(waiting: Waiting) -> Admission | Postponed:
    answer = admit(waiting.gateway, waiting.operator, str(waiting.payment_id), waiting.rank)
    if isinstance(answer, Postponed) and answer.reason in FULL:
        wait_until(time.monotonic() + random.uniform(0, 2 * ASKS_AGAIN_SECONDS))  # noqa: S311
        answer = admit(waiting.gateway, waiting.operator, str(waiting.payment_id), waiting.rank)
    return answer


def is_held_back(payment_id: int, gateway: str) -> bool:
    """Whether nothing new may go to this gateway, or out of the wallet. Then the payment waits, and stays due.

    Commits: the postponement.
    """
    mode = in_force.mode_of(gateway)
    if mode is QueueMode.RUN:
        return False
    _postpone(payment_id, gateway, Postponed(0, _BY_ORDER[mode]))
    return True


def _find(payment_id: int) -> Waiting | None:
    now = clock.now()
    due = Payment.objects.filter(
        pk=payment_id, state=PaymentState.QUEUED, next_attempt_at__lte=now, expires_at__gt=now
    ).values_list("pk", "gateway", "by_link", "phone", "amount_minor", "currency", "priority", "queued_at")
    return next((Waiting(*row) for row in due), None)


def _move_on(waiting: Waiting, refusal: Postponed) -> Admission | None:
    """The first gateway in order whose circuit is not open takes the payment, even if it must wait there."""
    money = Money(waiting.amount_minor, waiting.currency)
    for gateway in gateways_instead(waiting.gateway, money, waiting.phone, by_link=waiting.by_link):
        if not in_force.may_send(gateway):
            continue
        answer = admit(gateway, waiting.operator, str(waiting.payment_id), waiting.rank)
        if isinstance(answer, Postponed) and answer.reason == CIRCUIT:
            continue
        if not move_to_gateway(waiting.payment_id, waiting.gateway, gateway):
            if isinstance(answer, Admission):
                release(answer)
            return None
        log.warning("payment moved", payment=waiting.payment_id, gateway=waiting.gateway, to=gateway)
        count_failover(waiting.gateway, gateway)
        return _let_through(waiting, gateway, answer)
    return _let_through(waiting, waiting.gateway, refusal)


def _let_through(waiting: Waiting, gateway: str, answer: Admission | Postponed) -> Admission | None:
    if isinstance(answer, Admission):
        return answer
    if answer.reason != HELD:
        _postpone(waiting.payment_id, gateway, answer)
    return None


def _postpone(payment_id: int, gateway: str, answer: Postponed) -> None:
    log.info("payment postponed", payment=payment_id, gateway=gateway, reason=answer.reason)
    postpone_charge(payment_id, gateway, seconds=answer.seconds)
