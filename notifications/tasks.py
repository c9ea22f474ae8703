"""What the queue runs for this app."""

import time

from celery import shared_task

from choptym.lib import clock
from choptym.lib.jobs import answer, publish
from notifications.deliver import deliver_batch
from notifications.models import Notification, NotificationState

# A drain hands over to a fresh message after this long, so that a restart never waits for an endless one.
DRAIN_SECONDS = 20


@shared_task
def deliver_notifications() -> None:
    """Answer the bell, then deliver until nothing is due."""
    answer(deliver_notifications)
    end = time.monotonic() + DRAIN_SECONDS
    while deliver_batch():
        if time.monotonic() > end:
            publish(deliver_notifications)
            return


@shared_task
def sweep_notifications() -> bool:
    """Ring again when a message has waited: its bell was lost, its sender died, or its next try is due."""
    is_due = Notification.objects.filter(state=NotificationState.WAITING, next_attempt_at__lte=clock.now()).exists()
    return is_due and publish(deliver_notifications)
