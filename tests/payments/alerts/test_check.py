"""Alerts open once, get worse, better and close by themselves; what cannot be read changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from prometheus_client import generate_latest
from redis import Redis
from structlog.testing import capture_logs

from choptym.lib import jobs
from choptym.lib.snapshot import Snapshot
from payments import tasks
from payments.alerts import figures
from payments.alerts.books import note_proof, read_books
from payments.alerts.check import REST, WORKERS, check_alerts
from payments.alerts.rules import Reading
from payments.metrics import QUEUE_REGISTRY
from payments.models import Alert, AlertCheck, AlertNotice, Payment
from tests.factories import fresh
from tests.payments.alerts.alert_world import look, of_rule, queue_of, the_alert, told_to
from tests.payments.alerts.figures_world import worker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_queues(monkeypatch: pytest.MonkeyPatch, silent_gateways: None) -> Any:
    """Two payments are a queue; a critical one has four."""
    monkeypatch.setattr(Snapshot, "get", lambda self: self._read())
    short = lambda: [Reading("", Payment.objects.filter(state="QUEUED").count(), warning=2, critical=4)]  # noqa: E731
    monkeypatch.setitem(figures.FIGURES, "queue_length", short)


def titles() -> list[str]:
    return list(AlertNotice.objects.filter(alert__rule="queue_length").order_by("pk").values_list("title", flat=True))


def test_an_alert_opens_at_the_first_look_and_once() -> None:
    queue_of(2)
    with told_to():
        look()
        look()

    alert = the_alert()
    assert (alert.severity, alert.value, alert.threshold, alert.place, alert.closed_at) == ("WARNING", 2, 2, "", None)
    assert alert.text == "Queue length: 2 payments (warning from 2 payments)"
    assert titles() == [f"[WARNING] {alert.text}"]


def test_below_the_threshold_nothing_opens() -> None:
    queue_of(1)
    look()

    assert of_rule("queue_length") == []


def test_it_gets_worse_at_once_and_better_after_two_looks() -> None:
    queue_of(2)
    with told_to():
        look()
        queue_of(4)
        look()
        worse = the_alert()
        queue_of(3)
        look()
        still = the_alert()
        look()

    better = the_alert()
    assert (worse.severity, still.severity, better.severity, better.worst) == (
        "CRITICAL",
        "CRITICAL",
        "WARNING",
        "CRITICAL",
    )
    assert [title.split("]")[0] for title in titles()] == ["[WARNING", "[CRITICAL"]


def test_it_closes_by_itself_after_two_good_looks_in_a_row_and_says_so() -> None:
    queue_of(2)
    with told_to():
        look()
        queue_of(1)
        look()
        queue_of(2)
        look()  # not in a row
        queue_of(1)
        look()
        assert the_alert().closed_at is None
        look()

    closed = the_alert()
    assert closed.closed_at is not None
    assert closed.text == "Queue length: 1 payments (warning from 2 payments)"
    assert [title.split("]")[0] for title in titles()] == ["[WARNING", "[OVER"]


def test_what_comes_again_is_a_new_alert() -> None:
    for length in (2, 0, 0, 2):
        queue_of(length)
        look()

    assert [alert.closed_at is None for alert in of_rule("queue_length")] == [False, True]


def test_a_place_that_is_not_there_any_more_is_well() -> None:
    gone = worker("gone@here", "p1.high", unanswered=60)
    worker("all@here", *settings.QUEUES)
    look(WORKERS)
    assert the_alert("worker_silent").place == "gone@here"

    gone.delete()
    look(WORKERS)
    look(WORKERS)

    assert the_alert("worker_silent").closed_at is not None


def test_a_figure_that_cannot_be_read_leaves_its_alerts_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Alert.objects.create(
        rule="redis_memory", severity="WARNING", worst="WARNING", value=70, threshold=60, text="Redis memory",
        opened_at=timezone.now(), changed_at=timezone.now(), looked_at=timezone.now(), good_looks=1,
    )  # fmt: skip
    nobody = Redis.from_url("redis://127.0.0.1:9/0", socket_connect_timeout=0.2)
    monkeypatch.setattr(figures, "redis", lambda: nobody)
    queue_of(2)

    with capture_logs() as lines:
        look()
        look()
        look()

    kept = the_alert("redis_memory")
    assert (kept.closed_at, kept.good_looks, kept.severity) == (None, 1, "WARNING")
    assert the_alert("queue_length").closed_at is None
    assert AlertCheck.objects.get(name=REST).unread.keys() == {"redis_memory"}
    assert [line["rule"] for line in lines if line["log_level"] == "error"] == ["redis_memory"] * 3
    assert 'choptym_alert_figure_unread{rule="redis_memory"} 1.0' in generate_latest(QUEUE_REGISTRY).decode()


@override_settings(PAYMENT_QUEUE_MONITORING=False)
def test_with_monitoring_off_nothing_is_looked_at_and_nobody_is_asked() -> None:
    queue_of(4)
    asked = worker("all@here", "p1.high")

    assert not check_alerts(REST)
    tasks.watch_workers()
    tasks.check_alerts()

    assert Alert.objects.count() == 0
    assert fresh(asked).looked_at == asked.looked_at


def test_of_several_clocks_one_looks() -> None:
    assert [check_alerts(REST), check_alerts(REST), check_alerts(WORKERS)] == [True, False, True]
    assert not check_alerts(WORKERS)


def test_while_one_looks_nobody_else_does_until_it_is_taken_for_dead() -> None:
    look()
    now = timezone.now()
    AlertCheck.objects.update(checked_at=now - timedelta(minutes=5), busy_until=now + timedelta(seconds=1))
    assert not check_alerts(REST)

    AlertCheck.objects.update(busy_until=now)
    assert check_alerts(REST)


def test_the_metric_tells_what_is_open() -> None:
    queue_of(2)
    look()

    text = generate_latest(QUEUE_REGISTRY).decode()

    assert 'choptym_alert_open{place="",rule="queue_length",severity="WARNING"} 1.0' in text
    assert 'choptym_alerts_checked_age_seconds{group="rest"}' in text


def test_the_proof_of_the_books_is_kept_for_the_rule_and_the_metric() -> None:
    assert [reading.value for reading in read_books()][:2] == [0, 0]

    note_proof({"capture": ["payment 1"], "overdue": []})

    assert [reading.value for reading in read_books()][:2] == [1, 0]
    assert 'choptym_books_breaks{kind="capture"} 1.0' in generate_latest(QUEUE_REGISTRY).decode()


def test_the_broker_is_not_asked_for_what_is_not_due() -> None:
    jobs.redis().delete("choptym:bell:payments.tasks.tell_alerts")

    tasks._have_alerts_told()

    assert jobs.redis().get("choptym:bell:payments.tasks.tell_alerts") is None
