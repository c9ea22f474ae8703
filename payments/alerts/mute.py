"""Staff know of an alert, and want to hear nothing more of it for a while."""

from datetime import datetime, timedelta

from django.db import transaction

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import NotAllowed, Rejected
from payments.models import Alert

LONGEST_HOURS = 7 * 24


def mute_alert(alert_id: int, *, hours: int, actor_id: int, reason: str) -> datetime:
    """Let nobody be told of this alert's changes for so long; 0: tell again from now on. It stays open and is shown.

    One that is opened later, when this one is over, is told of as ever.
    Commits: the alert and the line in the audit log together.
    Raises:  NotAllowed (alert_closed), Rejected (invalid_hours, no_reason).
    """
    if not 0 <= hours <= LONGEST_HOURS:
        message = f"Between 0 and {LONGEST_HOURS} hours."
        raise Rejected(message, code="invalid_hours", fields={"hours": message})
    until = clock.now() + timedelta(hours=hours)
    with transaction.atomic(durable=True):
        if not Alert.objects.filter(pk=alert_id, closed_at=None).update(muted_until=until):
            raise NotAllowed("This alert is over.", code="alert_closed")
        record_act(
            actor_id=actor_id, verb="mute_alert", about=f"alert:{alert_id}", reason=reason, details={"hours": hours}
        )
    return until
