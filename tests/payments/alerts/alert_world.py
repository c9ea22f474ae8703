"""Alerts looked at as often as a test wants, over a queue that is as long as it wants."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.test import override_settings

from payments.alerts import check
from payments.alerts.check import REST, check_alerts
from payments.models import Alert, AlertCheck, Payment
from payments.states import PaymentState
from tests.factories import make_topup
from tests.notifications import peers as _peers  # noqa: F401 - lets Apprise read its plugins without a warning
from tests.payments.gateways.sandbox import Canned, canned


def look(group: str = REST) -> None:
    """As if the time for it had come."""
    AlertCheck.objects.update(checked_at=check._LONG_AGO)
    assert check_alerts(group)


def queue_of(length: int) -> None:
    """So many payments wait."""
    Payment.objects.filter(state=PaymentState.QUEUED).delete()
    for _ in range(length):
        make_topup()


def of_rule(rule: str) -> list[Alert]:
    return list(Alert.objects.filter(rule=rule).order_by("pk"))


def the_alert(rule: str = "queue_length") -> Alert:
    [alert] = of_rule(rule)
    return alert


def earlier(alert: Alert, **ago: timedelta) -> None:
    """Move times of an alert back."""
    for name, by in ago.items():
        Alert.objects.filter(pk=alert.pk).update(**{name: getattr(alert, name) - by})


@contextmanager
def told_to(*answers: tuple[int, object], **others: Any) -> Iterator[Canned]:
    """Operators listen at this sink, which answers so."""
    with canned(*answers or ((200, {}),)) as sink, override_settings(ALERT_URLS=[address_of(sink)], **others):
        yield sink


def address_of(sink: Canned, path: str = "operators") -> str:
    return f"{sink.url.replace('http://', 'json://')}/{path}"
