"""Stop: nothing leaves for the gateway, not even a question. Checkout goes on, webhooks are kept, facts are booked."""

from datetime import datetime

from payments.models import QueueMode
from payments.steering.write import Steered, give_order


def stop_queue(gateway: str, *, actor_id: int, reason: str, until: datetime | None = None) -> Steered:
    """Stop this gateway, the wallet, or all, until somebody resumes it or `until` has come.

    In force on every process within 2 seconds: a call that is under way ends, and none begins.
    Commits: the order and its line in the audit log.
    Locks:   the order's row.
    Raises:  Rejected (unknown_gateway, bad_until, no_reason): nothing has changed.
    """
    changes = {"mode": QueueMode.STOP, "until": until}
    return give_order("stop_queue", gateway, changes, actor_id=actor_id, reason=reason, until=until)
