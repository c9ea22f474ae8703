"""The only place of the alerts that claims rows."""

from django.db import connection

from payments.models import AlertNotice

# Longer than TELL_SECONDS in tell.py: who has not reported back by then is dead.
LEASE_SECONDS = 60


def claim_notices(limit: int) -> list[AlertNotice]:
    """Take up to `limit` notices that are due, and count the try. Of one alert and channel the earliest only.

    The claim is a lease, as everywhere. One statement; commits by itself when no transaction is open.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT id FROM payments_alertnotice notice
                WHERE next_tell_at <= statement_timestamp() AND NOT EXISTS (
                    SELECT 1 FROM payments_alertnotice earlier
                    WHERE earlier.alert_id = notice.alert_id AND earlier.channel = notice.channel
                      AND earlier.next_tell_at IS NOT NULL AND earlier.id < notice.id)
                ORDER BY next_tell_at, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
            )
            UPDATE payments_alertnotice notice
            SET attempts = attempts + 1, next_tell_at = statement_timestamp() + make_interval(secs => %s)
            FROM due WHERE notice.id = due.id
            RETURNING notice.id
            """,
            [limit, LEASE_SECONDS],
        )
        ids = [row[0] for row in cursor.fetchall()]
    return list(AlertNotice.objects.filter(pk__in=ids).order_by("pk"))
