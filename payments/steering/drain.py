"""Drain: nothing new is sent to the gateway, no charge and no refund; what it has is followed to its end."""

from datetime import datetime

from payments.models import QueueMode
from payments.steering.write import Steered, give_order


def drain_queue(gateway: str, *, actor_id: int, reason: str, until: datetime | None = None) -> Steered:
    """Drain this gateway, the wallet, or all, until somebody resumes it or `until` has come.

    In force on every process within 2 seconds. It also loosens a stop: questions are asked again.
    Commits: the order and its line in the audit log.
    Locks:   the order's row.
    Raises:  Rejected (unknown_gateway, bad_until, no_reason): nothing has changed.
    """
    changes = {"mode": QueueMode.DRAIN, "until": until}
    return give_order("drain_queue", gateway, changes, actor_id=actor_id, reason=reason, until=until)
