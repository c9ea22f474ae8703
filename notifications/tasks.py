"""What the queue runs for this app."""

from celery import shared_task

from choptym.lib import clock
from choptym.lib.drain import drain
from choptym.lib.jobs import publish
from choptym.lib.planned_anew import planned_anew
from notifications.deliver import deliver_batch
from notifications.models import Notification, NotificationState


@shared_task
def deliver_notifications() -> None:
    """Deliver messages until none is due."""
    drain(deliver_notifications, work=deliver_batch)


@shared_task
def sweep_notifications() -> bool:
    """Ring again when a message has waited: its bell was lost, its sender died, or its next try is due."""
    return _is_due() and publish(deliver_notifications)


@planned_anew()
def _is_due() -> bool:
    return Notification.objects.filter(state=NotificationState.WAITING, next_attempt_at__lte=clock.now()).exists()
