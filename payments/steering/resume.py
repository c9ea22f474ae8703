"""Resume: the queue runs again. What waited is due still, so the sweepers find it at once."""

from payments.models import QueueMode
from payments.steering.write import Steered, give_order


def resume_queue(gateway: str, *, actor_id: int, reason: str) -> Steered:
    """Let this gateway, the wallet, or all run again. Limits that were set stay.

    An order for all and one for a gateway are two: who resumes one of them is told of the other.
    Commits: the order and its line in the audit log.
    Locks:   the order's row.
    Raises:  Rejected (unknown_gateway, no_reason): nothing has changed.
    """
    changes = {"mode": QueueMode.RUN, "until": None}
    return give_order("resume_queue", gateway, changes, actor_id=actor_id, reason=reason)
