"""The states of whatever waits for something to happen, and how each may change.

A name is a fact that happened. REQUESTED means "we asked, or were about to": what came of it only the gateway knows,
so it is never read as a failure. What the gateway says later still counts: FAILED, EXPIRED and CANCELLED may become
SETTLED, because money that arrived must end somewhere.
"""

from django.db import models

from choptym.lib.states import Moves


class PaymentState(models.TextChoices):
    QUEUED = "QUEUED"
    REQUESTED = "REQUESTED"
    PENDING = "PENDING"
    SETTLED = "SETTLED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REVIEW = "REVIEW"


_S = PaymentState
PAYMENT_MOVES: Moves = {
    # Straight to SETTLED or REVIEW: an earlier try, given up as absent, was paid after all.
    _S.QUEUED: {_S.REQUESTED, _S.SETTLED, _S.FAILED, _S.EXPIRED, _S.CANCELLED, _S.REVIEW},
    _S.REQUESTED: {_S.QUEUED, _S.PENDING, _S.SETTLED, _S.FAILED, _S.EXPIRED, _S.REVIEW},
    _S.PENDING: {_S.SETTLED, _S.FAILED, _S.EXPIRED, _S.CANCELLED, _S.REVIEW},
    _S.SETTLED: set(),
    _S.FAILED: {_S.SETTLED, _S.REVIEW},
    _S.EXPIRED: {_S.SETTLED, _S.REVIEW},
    _S.CANCELLED: {_S.SETTLED, _S.REVIEW},
    _S.REVIEW: {_S.SETTLED, _S.FAILED},
}
WAITING_STATES = (_S.QUEUED, _S.REQUESTED, _S.PENDING)
FINAL_STATES = (_S.SETTLED, _S.FAILED, _S.EXPIRED, _S.CANCELLED, _S.REVIEW)


class AttemptState(models.TextChoices):
    STARTED = "STARTED"  # written before the call
    ACCEPTED = "ACCEPTED"  # the gateway has it
    UNKNOWN = "UNKNOWN"  # the answer never came
    PAID = "PAID"
    SURPLUS = "SURPLUS"  # paid, though another try had paid already: credited to the wallet
    NOT_PAID = "NOT_PAID"  # the gateway says: no money moved and none will
    REFUSED = "REFUSED"  # the gateway would not even ask the customer
    NOT_SENT = "NOT_SENT"  # it never reached the gateway
    POSTPONED = "POSTPONED"  # the gateway asked us to come back later: counts as no attempt
    ABSENT = "ABSENT"  # the gateway has proved to know nothing of it
    DISPROVED = "DISPROVED"  # the gateway called it paid, and a person found that nothing was collected


_A = AttemptState
ATTEMPT_MOVES: Moves = {
    _A.STARTED: {
        _A.ACCEPTED,
        _A.UNKNOWN,
        _A.PAID,
        _A.SURPLUS,
        _A.NOT_PAID,
        _A.REFUSED,
        _A.NOT_SENT,
        _A.POSTPONED,
        _A.ABSENT,
    },
    _A.UNKNOWN: {_A.ACCEPTED, _A.PAID, _A.NOT_PAID, _A.ABSENT},
    _A.ACCEPTED: {_A.PAID, _A.NOT_PAID},
    _A.PAID: {_A.DISPROVED},
    _A.SURPLUS: set(),
    _A.NOT_PAID: {_A.PAID, _A.SURPLUS},
    # The gateway's word wins later, even over its own: money that did arrive is booked.
    _A.REFUSED: {_A.PAID, _A.SURPLUS},
    _A.NOT_SENT: {_A.PAID, _A.SURPLUS},
    _A.POSTPONED: {_A.PAID, _A.SURPLUS},
    _A.ABSENT: {_A.PAID, _A.SURPLUS},
    _A.DISPROVED: {_A.PAID, _A.SURPLUS},
}
# An attempt in one of these has taken the customer's money, or may yet. A payment has at most one such attempt.
MAY_CHARGE = (_A.STARTED, _A.ACCEPTED, _A.UNKNOWN, _A.PAID)
# Those whose end the gateway has still to tell us.
OPEN_ATTEMPTS = (_A.STARTED, _A.ACCEPTED, _A.UNKNOWN)
# Those that the gateway is asked about: it may take its no back.
ASKED_ATTEMPTS = (*OPEN_ATTEMPTS, _A.NOT_PAID)
# Those that ended without money: what we keep of them grows old.
TOOK_NOTHING = (_A.NOT_PAID, _A.REFUSED, _A.NOT_SENT, _A.POSTPONED, _A.ABSENT)


