"""Looking at the rules: alerts are opened at once, and bettered or closed when two looks in a row found them better.

Two looks, so that a figure that swings around its threshold opens one alert and not one a minute. A figure that cannot
be read says nothing: its alerts stay as they are, and that it could not be read is told in the log, the metrics and
the row of the check.
"""

from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from choptym.lib import clock
from payments.alerts.figures import FIGURES
from payments.alerts.judge import say, severity_of, thresholds
from payments.alerts.notices import write_notices
from payments.alerts.rules import RULES, Reading, Rule
from payments.models import Alert, AlertCheck, Severity

log = structlog.get_logger(__name__)

# Workers are looked at as often as they are asked, everything else less often.
WORKERS, REST = "workers", "rest"
GROUPS = {WORKERS: ("worker_silent",), REST: tuple(name for name in RULES if name != "worker_silent")}
GOOD_LOOKS = 2
# Several clocks and workers call; of looks that follow each other closer than this share of the period one counts.
_LEAST_SHARE = 0.6
_LEASE = timedelta(seconds=60)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def check_alerts(group: str) -> bool:
    """Look at the rules of this group. False: it is not time yet, or monitoring is switched off.

    Commits: each alert by itself, with what is to be told of it. At once, or after a crash: the next look goes on.
    Network: Redis, with no transaction open.
    """
    if not settings.PAYMENT_QUEUE_MONITORING or not _take_turn(group):
        return False
    unread = {name: problem for name in GROUPS[group] if (problem := _look_at(RULES[name]))}
    AlertCheck.objects.filter(name=group).update(unread=unread, busy_until=None)
    return True


def _take_turn(group: str) -> bool:
    """Whoever moves the time of the last look looks, while nobody else does."""
    period = settings.WORKER_CANARY_SECONDS if group == WORKERS else settings.ALERT_CHECK_SECONDS
    now = clock.now()
    AlertCheck.objects.get_or_create(name=group, defaults={"checked_at": _LONG_AGO})
    due = AlertCheck.objects.filter(name=group, checked_at__lte=now - timedelta(seconds=period * _LEAST_SHARE))
    idle = due.filter(Q(busy_until__isnull=True) | Q(busy_until__lte=now))
    return idle.update(checked_at=now, busy_until=now + _LEASE) == 1


def _look_at(rule: Rule) -> str:
    """Returns why it could not be done; nothing when it was."""
    try:
        readings = FIGURES[rule.name]()
    except Exception as error:
        log.exception("a figure could not be read; its alerts stay as they are", rule=rule.name)
        return f"{type(error).__name__}: {error}"[:200]
    opened = {alert.place: alert for alert in Alert.objects.filter(rule=rule.name, closed_at__isnull=True)}
    for reading in readings:
        severity = severity_of(rule, reading)
        alert = opened.pop(reading.place, None)
        if alert is not None:
            _change(alert, rule, reading, severity)
        elif severity is not None:
            _open(rule, reading, severity)
    for alert in opened.values():  # their place is not there any more
        _change(alert, rule, Reading(alert.place, alert.value, said="is not there any more"), None)
    return ""


def _open(rule: Rule, reading: Reading, severity: Severity) -> None:
    now = clock.now()
    with transaction.atomic():
        # Two at once: the index of open alerts lets one of them in.
        Alert.objects.bulk_create(
            [
                Alert(
                    rule=rule.name,
                    place=reading.place,
                    worst=severity,
                    opened_at=now,
                    changed_at=now,
                    looked_at=now,
                    **_seen(rule, reading, severity),
                )
            ],
            ignore_conflicts=True,
        )
        alert = Alert.objects.filter(rule=rule.name, place=reading.place, opened_at=now, closed_at=None).first()
        if alert is None:
            return
        write_notices(alert, "opened")
    log.warning("alert opened", rule=alert.rule, place=alert.place, severity=alert.severity, text=alert.text)


def _change(alert: Alert, rule: Rule, reading: Reading, severity: Severity | None) -> None:
    """Move an open alert to what was read now. Of two at once one moves it."""
    if severity is not None and _is_worse(severity, alert.severity):
        _move(alert, "worse", worst=severity, **_seen(rule, reading, severity))
    elif severity == alert.severity:
        _still(alert).update(looked_at=clock.now(), good_looks=0, **_seen(rule, reading, severity))
    elif alert.good_looks + 1 < GOOD_LOOKS:
        _still(alert).update(looked_at=clock.now(), good_looks=F("good_looks") + 1)
    elif severity is not None:
        _move(alert, "", **_seen(rule, reading, severity))
    else:
        _move(alert, "closed", closed_at=clock.now(), value=reading.value, text=say(rule, reading, None))


def _move(alert: Alert, told_as: str, **columns: object) -> None:
    """Change it, and write down what is to be told of that."""
    now = clock.now()
    with transaction.atomic():
        moved = _still(alert).update(changed_at=now, looked_at=now, good_looks=0, changes=F("changes") + 1, **columns)
        if not moved:
            return
        alert.refresh_from_db()
        if told_as:
            write_notices(alert, told_as)
    log.warning("alert changed", rule=alert.rule, place=alert.place, to=told_as or "better", text=alert.text)


def _still(alert: Alert) -> QuerySet[Alert]:
    """The alert, if it is as we have read it."""
    return Alert.objects.filter(
        pk=alert.pk, closed_at=None, changes=alert.changes, good_looks=alert.good_looks, looked_at=alert.looked_at
    )


def _is_worse(one: str, other: str) -> bool:
    return one == Severity.CRITICAL and other == Severity.WARNING


def _seen(rule: Rule, reading: Reading, severity: Severity) -> dict[str, object]:
    return {
        "severity": severity,
        "value": reading.value,
        "threshold": thresholds(rule, reading)[severity],
        "text": say(rule, reading, severity)[:500],
    }
