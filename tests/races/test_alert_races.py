"""Races between those who look at the rules, and those who tell."""

from functools import partial

import pytest
from django.test import override_settings
from django.utils import timezone

from payments.alerts import check, figures
from payments.alerts.check import REST, check_alerts
from payments.alerts.notices import write_notices
from payments.alerts.rules import Reading
from payments.alerts.tell import tell_batch
from payments.models import Alert, AlertCheck, AlertNotice
from tests.payments.alerts.alert_world import told_to
from tests.races.track import at_once, slowed


@pytest.fixture(autouse=True)
def one_figure(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Only the queue is measured; it is as long as the test says."""
    length = {"queue": 5.0}
    read = {"queue_length": lambda: [Reading("", length["queue"], warning=2, critical=1000)]}
    monkeypatch.setitem(check.GROUPS, REST, ("queue_length",))
    monkeypatch.setattr(check, "FIGURES", {**figures.FIGURES, **read})
    Alert.objects.all().delete()
    AlertCheck.objects.all().delete()
    return length


@pytest.fixture
def _all_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is kept from looking by another who has just looked."""
    monkeypatch.setattr(check, "_take_turn", lambda group: True)


def test_of_two_clocks_one_looks() -> None:
    assert sorted(at_once(*[partial(check_alerts, REST)] * 4)) == [False, False, False, True]


@pytest.mark.usefixtures("_all_look")
def test_two_who_look_at_once_open_one_alert_with_one_message() -> None:
    with told_to() as sink:
        with slowed("payments_alert", "INSERT", seconds=0.1):
            at_once(*[partial(check_alerts, REST)] * 4)
        while tell_batch():
            pass

    assert (Alert.objects.count(), AlertNotice.objects.count(), len(sink.asked)) == (1, 1, 1)


@pytest.mark.usefixtures("_all_look")
def test_two_who_look_at_once_close_it_once(one_figure: dict[str, float]) -> None:
    with override_settings(ALERT_URLS=["json://127.0.0.1:9/x"]):
        check_alerts(REST)
        one_figure["queue"] = 0
        with slowed("payments_alert", "UPDATE", seconds=0.1):
            at_once(*[partial(check_alerts, REST)] * 3)
            looks = Alert.objects.get().good_looks
            at_once(*[partial(check_alerts, REST)] * 3)

    assert looks == 1, "three at once are one look"
    assert Alert.objects.get().closed_at is not None
    assert AlertNotice.objects.count() == 2


def test_two_who_tell_at_once_tell_once() -> None:
    now = timezone.now()
    with told_to() as sink:
        for place in "abcde":
            alert = Alert.objects.create(
                rule="queue_length", place=place, severity="WARNING", worst="WARNING", value=5, threshold=2, text=place,
                opened_at=now, changed_at=now, looked_at=now,
            )  # fmt: skip
            write_notices(alert, "opened")
        with slowed("payments_alertnotice", "UPDATE", seconds=0.05):
            at_once(*[tell_batch] * 4)

    assert len(sink.asked) == 5
    assert AlertNotice.objects.filter(told_at__isnull=False).count() == 5
