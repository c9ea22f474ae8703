"""A person chooses the profile, or lets clock and load choose again. `flash_sale` begins one, `auto` ends it."""

from django.db import transaction

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import Rejected
from payments import in_force
from payments.models import Steering
from payments.profiles import FLASH_SALE, NAMES
from payments.steering.locks import lock_steering

AUTO = "auto"


def pin_profile(name: str, *, actor_id: int, reason: str) -> str:
    """Let this profile hold until somebody says otherwise. Returns the name of the one that holds now.

    After `auto` the loop may begin a flash sale again, once the queue has been long for a while.
    Commits: the choice and its line in the audit log together; in force everywhere within a second.
    Locks:   the row of Steering.
    Raises:  Rejected (unknown_profile, no_reason).
    """
    if name not in (*NAMES, AUTO):
        problem = f"There are {', '.join(NAMES)} and {AUTO}."
        raise Rejected(problem, code="unknown_profile", fields={"profile": problem})
    with transaction.atomic(durable=True):
        steering, now = lock_steering(), clock.now()
        was = steering.pinned_profile or AUTO
        steering.pinned_profile = "" if name == AUTO else name
        steering.flash_sale_since = (steering.flash_sale_since or now) if name == FLASH_SALE.name else None
        chosen = ("pinned_profile", "flash_sale_since")
        Steering.objects.filter(pk=steering.pk).update(
            **{field: getattr(steering, field) for field in chosen}, long_since=None, short_since=None
        )
        record_act(
            actor_id=actor_id,
            verb="pin_profile",
            about="queue:all",
            reason=reason,
            details={"was": was, "to": name},
        )
    in_force.orders.forget()
    return in_force.profile_of(now, steering).name
