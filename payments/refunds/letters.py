"""Dead letters about refunds: what was said stays with them, so that a replay can take it up again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from django.db import connection

from payments.models import DeadLetter, Refund
from payments.states import RefundState

log = structlog.get_logger(__name__)

# The gateway said afterwards that it did not go back: a person looks (resolve_refund).
CAME_BACK = "came_back"


def set_aside(payment_id: int, reason: str, *said: Mapping[str, Any]) -> None:
    """A dead letter about a refund, after which a person looks. In the caller's transaction.

    A payment has at most one that is open: what is new is added to it, so that none hides another.
    """
    log.error("a refund needs a person", payment=payment_id, reason=reason)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_deadletter AS letter (payment_id, reason, facts, created_at)
            VALUES (%s, %s, %s::jsonb, now())
            ON CONFLICT (payment_id) WHERE replayed_at IS NULL DO UPDATE
            SET reason = CASE WHEN strpos(letter.reason, excluded.reason) > 0 THEN letter.reason
                              ELSE letter.reason || E'\\n' || excluded.reason END,
                facts = CASE WHEN letter.facts @> excluded.facts THEN letter.facts
                             ELSE letter.facts || excluded.facts END
            WHERE strpos(letter.reason, excluded.reason) = 0 OR NOT letter.facts @> excluded.facts
            """,
            [payment_id, reason, json.dumps(list(said))],
        )


def open_again(letter: DeadLetter) -> DeadLetter | None:
    """A new letter with what was said, open until it is taken up. In the transaction that closes this one."""
    if not letter.facts:
        return None
    # Not its reason: when that holds again, it is written anew.
    reason = f"letter {letter.pk} was replayed"
    return DeadLetter.objects.create(payment_id=letter.payment_id, reason=reason, facts=letter.facts)


def close_taken_up(letter: DeadLetter) -> bool:
    """Remove what open_again() wrote, unless something was added to it meanwhile."""
    same = DeadLetter.objects.filter(pk=letter.pk, replayed_at__isnull=True, reason=letter.reason, facts=letter.facts)
    return same.delete()[0] > 0


def came_back(payment_id: int) -> Sequence[int]:
    """The refunds of this payment that came back, and that nobody has ended by hand."""
    rows = Refund.objects.filter(payment=payment_id, state=RefundState.REFUNDED, failure_code=CAME_BACK)
    return list(rows.order_by("pk").values_list("pk", flat=True))
