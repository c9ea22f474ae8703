"""Working through a started upload: each line in a transaction of its own, with the money that it moves.

What if this dies: the line that was under way is rolled back with its money; the rest waits until the upload's lease
has passed. A line that is done says so in the same transaction, so it is never done twice.
"""

import uuid

import structlog
from django.db import DatabaseError, OperationalError

from choptym.lib import clock
from choptym.lib.errors import Rejected
from choptym.lib.failpoints import around, committing
from choptym.lib.money import Money
from choptym.lib.states import move
from payments import in_force
from payments.bulk.locks import claim_bulk_upload, give_back_upload, lock_line
from payments.credit import write_credit
from payments.locks import lock_payments
from payments.models import BulkLine, BulkUpload, Refund, RefundSource
from payments.refunds.write import Wish, write_refund
from payments.states import BULK_LINE_MOVES, BULK_MOVES, BulkLineState, BulkState, RefundState

log = structlog.get_logger(__name__)

# While as many refunds of an upload wait for their gateway as may run at once, its next chunk waits too.
LOOK_AGAIN_SECONDS = 1.0
_LINE_KEYS = uuid.UUID("5f2d4b5e-6a0c-4d0e-9a59-0f9f7b1d2c3a")


def work_on_chunk() -> bool:
    """Take the next chunk of the next upload that is due. False when none is.

    Commits: each line by itself, with its refund or credit.
    Locks:   the line, then as the verb of the line says.
    Raises:  OperationalError: the rest comes up again after the lease.
    """
    upload = claim_bulk_upload()
    if upload is None:
        return False
    room = in_force.current().max_concurrent - _under_way(upload)
    waiting = BulkLine.objects.filter(upload=upload, state=BulkLineState.WAITING).order_by("number")
    for line_id in list(waiting.values_list("pk", flat=True)[: max(room, 0)]):
        _work_on(upload, line_id)
    if waiting.exists():
        give_back_upload(upload, seconds=LOOK_AGAIN_SECONDS if room <= 0 else 0)
    else:
        with around("bulk.finish"):
            move(upload, BulkState.FINISHED, BULK_MOVES, finished_at=clock.now(), next_attempt_at=None)
    return True


def _under_way(upload: BulkUpload) -> int:
    """Its refunds whose turn at the gateway has not come, or whose answer is awaited."""
    states = [RefundState.QUEUED, RefundState.REQUESTED]
    return Refund.objects.filter(pk__in=upload.lines.values("refund"), state__in=states).count()


def _work_on(upload: BulkUpload, line_id: int) -> None:
    try:
        with committing("bulk.line"):
            line = lock_line(line_id)
            if line.state != BulkLineState.WAITING:
                return
            refund = _do(upload, line)
            move(line, BulkLineState.DONE, BULK_LINE_MOVES, refund=refund, finished_at=clock.now())
    except OperationalError:
        raise
    except Rejected as error:
        _refuse(line_id, error.code, error.message)
    except DatabaseError as error:
        # One line that the database will not have must not hold up the others.
        log.exception("a line of a bulk upload could not be done", line=line_id)
        _refuse(line_id, "unexpected", type(error).__name__)


def _do(upload: BulkUpload, line: BulkLine) -> Refund | None:
    if line.payment_id is None:
        assert line.user_id is not None  # noqa: S101 - bulk_line_has_target
        assert line.amount_minor is not None  # noqa: S101
        write_credit(
            user_id=line.user_id,
            money=Money(line.amount_minor, line.currency),
            key=_key_of(line),
        )
        return None
    [payment] = lock_payments([line.payment_id])
    wish = Wish(
        reason=line.reason,
        amount_minor=line.amount_minor,
        source=RefundSource.BULK,
        asked_by_id=upload.uploaded_by_id,
        reference=_key_of(line),
    )
    return write_refund(payment, wish)


def _key_of(line: BulkLine) -> uuid.UUID:
    """Always the same for this line: what it moves is moved once, whatever becomes of the line's own state."""
    return uuid.uuid5(_LINE_KEYS, str(line.pk))


def _refuse(line_id: int, code: str, message: str) -> None:
    with committing("bulk.refuse"):
        line = lock_line(line_id)
        move(
            line,
            BulkLineState.REFUSED,
            BULK_LINE_MOVES,
            code=code[:40],
            message=message[:300],
            finished_at=clock.now(),
        )
