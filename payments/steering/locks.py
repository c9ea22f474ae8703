"""The lock of what was ordered for one gateway, or for all. It is taken alone: no other row is locked with it."""

from payments.models import QueueControl


def lock_control(gateway: str, *, actor_id: int) -> QueueControl:
    """This gateway's row, made if nobody has ordered anything before, locked until the caller's transaction ends."""
    QueueControl.objects.bulk_create([QueueControl(gateway=gateway, changed_by_id=actor_id)], ignore_conflicts=True)
    return QueueControl.objects.select_for_update(no_key=True).get(gateway=gateway)
