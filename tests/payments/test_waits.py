"""Who waits too long, as Prometheus reads it."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from choptym.lib.snapshot import Snapshot
from payments import metrics, waits
from payments.metrics import QUEUE_REGISTRY
from payments.models import Payment
from payments.states import PaymentState
from payments.tally.read import read_counts
from payments.waits import read_waits
from tests.factories import a_while_ago, make_event, make_payment, make_pending

pytestmark = pytest.mark.django_db


def test_the_oldest_of_each_priority_is_told_and_nothing_that_is_under_way() -> None:
    for age, priority, state in ((50, 3, "QUEUED"), (90, 3, "QUEUED"), (500, 2, "REQUESTED")):
        payment = make_payment(priority=priority, state=PaymentState(state))
        Payment.objects.filter(pk=payment.pk).update(queued_at=a_while_ago(age))
    Payment.objects.filter(state="QUEUED").update(next_attempt_at=timezone.now() + timedelta(hours=1))

    oldest = read_waits().oldest_seconds

    # By their numbers: the first that was made, as the clock of the database goes.
    assert oldest.keys() == {3, 2, 1}
    assert oldest[3] == pytest.approx(50, abs=20)
    assert (oldest[2], oldest[1]) == (0, 0)


def test_a_lease_is_overdue_when_another_one_has_passed_since() -> None:
    lease = settings.PAYMENT_LEASE_SECONDS
    for late in (-10, lease - 20, lease + 20, lease + 90):
        payment, _ = make_pending()
        Payment.objects.filter(pk=payment.pk).update(next_check_at=a_while_ago(late))
    make_event(next_look_at=a_while_ago(lease + 20))
    make_event(next_look_at=a_while_ago(1))

    assert read_waits().leases_overdue == 3


def test_the_web_process_tells_what_waits_and_how_often_payments_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "counts", Snapshot(read_counts))
    monkeypatch.setattr(metrics, "waits", Snapshot(waits.read_waits))
    make_payment(priority=2)
    for state in (PaymentState.SETTLED, PaymentState.FAILED, PaymentState.FAILED):
        make_payment(state=state)

    text = generate_latest(QUEUE_REGISTRY).decode()

    told = {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert {labels: value for (name, labels), value in told.items() if name == "choptym_payments"} == {
        ("fapshi", "2", "QUEUED"): 1
    }
    assert {labels: value for (name, labels), value in told.items() if name == "choptym_payments_ended_total"} == {
        ("fapshi", "1", "SETTLED"): 1,
        ("fapshi", "1", "FAILED"): 2,
    }
    assert told["choptym_queue_oldest_seconds", ("2",)] >= 0
    assert told["choptym_leases_overdue", ()] == 0
    assert told["choptym_database_up", ()] == 1
    assert told["choptym_database_connections", ("used",)] < told["choptym_database_connections", ("max",)]
    assert told["choptym_redis_memory_bytes", ("used",)] > 100_000
