"""The only place of this app that claims rows."""

from django.conf import settings

from choptym.lib.failpoints import commits
from notifications.models import Notification, NotificationState


@commits("notify.claim")
def claim_notifications(limit: int) -> list[Notification]:
    """Take up to `limit` messages that are due, oldest first, and count the try.

    The claim is a lease: the row comes up again after NOTIFICATION_LEASE_SECONDS, if its sender dies.
    One statement; commits by itself when no transaction is open.
    """
    claimed = Notification.objects.raw(
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM notifications_notification
            WHERE state = %s AND next_attempt_at <= now()
            ORDER BY next_attempt_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE notifications_notification message
        SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => %s)
        FROM due WHERE message.id = due.id
        RETURNING message.id, user_id, kind, about, channel, language, address, context, state, next_attempt_at,
                  attempts, problem, created_at, sent_at, asked_again_at
        """,
        [NotificationState.WAITING, limit, settings.NOTIFICATION_LEASE_SECONDS],
    )
    return sorted(claimed, key=lambda row: row.pk)
