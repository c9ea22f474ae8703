"""The rows of those who steer: one for each gateway and one for all, and the one of the control loop.

Each is taken alone: no other row is locked with it.
"""

from payments.models import QueueControl, Steering


def lock_control(gateway: str, *, actor_id: int) -> QueueControl:
    """This gateway's row, made if nobody has ordered anything before, locked until the caller's transaction ends."""
    QueueControl.objects.bulk_create([QueueControl(gateway=gateway, changed_by_id=actor_id)], ignore_conflicts=True)
    return QueueControl.objects.select_for_update(no_key=True).get(gateway=gateway)


def lock_steering() -> Steering:
    """The one row of Steering, made when it is not there, locked until the caller's transaction ends."""
    Steering.objects.get_or_create(pk=1)
    return Steering.objects.select_for_update().get(pk=1)
