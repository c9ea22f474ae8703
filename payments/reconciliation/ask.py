"""Asking for the reconciliation of a day: the row is the job."""

from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Q

from choptym.audit.record import record_act
from choptym.lib import clock
from choptym.lib.errors import Rejected
from choptym.lib.failpoints import commits, committing
from choptym.lib.states import sources_of
from payments.gateways import gateway_names
from payments.models import Reconciliation
from payments.states import RECONCILIATION_MOVES, ReconciliationState

# The clock asks for a day this long after its end (UTC): by then the last payments of the evening have ended.
BEGIN_AFTER = timedelta(minutes=30)
# No gateway has lines of ours before it; it catches a year that was typed wrongly.
FIRST_DAY = date(2020, 1, 1)


def ask_for_day(gateway: str, day: date, *, actor_id: int | None = None, reason: str = "") -> Reconciliation:
    """Have this day compared now, again if need be. A run that is under way goes on, and serves the asker too.

    Commits: the row, and for staff the line in the audit log with it.
    Raises:  Rejected (unknown_gateway, future_day, day_too_early, no_reason).
    """
    if gateway not in gateway_names():
        raise Rejected(f"There is no gateway {gateway!r} here.", code="unknown_gateway", fields={"gateway": "unknown"})
    check_day(day)
    with committing("reconcile.ask"):
        row = _ask(gateway, day, actor_id)
        if actor_id is not None:
            about, details = f"reconciliation:{row.pk}", {"gateway": gateway, "day": day.isoformat()}
            record_act(actor_id=actor_id, verb="run_reconciliation", about=about, reason=reason, details=details)
    row.refresh_from_db()
    return row


def check_day(day: date) -> None:
    """Raises Rejected (future_day, day_too_early)."""
    if day > clock.now().astimezone(UTC).date():
        raise Rejected("That day has not come yet.", code="future_day", fields={"day": "in the future"})
    if day < FIRST_DAY:
        message = f"There is nothing to compare before {FIRST_DAY.isoformat()}."
        raise Rejected(message, code="day_too_early", fields={"day": "too early"})


def ask_for_due_days(now: datetime | None = None) -> list[int]:
    """Every gateway's last RECONCILE_DAYS days, each once a day: states and settlements come late.

    Returns the rows that are to be worked on. Commits: each by itself.
    """
    last = ((now or clock.now()).astimezone(UTC) - BEGIN_AFTER).date() - timedelta(days=1)
    days = [last - timedelta(days=back) for back in range(settings.RECONCILE_DAYS)]
    since = datetime.combine(last + timedelta(days=1), time(), UTC)
    asked = []
    for gateway in gateway_names():
        rows = Reconciliation.objects.filter(gateway=gateway, day__in=days)
        # Those that wait come by themselves; those that somebody asked for today have seen what there is to see.
        done = rows.filter(Q(state=ReconciliationState.QUEUED) | Q(asked_at__gte=since)).values_list("day", flat=True)
        asked += [_ask(gateway, day, None).pk for day in sorted({*days} - {*done})]
    return asked


@commits("reconcile.due_day")
def _ask(gateway: str, day: date, actor_id: int | None) -> Reconciliation:
    now = clock.now()
    row, is_new = Reconciliation.objects.get_or_create(
        gateway=gateway, day=day, defaults={"next_attempt_at": now, "asked_by_id": actor_id}
    )
    if is_new:
        return row
    queued = ReconciliationState.QUEUED
    rows = Reconciliation.objects.filter(pk=row.pk, state__in=[queued, *sources_of(queued, RECONCILIATION_MOVES)])
    # Not while somebody works on it: its due time is their lease.
    idle = rows.filter(Q(begun_at__isnull=True) | Q(next_attempt_at__lte=now) | Q(next_attempt_at__isnull=True))
    idle.update(
        state=queued,
        next_attempt_at=now,
        begun_at=None,
        attempts_made=0,
        rechecks=0,
        problem="",
        asked_by_id=actor_id,
        asked_at=now,
    )
    return row
