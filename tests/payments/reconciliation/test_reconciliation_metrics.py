"""What Prometheus is told."""

from datetime import UTC, datetime, timedelta

import pytest

from payments.metrics import _reconciliation
from payments.models import Reconciliation
from payments.overview import reconciliation
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.reconciliation.world import collect_for_nobody, reconcile, today

pytestmark = pytest.mark.django_db
MIDNIGHT = datetime.combine(today(), datetime.min.time(), UTC)


@pytest.fixture(autouse=True)
def _read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "_seconds", -1.0)


def told() -> dict[str, dict[tuple[str, ...], float]]:
    return {
        metric.name: {tuple(sample.labels.values()): sample.value for sample in metric.samples}
        for metric in _reconciliation()
    }


def finish(day_offset: int, *, hours_after_its_end: float) -> None:
    day = today() - timedelta(days=day_offset)
    ended_at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1)
    finished_at = ended_at + timedelta(hours=hours_after_its_end)
    Reconciliation.objects.create(gateway="razorpay", day=day, state="FINISHED", finished_at=finished_at)


def test_open_breaks_by_gateway_and_kind(sandbox: Sandbox) -> None:
    for _ in range(2):
        collect_for_nobody(sandbox, "campay")
    collect_for_nobody(sandbox, "cashfree")
    reconcile("campay")
    reconcile("cashfree")

    assert told()["choptym_reconciliation_open_breaks"] == {
        ("campay", "MISSING_HERE"): 2.0,
        ("cashfree", "MISSING_HERE"): 1.0,
    }


def test_the_age_counts_from_the_end_of_the_last_day_that_was_compared_whole() -> None:
    finish(3, hours_after_its_end=0.5)
    finish(2, hours_after_its_end=-0.25)  # before midnight: in Douala it was the next day already

    age = told()["choptym_reconciliation_age_seconds"][("razorpay",)]

    wanted = (datetime.now(UTC) - (MIDNIGHT - timedelta(days=2))).total_seconds()
    assert abs(age - wanted) < 5
