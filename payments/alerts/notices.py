"""Writing down what is to be told of a change, once for each of ALERT_URLS."""

from hashlib import sha256

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.formats import date_format

from choptym.lib import clock
from payments.alerts.rules import RULES
from payments.models import Alert, AlertNotice

_WORDS = {"opened": "opened", "worse": "got worse", "closed": "is over"}


def channel_of(address: str) -> str:
    """What an address is called in our rows and logs: it may hold a password."""
    return sha256(address.encode()).hexdigest()[:12]


def write_notices(alert: Alert, change: str) -> None:
    """In the transaction of the change ("opened", "worse" or "closed"). Of a muted alert nobody is told."""
    if alert.muted_until is not None and alert.muted_until > clock.now():
        return
    word = "OVER" if change == "closed" else alert.severity
    AlertNotice.objects.bulk_create(
        AlertNotice(
            alert=alert,
            change=alert.changes,
            channel=channel_of(address),
            title=f"[{word}] {alert.text}"[:200],
            text=_letter(alert, change),
            created_at=alert.changed_at,
            next_tell_at=Now(),
        )
        for address in settings.ALERT_URLS
    )


def _letter(alert: Alert, change: str) -> str:
    """Figures and places only: nothing of any customer."""
    rule = RULES[alert.rule]
    lines = [
        alert.text,
        f"The alert {alert} {_WORDS[change]}. It measures {rule.measures}.",
        f"Since {_when(alert.opened_at)}" + (f", until {_when(alert.closed_at)}" if alert.closed_at else ""),
        *([] if alert.closed_at else [f"First: {rule.do_first}"]),
        f"Runbook: {rule.runbook}",
        # Written out: a worker has no pages, so it cannot look an address up.
        f"Page: {settings.PUBLIC_URL}/admin/payments/alert/{alert.pk}/change/",
    ]
    return "\n".join(lines)


def _when(at: object) -> str:
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")  # type: ignore[arg-type]
