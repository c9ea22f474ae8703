"""Dead letters: what could not be booked, and why. What was said of refunds stays, for a replay to take up."""

import json
from collections.abc import Mapping
from typing import Any

import structlog
from django.db import connection

from choptym.lib.failpoints import commits
from payments.models import DeadLetter

log = structlog.get_logger(__name__)


def set_aside(payment_id: int, reason: str, *said: Mapping[str, Any]) -> None:
    """A dead letter, after which a person looks; `said` are facts about refunds. In the caller's transaction.

    A payment has at most one that is open: what is new is added to it, so that none hides another.
    """
    log.error("set aside: a person must look", payment=payment_id, reason=reason)
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


@commits("replay.close")
def close_taken_up(letter: DeadLetter) -> bool:
    """Remove what open_again() wrote, unless something was added to it meanwhile."""
    same = DeadLetter.objects.filter(pk=letter.pk, replayed_at__isnull=True, reason=letter.reason, facts=letter.facts)
    return same.delete()[0] > 0
