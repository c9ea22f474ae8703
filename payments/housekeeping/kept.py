"""What is kept how long. A new kind of thing is one more line.

A line says which rows are done with; what is open is in none, however old. Payments, orders, wallet entries, refunds,
reconciliations, bulk files and acts of staff are in none: they are the books, or small, or both.
"""

# ruff: noqa: S608 - what is put together here are conditions of our own, no values

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, ClassVar

from django.conf import settings

from choptym.lib import clock
from payments.models import HistoryKind
from payments.states import FINAL_STATES, TOOK_NOTHING, EventState, PaymentState

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class What(Enum):
    ARCHIVE = "archive"  # moved into the history
    DELETE = "delete"
    EMPTY = "empty"  # the columns of `empties` are emptied


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of `table` that are `due`, and whose `since` is longer ago than the setting says, are done with.

    due       SQL of this project, in which the row is called kept
    about     whose story it belongs to, as SQL, in which the row is called gone
    source    more tables that `due` needs: held, like the row, against changes meanwhile
    """

    name: str
    table: str
    since: str
    setting: str  # "": at once
    what: What
    due: str = "true"
    unit: timedelta = DAY
    key: str = "id"
    source: str = ""
    kind: str = ""
    about: str = "''"
    empties: tuple[str, ...] = ()
    values: ClassVar[dict[str, Any]] = {
        "final": [state for state in FINAL_STATES if state != PaymentState.REVIEW],
        "took_nothing": list(TOOK_NOTHING),
        "looked_at": [EventState.MATCHED, EventState.UNCLAIMED],
    }

    def before(self) -> datetime:
        """What began to be done with before this is due."""
        return clock.now() - self.unit * (getattr(settings, self.setting) if self.setting else 0)


# A payment is done with when it has ended and nobody has to look at it; `paid.` is its row.
_ENDED = """paid.state = ANY(%(final)s) AND paid.finished_at < %(before)s AND paid.next_check_at IS NULL
    AND NOT EXISTS (SELECT FROM payments_deadletter letter
                    WHERE letter.payment_id = paid.id AND letter.replayed_at IS NULL)
    AND NOT EXISTS (SELECT FROM payments_refund refund
                    WHERE refund.payment_id = paid.id AND refund.next_attempt_at IS NOT NULL)"""

KEPT = (
    Kept(
        "idempotency keys",
        "payments_idempotencykey",
        "created_at",
        "IDEMPOTENCY_KEPT_FOR_HOURS",
        What.DELETE,
        unit=HOUR,
    ),
    Kept("sessions of staff", "django_session", "expire_date", "", What.DELETE, key="session_key"),
    Kept(
        "notifications",
        "notifications_notification",
        "created_at",
        "NOTIFICATIONS_KEPT_FOR_DAYS",
        What.ARCHIVE,
        due="kept.state <> 'WAITING'",
        kind=HistoryKind.NOTIFICATION,
        about="gone.about",
    ),
    Kept(
        "webhook events",
        "payments_webhookevent",
        "received_at",
        "EVENTS_KEPT_FOR_DAYS",
        What.ARCHIVE,
        # A second money of a transaction stays: an automatic refund of it is told from one of the first by it
        # (payments/refunds/whose.py).
        due=f"""kept.next_look_at IS NULL AND kept.state = ANY(%(looked_at)s)
            AND (kept.payment_id IS NULL OR EXISTS (
                SELECT FROM payments_payment paid WHERE paid.id = kept.payment_id AND {_ENDED}))
            AND NOT EXISTS (
                SELECT FROM payments_paymentattempt attempt
                WHERE attempt.gateway = kept.gateway AND attempt.transaction_id = kept.transaction_id
                  AND attempt.transaction_id <> '' AND attempt.gateway_payment_id <> ''
                  AND coalesce(kept.facts #>> '{{status,gateway_payment_id}}', '')
                      NOT IN ('', attempt.gateway_payment_id))""",
        kind=HistoryKind.EVENT,
        about="coalesce('payment:' || gone.payment_id, '')",
    ),
    Kept(
        "tries that took no money",
        "payments_paymentattempt",
        "started_at",
        "ATTEMPTS_KEPT_FOR_DAYS",
        What.ARCHIVE,
        source="JOIN payments_payment paid ON paid.id = kept.payment_id",
        due=f"""kept.state = ANY(%(took_nothing)s) AND kept.collected_minor IS NULL AND {_ENDED}
            AND NOT EXISTS (SELECT FROM payments_refund refund WHERE refund.attempt_id = kept.id)
            AND NOT EXISTS (SELECT FROM payments_reconciliationbreak seen WHERE seen.attempt_id = kept.id)""",
        kind=HistoryKind.ATTEMPT,
        about="'payment:' || gone.payment_id",
    ),
    Kept(
        "notices of alerts",
        "payments_alertnotice",
        "created_at",
        "ALERTS_KEPT_FOR_DAYS",
        What.DELETE,
        due="""kept.next_tell_at IS NULL AND EXISTS (
            SELECT FROM payments_alert alert WHERE alert.id = kept.alert_id AND alert.closed_at < %(before)s)""",
    ),
    Kept(
        "alerts that are over",
        "payments_alert",
        "closed_at",
        "ALERTS_KEPT_FOR_DAYS",
        What.DELETE,
        due="NOT EXISTS (SELECT FROM payments_alertnotice notice WHERE notice.alert_id = kept.id)",
    ),
    Kept(
        "papers of tries",
        "payments_paymentattempt",
        "started_at",
        "PAPERS_KEPT_FOR_DAYS",
        What.EMPTY,
        source="JOIN payments_payment paid ON paid.id = kept.payment_id",
        due="(kept.request <> '{}' OR kept.response <> '{}') AND " + _ENDED,
        empties=("request", "response"),
    ),
)
