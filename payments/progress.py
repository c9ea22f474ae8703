"""What a waiting customer sees: the steps, their place in line, an honest guess of the rest.

Made to be polled by a crowd: the place in line comes from one list of waiting ids that is read once a second per
process, so that a status read costs one indexed row; and who waits is told when to ask again, so that all of them
together ask no more often than the servers bear.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from django.conf import settings
from django.utils import timezone

from choptym.lib import clock
from choptym.lib.planned_anew import planned_anew
from choptym.lib.snapshot import Snapshot
from payments import in_force
from payments.models import Payment, Priority
from payments.states import FINAL_STATES, WAITING_STATES, PaymentState
from payments.stats import WINDOW_SECONDS, counts, flow

# Until the first payments have been measured: a push, a PIN, a settlement.
ASSUMED_SECONDS = 15.0
# A payment counts for the rate only when there were enough of them to mean something.
ENOUGH_TO_MEASURE = 5

STEP_NAMES = ("accepted", "sent_to_gateway", "waiting_for_approval", *(state.lower() for state in FINAL_STATES))

_READ_AGAIN_SECONDS = {PaymentState.QUEUED: 1, PaymentState.REQUESTED: 1, PaymentState.PENDING: 2}
_LONGEST_READ_AGAIN_SECONDS = 30
# Nothing moves until somebody says so; then it moves at once.
_READ_PAUSED_AGAIN_SECONDS = 5
# A person decides.
_READ_REVIEW_AGAIN_SECONDS = 60

_APPROVED = frozenset({PaymentState.SETTLED, PaymentState.REVIEW})


@dataclass(frozen=True, slots=True)
class Line:
    """The ids that wait, oldest first, per priority."""

    waiting: dict[int, list[int]]

    def ahead_of(self, payment: Payment) -> int:
        """How many go first: every higher priority, and the older ones of the same."""
        higher = sum(len(ids) for priority, ids in self.waiting.items() if priority > payment.priority)
        return higher + bisect_left(self.waiting[payment.priority], payment.pk)


@planned_anew()
def _read_line() -> Line:
    waiting: dict[int, list[int]] = {int(priority): [] for priority in Priority}
    rows = Payment.objects.filter(state=PaymentState.QUEUED).order_by("-priority", "pk")
    for priority, payment_id in rows.values_list("priority", "pk"):
        waiting[priority].append(payment_id)
    return Line(waiting)


line = Snapshot(_read_line)


def position_of(payment: Payment) -> int:
    """1 is next in line; 0 once its turn has come."""
    return line.get().ahead_of(payment) + 1 if payment.state == PaymentState.QUEUED else 0


def eta_seconds(payment: Payment, position: int) -> int:
    """How long until it is settled, if all goes on as it did: the line before it at the measured rate, then its way.

    0 once it has ended, or a person looks at it. While it is paused the count begins when its gateway runs again; when
    nobody has said when that is, it is what will be left then. Never later than what has not been
    sent expires.
    """
    if payment.state in FINAL_STATES:
        return 0
    seconds = _seconds_until_runs(payment) + _running_seconds(payment, position)
    if payment.state == PaymentState.QUEUED:  # it waits no longer than this
        seconds = min(seconds, ceil((payment.expires_at - clock.now()).total_seconds()))
    return max(1, seconds)


def is_paused(payment: Payment) -> bool:
    """Whether it stands still because somebody has ordered so. What the gateway has may still be drained to its end."""
    if payment.state == PaymentState.QUEUED:
        return not in_force.may_send(payment.gateway)
    return payment.state not in FINAL_STATES and not in_force.may_ask(payment.gateway)


def paused_until(payment: Payment) -> datetime | None:
    """When it goes on by itself; None when it is not paused, or nobody has said when."""
    return in_force.held_until(payment.gateway) if is_paused(payment) else None


def _seconds_until_runs(payment: Payment) -> int:
    until = paused_until(payment)
    return ceil(max(0.0, (until - clock.now()).total_seconds())) if until else 0


def _running_seconds(payment: Payment, position: int) -> int:
    now = flow.get()
    own_way = ASSUMED_SECONDS
    if now.settled >= ENOUGH_TO_MEASURE:
        own_way = max(1.0, now.average_total_seconds - now.average_wait_seconds)
    if payment.state != PaymentState.QUEUED:
        since = payment.requested_at or payment.queued_at
        gone = (clock.now() - since).total_seconds()
        return max(1, ceil(own_way - gone))
    most = in_force.current().max_concurrent
    per_second = now.started / WINDOW_SECONDS
    if now.started < ENOUGH_TO_MEASURE:
        per_second = most / 2
    # After a quiet time the measured rate says nothing of what we could do; the slots that we have do.
    per_second = max(per_second, most / 10)
    not_before = max(0.0, (payment.next_attempt_at - clock.now()).total_seconds())
    return max(1, ceil(max(position / per_second, not_before) + own_way))


def read_again_seconds(payment: Payment, eta: int) -> int | None:
    """When it is worth asking again; None once it has ended. Under review it has not: somebody has to decide.

    The more wait, the later: together they ask STATUS_READS_PER_SECOND times a second, as long as that is within half a
    minute for each, so that a crowd does not keep the servers from the payments it waits for.
    """
    if payment.state == PaymentState.REVIEW:
        return _READ_REVIEW_AGAIN_SECONDS
    if payment.state in FINAL_STATES:
        return None
    in_turn = ceil(counts.get().total(*WAITING_STATES) / settings.STATUS_READS_PER_SECOND)
    if is_paused(payment):
        return max(_READ_PAUSED_AGAIN_SECONDS, min(in_turn, _LONGEST_READ_AGAIN_SECONDS))
    soonest = _READ_AGAIN_SECONDS[PaymentState(payment.state)]
    return max(soonest, min(max(eta // 4, in_turn), _LONGEST_READ_AGAIN_SECONDS))


def steps_of(payment: Payment) -> list[dict[str, Any]]:
    """The way of the payment, each step with the time at which it was reached.

    While the customer is to approve, that step is reached and not done. Money that came was approved, whether or not
    we have seen them being asked.
    """
    is_wallet = payment.requested_at is None and payment.gateway == "wallet"
    steps = [_step("accepted", payment.queued_at)]
    if not is_wallet:
        steps.append(_step("sent_to_gateway", payment.requested_at))
        is_approved = payment.state in _APPROVED
        reached = payment.pending_at or (payment.finished_at if is_approved else None)
        steps.append({**_step("waiting_for_approval", reached), "is_done": is_approved})
    if payment.state in FINAL_STATES:
        steps.append(_step(payment.state.lower(), payment.finished_at))
    else:
        steps.append(_step("settled", None))
    return steps


def _step(name: str, at: datetime | None) -> dict[str, Any]:
    return {"name": name, "is_done": at is not None, "at": iso(at)}


def iso(at: datetime | None) -> str | None:
    """A time as the API shows it: ISO 8601 in the service's time zone."""
    return timezone.localtime(at).isoformat() if at else None
