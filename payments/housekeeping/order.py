"""A person has the clean-up done at once, by the workers: for a page or a request, which must not wait for it."""

from datetime import timedelta

from django.db import transaction

from choptym.audit.record import record_act
from choptym.lib import clock
from payments.models import Job

JOB = "clean-up"
# Before any slot of any period.
_LONG_AGO = timedelta(days=366)


def order_clean_up(*, actor_id: int, reason: str) -> None:
    """Let the job be due now: it runs within seconds, unless it is under way already.

    Commits: the line in the audit log and the job together.
    Raises:  Rejected (no_reason).
    """
    with transaction.atomic(durable=True):
        record_act(actor_id=actor_id, verb="order_clean_up", about="queue:all", reason=reason)
        # A job that has never run is due by itself.
        Job.objects.filter(name=JOB).update(slot_at=clock.now() - _LONG_AGO)