class EventState(models.TextChoices):
    NEW = "NEW"
    PARKED = "PARKED"  # belongs to no payment that we know: looked at again, in case it comes to belong to one
    MATCHED = "MATCHED"
    UNCLAIMED = "UNCLAIMED"  # nobody's, after every look


EVENT_MOVES: Moves = {
    EventState.NEW: {EventState.MATCHED, EventState.PARKED},
    EventState.PARKED: {EventState.MATCHED, EventState.UNCLAIMED},
    EventState.MATCHED: {EventState.NEW},  # staff replay a payment that could not be settled
    EventState.UNCLAIMED: set(),
}


class RefundState(models.TextChoices):
    QUEUED = "QUEUED"
    REQUESTED = "REQUESTED"  # we asked, or were about to: only the gateway knows
    PENDING = "PENDING"  # the gateway has it
    REFUNDED = "REFUNDED"
    FAILED = "FAILED"  # nothing went back, and what was booked for it is booked back


_R = RefundState
REFUND_MOVES: Moves = {
    # Straight to PENDING: an earlier call, given up as lost, was executed after all.
    _R.QUEUED: {_R.REQUESTED, _R.PENDING, _R.REFUNDED, _R.FAILED},
    _R.REQUESTED: {_R.QUEUED, _R.PENDING, _R.REFUNDED, _R.FAILED},
    _R.PENDING: {_R.REFUNDED, _R.FAILED},
    _R.REFUNDED: {_R.FAILED},  # it came back, as the gateway says and a person agrees
    _R.FAILED: set(),
}
WAITING_REFUNDS = (_R.QUEUED, _R.REQUESTED, _R.PENDING)
REFUND_ENDS = (_R.REFUNDED, _R.FAILED)


class ReconciliationState(models.TextChoices):
    QUEUED = "QUEUED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"  # the gateway's list was not to be had


RECONCILIATION_MOVES: Moves = {
    ReconciliationState.QUEUED: {ReconciliationState.FINISHED, ReconciliationState.FAILED},
    ReconciliationState.FINISHED: {ReconciliationState.QUEUED},
    ReconciliationState.FAILED: {ReconciliationState.QUEUED},
}


class BreakState(models.TextChoices):
    OPEN = "OPEN"
    MENDED = "MENDED"  # the two sides agree now
    CLOSED = "CLOSED"  # a person has dealt with it


BREAK_MOVES: Moves = {
    BreakState.OPEN: {BreakState.MENDED, BreakState.CLOSED},
    BreakState.MENDED: {BreakState.OPEN},
    BreakState.CLOSED: set(),
}


class BulkState(models.TextChoices):
    CHECKED = "CHECKED"  # every line is good; nothing is done before a person starts it
    QUEUED = "QUEUED"
    FINISHED = "FINISHED"
    DISCARDED = "DISCARDED"


BULK_MOVES: Moves = {
    BulkState.CHECKED: {BulkState.QUEUED, BulkState.DISCARDED},
    BulkState.QUEUED: {BulkState.FINISHED},
    BulkState.FINISHED: set(),
    BulkState.DISCARDED: set(),
}


class BulkLineState(models.TextChoices):
    WAITING = "WAITING"
    DONE = "DONE"
    REFUSED = "REFUSED"  # by a rule: nothing moved, and the line says why


BULK_LINE_MOVES: Moves = {
    BulkLineState.WAITING: {BulkLineState.DONE, BulkLineState.REFUSED},
    BulkLineState.DONE: set(),
    BulkLineState.REFUSED: set(),
}
