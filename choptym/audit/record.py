"""Writing an act down."""

from collections.abc import Mapping

from django.db import connection

from choptym.audit.models import Act
from choptym.lib.errors import Rejected

REASON_LENGTH = 500


def record_act(
    *, actor_id: int, verb: str, about: str, reason: str, details: Mapping[str, object] | None = None
) -> Act:
    """Write down what a member of staff does. Runs in the caller's transaction: no act without its line, nor a line
    without its act.

    Raises:  Rejected (no_reason).
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an act is recorded in the transaction of the act")
    reason = reason.strip()[:REASON_LENGTH]
    if not reason:
        raise Rejected("Please say why.", code="no_reason", fields={"reason": "Please say why."})
    return Act.objects.create(actor_id=actor_id, verb=verb, about=about, reason=reason, details=dict(details or {}))
