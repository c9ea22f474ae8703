"""Staff see alerts and workers, mute the ones and forget the others, with a reason that is kept."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.alerts.mute import mute_alert
from payments.alerts.rules import RULES
from payments.models import Alert, Worker
from tests.factories import fresh
from tests.payments.alerts.figures_world import worker
from tests.payments.alerts.test_tell import open_alert
from tests.payments.staff import acts_about, make_staff, page_of, signed_in

pytestmark = pytest.mark.django_db


def test_an_operator_mutes_an_alert_with_a_reason() -> None:
    alert, operator = open_alert(), make_staff("operators")
    page = f"/admin/payments/alert/{alert.pk}/mute/"
    staff = signed_in(operator)

    assert "Queue length: 120 payments" in staff.get(page).content.decode()
    assert staff.post(page, {"hours": 2, "reason": ""}).status_code == 200
    assert staff.post(page, {"hours": 2, "reason": "lunch, we know"}).status_code == 302

    muted = fresh(alert).muted_until
    assert muted is not None
    assert timedelta(minutes=119) < muted - timezone.now() <= timedelta(hours=2)
    assert acts_about(f"alert:{alert.pk}") == [(operator.username, "mute_alert", "lunch, we know")]


def test_an_alert_that_is_over_is_not_muted() -> None:
    alert = open_alert(closed_at=timezone.now())
    staff = signed_in(make_staff("operators"))

    staff.post(f"/admin/payments/alert/{alert.pk}/mute/", {"hours": 2, "reason": "why"})

    assert fresh(alert).muted_until is None
    assert acts_about(f"alert:{alert.pk}") == []


def test_nobody_is_muted_for_ever() -> None:
    alert = open_alert()

    with pytest.raises(Exception, match="Between 0 and 168 hours"):
        mute_alert(alert.pk, hours=169, actor_id=make_staff().pk, reason="why")


@pytest.mark.parametrize("role", ["support", "finance"])
def test_other_roles_see_alerts_and_workers_and_change_nothing(role: str) -> None:
    alert, silent = open_alert(), worker("charge@here", "p1.high", unanswered=60)
    staff = signed_in(make_staff(role))

    page = staff.get(page_of(alert)).content.decode()
    assert RULES["queue_length"].do_first in page.replace("&#x27;", "'")
    assert "deploy/runbooks/queue_length.md" in page
    assert "SILENT" in staff.get("/admin/payments/worker/").content.decode()
    for what in (f"alert/{alert.pk}/mute", f"worker/{silent.pk}/forget"):
        assert staff.post(f"/admin/payments/{what}/", {"hours": 1, "reason": "why"}).status_code == 403


def test_open_alerts_come_first_and_are_counted_on_the_first_page() -> None:
    open_alert()
    open_alert(place="newer and over", text="it was something", closed_at=timezone.now())
    staff = signed_in(make_staff("operators"))

    page = staff.get("/admin/payments/alert/").content.decode()
    assert page.index("Queue length: 120 payments") < page.index("it was something")
    assert "it was something" not in staff.get("/admin/payments/alert/?is=open").content.decode()
    assert "Open alerts" in staff.get("/admin/").content.decode()


def test_an_operator_forgets_a_worker_that_will_not_come_back() -> None:
    gone, operator = worker("gone@here", "p1.high", unanswered=60), make_staff("operators")

    response = signed_in(operator).post(f"/admin/payments/worker/{gone.pk}/forget/", {"reason": "machine sold"})

    assert response.status_code == 302
    assert not Worker.objects.exists()
    assert acts_about("worker:gone@here") == [(operator.username, "forget_worker", "machine sold")]
    assert Alert.objects.count() == 0
