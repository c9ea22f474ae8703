"""Staff have a message sent again that was given up."""

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import NotAllowed
from choptym.lib.failpoints import committing
from choptym.lib.jobs import ring_after_commit
from choptym.lib.states import move
from notifications.models import NOTIFICATION_MOVES, Notification, NotificationState
from notifications.tasks import deliver_notifications


def send_again(notification_id: int, *, actor_id: int, reason: str) -> Notification:
    """Let this message be tried for a day more, beginning now.

    Commits: the message and the line in the audit log together; it is sent afterwards.
    Raises:  NotAllowed (not_given_up), Rejected (no_reason).
    """
    now = clock.now()
    with committing("notify.send_again"):
        row = Notification.objects.get(pk=notification_id)
        details = {"message": row.pk, "kind": row.kind, "channel": row.channel, "was": row.problem}
        again = {"next_attempt_at": now, "asked_again_at": now, "attempts": 0, "problem": ""}
        if not move(row, NotificationState.WAITING, NOTIFICATION_MOVES, **again):
            raise NotAllowed(f"The message {row} is {row.state}: it was not given up.", code="not_given_up")
        record_act(actor_id=actor_id, verb="send_message_again", about=row.about, reason=reason, details=details)
        ring_after_commit(deliver_notifications)
    return row
