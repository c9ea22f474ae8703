"""Telling operators: each opening, worsening and end once at each address; a dead one keeps nobody waiting."""

import json
import socket
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from payments.alerts import tell
from payments.alerts.locks import claim_notices
from payments.alerts.notices import channel_of, write_notices
from payments.alerts.tell import tell_batch
from payments.metrics import QUEUE_REGISTRY
from payments.models import Alert, AlertNotice
from tests.factories import a_while_ago, fresh
from tests.payments.alerts.alert_world import address_of, told_to
from tests.payments.gateways.sandbox import Canned, canned

pytestmark = pytest.mark.django_db


def open_alert(**columns: Any) -> Alert:
    """With what is to be told of its opening."""
    at = timezone.now()
    alert = Alert.objects.create(
        **{
            "rule": "queue_length", "place": "", "severity": "WARNING", "worst": "WARNING", "value": 120,
            "threshold": 100, "text": "Queue length: 120 payments", "opened_at": at, "changed_at": at, "looked_at": at,
            **columns,
        }
    )  # fmt: skip
    write_notices(alert, "opened")
    return alert


def close(alert: Alert) -> None:
    Alert.objects.filter(pk=alert.pk).update(closed_at=timezone.now(), changes=alert.changes + 1)
    write_notices(fresh(alert), "closed")


def heard(sink: Canned) -> list[str]:
    return [json.loads(body)["title"] for _, _, _, body in sink.asked]


def tell_all() -> None:
    while tell_batch():
        pass


def due_again() -> None:
    AlertNotice.objects.filter(next_tell_at__isnull=False).update(next_tell_at=a_while_ago())


@override_settings(PUBLIC_URL="https://pay.example.com")
def test_a_message_says_what_where_since_when_and_what_to_do() -> None:
    with told_to() as sink:
        alert = open_alert()
        tell_all()
        tell_all()

    [(_, path, _, body)] = sink.asked
    letter = json.loads(body)
    assert path == "/operators"
    assert letter["title"] == "[WARNING] Queue length: 120 payments"
    for words in (
        "Queue length: 120 payments",
        "Since ",
        "First: See whether one gateway",
        "Runbook: deploy/runbooks/queue_length.md",
        f"https://pay.example.com{reverse('admin:payments_alert_change', args=(alert.pk,))}",
    ):
        assert words in letter["message"]
    [notice] = AlertNotice.objects.all()
    assert notice.told_at is not None
    assert (notice.next_tell_at, notice.attempts, notice.problem) == (None, 1, "")


def test_every_address_is_told_once_and_each_for_itself() -> None:
    with (
        canned((200, {})) as one,
        canned((500, {})) as dead,
        override_settings(ALERT_URLS=[address_of(dead), address_of(one)]),
    ):
        open_alert()
        tell_all()
        due_again()
        tell_all()

    assert len(heard(one)) == 1
    assert len(heard(dead)) == 2


def test_what_was_not_taken_is_tried_again_later_and_is_seen_meanwhile() -> None:
    with told_to((500, {}), (500, {}), (200, {})) as sink, capture_logs() as lines:
        open_alert()
        tell_all()
        first = AlertNotice.objects.get()
        wait = (first.next_tell_at - timezone.now()).total_seconds() if first.next_tell_at else 0
        seen = generate_latest(QUEUE_REGISTRY).decode()
        due_again()
        tell_all()
        due_again()
        tell_all()

    assert 3 < wait <= 5
    assert first.problem == "the provider did not take it"
    assert "choptym_alert_untold 1.0" in seen
    assert [line["attempts"] for line in lines if line["event"] == "an alert could not be told"] == [1, 2]
    assert len(heard(sink)) == 3
    assert AlertNotice.objects.get().told_at is not None


def test_the_end_is_told_after_the_beginning() -> None:
    with told_to((500, {}), (200, {})) as sink:
        close(open_alert())
        tell_all()
        assert heard(sink) == ["[WARNING] Queue length: 120 payments"]
        due_again()
        tell_all()

    assert [title.split("]")[0] for title in heard(sink)] == ["[WARNING", "[WARNING", "[OVER"]


def test_an_address_that_hangs_is_left_alone_and_the_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tell, "TELL_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener, canned((200, {})) as well:
        hanging = f"json://127.0.0.1:{listener.getsockname()[1]}/hangs"
        with override_settings(ALERT_URLS=[hanging, address_of(well)]):
            open_alert()
            began = time.monotonic()
            tell_batch()
            took = time.monotonic() - began
            due_again()
            tell_batch()  # the first still hangs: no second thread waits there
            took_again = time.monotonic() - began - took

    assert len(heard(well)) == 1
    assert took < 3
    assert took_again < 0.4
    left = AlertNotice.objects.get(channel=channel_of(hanging))
    assert (left.told_at, left.attempts, left.problem) == (None, 2, "no answer within 0.5 s")


def test_a_sender_that_dies_tells_again_after_its_lease() -> None:
    with told_to() as sink:
        open_alert()
        [claimed] = claim_notices(10)
        assert tell_batch() == 0
        due_again()
        tell_all()

    assert len(heard(sink)) == 1
    assert fresh(claimed).attempts == 2


def test_a_channel_that_stays_dead_is_given_up_after_a_day() -> None:
    with told_to((500, {})):
        open_alert()
        AlertNotice.objects.update(created_at=a_while_ago(timedelta(days=1, minutes=1).total_seconds()))
        tell_all()

    notice = AlertNotice.objects.get()
    assert (notice.told_at, notice.next_tell_at) == (None, None)


def test_an_address_that_was_taken_out_of_the_settings_is_given_up() -> None:
    with told_to() as sink:
        open_alert()
        with override_settings(ALERT_URLS=[]):
            tell_all()

    assert heard(sink) == []
    assert AlertNotice.objects.get().problem == "this address is not in ALERT_URLS any more"


def test_of_a_muted_alert_nobody_is_told() -> None:
    with told_to() as sink:
        alert = open_alert(muted_until=timezone.now() + timedelta(hours=1))
        other = open_alert(place="p1.high", muted_until=timezone.now() - timedelta(seconds=1))
        close(alert)
        tell_all()

    assert len(heard(sink)) == 1
    assert AlertNotice.objects.get().alert_id == other.pk


def test_no_row_and_no_line_of_the_log_holds_an_address() -> None:
    secret = "json://user:s3cret@127.0.0.1:9/hook"
    with override_settings(ALERT_URLS=[secret]), capture_logs() as lines:
        open_alert()
        tell_all()

    assert "s3cret" not in str(lines)
    assert "s3cret" not in str(list(AlertNotice.objects.values()))
