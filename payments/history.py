"""What was moved out of the working tables because it is old and done with: read, and called back when it is named.

A try that took no money is moved when it is old (payments/housekeeping/kept.py). Should its gateway, against all that
it says, come back to it later still, then the try is wanted where all others are: whoever looks for one by name calls
it back first. So nothing that a promise needs is out of reach while the history is kept.
"""

from collections.abc import Collection
from typing import Any

import structlog
from django.db import connection, models

from choptym.lib.failpoints import commits
from notifications.models import Notification
from payments.models import History, HistoryKind, PaymentAttempt, WebhookEvent

log = structlog.get_logger(__name__)

Archived = dict[type[models.Model], list[Any]]

_MODELS: dict[str, type[models.Model]] = {
    HistoryKind.ATTEMPT: PaymentAttempt,
    HistoryKind.EVENT: WebhookEvent,
    HistoryKind.NOTIFICATION: Notification,
}


def archived_about(names: Collection[str]) -> Archived:
    """Rows of the history that are about these things, as they stood in their tables, oldest first. One query."""
    found: Archived = {model: [] for model in _MODELS.values()}
    for row in History.objects.filter(about__in=[*names]).exclude(about="").order_by("happened_at", "id"):
        model = _MODELS[row.kind]
        found[model].append(_as_row(model, row.content))
    return found


@commits("history.call_back")
def call_tries_back(
    *, payments: Collection[int] = (), references: Collection[str] = (), transactions: Collection[str] = ()
) -> int:
    """Put archived tries back among the others: those of these payments, or with these references or gateways' ids.

    Returns how many. One statement, in the caller's transaction or committed by itself.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH named AS MATERIALIZED (
                SELECT id, archived_at FROM payments_history
                WHERE kind = 'attempt' AND about = ANY(%(abouts)s) AND about <> ''
                UNION SELECT id, archived_at FROM payments_history
                WHERE kind = 'attempt' AND content ->> 'reference' = ANY(%(references)s)
                UNION SELECT id, archived_at FROM payments_history
                WHERE kind = 'attempt' AND content ->> 'transaction_id' = ANY(%(transactions)s)
            ), gone AS (
                DELETE FROM payments_history history USING named
                WHERE history.id = named.id AND history.archived_at = named.archived_at
                  -- An id that another try has been given since stays with that one.
                  AND NOT EXISTS (SELECT FROM payments_paymentattempt other
                                  WHERE other.gateway = content ->> 'gateway' AND other.transaction_id <> ''
                                    AND other.transaction_id = content ->> 'transaction_id')
                RETURNING content
            )
            INSERT INTO payments_paymentattempt
            SELECT (jsonb_populate_record(NULL::payments_paymentattempt, content)).* FROM gone
            """,
            {
                "abouts": [f"payment:{payment}" for payment in payments],
                "references": [reference.lower() for reference in references],
                "transactions": [transaction for transaction in transactions if transaction],
            },
        )
        if cursor.rowcount:
            log.warning("tries were called back from the history", count=cursor.rowcount)
        return int(cursor.rowcount)


def payments_of_archived_tries(text: str, *, most: int) -> list[int]:
    """The payments of archived tries with this reference of ours, or this id of a gateway's."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (content ->> 'payment_id')::bigint FROM payments_history
            WHERE kind = 'attempt'
              AND (content ->> 'reference' = lower(%(text)s) OR content ->> 'transaction_id' = %(text)s)
            LIMIT %(most)s
            """,
            {"text": text, "most": most},
        )
        return [row[0] for row in cursor.fetchall()]


def _as_row(model: type[models.Model], content: dict[str, Any]) -> models.Model:
    """Columns that this release does not know are left out; those that came since have their defaults."""
    columns = {field.attname: field for field in model._meta.concrete_fields if field.column in content}
    return model(**{name: _value(field, content[field.column]) for name, field in columns.items()})


def _value(field: "models.Field[Any, Any]", value: Any) -> Any:
    return value if isinstance(field, models.JSONField) else field.to_python(value)
