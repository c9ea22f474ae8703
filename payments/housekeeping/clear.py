"""A person has what is completed cleaned up now, not at the next turn of the clock."""

from collections.abc import Callable

from django.db import transaction

from choptym.audit.record import record_act
from payments.housekeeping.kept import KEPT
from payments.housekeeping.months import make_months
from payments.housekeeping.step import take_steps


def clear_completed(*, actor_id: int, reason: str, say: Callable[[str], object] = lambda _: None) -> dict[str, int]:
    """Move or delete everything that is completed and past its retention. Returns how many of each kind.

    `say` is told of every step. What is open, or younger than its retention, stays; so it may be called at any time.
    Commits: the line in the audit log first, then each step by itself.
    Raises:  Rejected (no_reason).
    """
    with transaction.atomic(durable=True):
        record_act(actor_id=actor_id, verb="clear_completed", about="queue:all", reason=reason)
    make_months()
    counts = {kept.name: 0 for kept in KEPT}
    for kind, count in take_steps():
        counts[kind] += count
        if count:
            say(f"{kind}: {counts[kind]}")
    return counts
