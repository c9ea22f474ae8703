"""The pages of staff: who sees a report, who has a day compared, who closes a break."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from payments.gateways import gateway_names
from payments.models import Reconciliation, ReconciliationBreak
from payments.overview import read_overview
from tests.factories import fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.reconciliation.test_fees import with_another_fee
from tests.payments.reconciliation.world import collect_for_nobody, collected, make_due, only_break, reconcile, today
from tests.payments.staff import acts_about, make_staff, signed_in
from wallets.models import Entry

pytestmark = pytest.mark.django_db
LIST = "/admin/payments/reconciliation/"
BREAKS = "/admin/payments/reconciliationbreak/"
ROLES = ["support", "finance", "operators"]


def body(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


@pytest.mark.parametrize("role", ["", *ROLES])
def test_every_role_reads_the_reports(sandbox: Sandbox, role: str) -> None:
    payment = collected(sandbox, "fapshi")
    transaction_id = collect_for_nobody(sandbox, "fapshi")
    reconcile("fapshi")
    row, staff = Reconciliation.objects.get(), signed_in(make_staff(role))

    text = body(staff, f"{LIST}{row.pk}/change/")

    assert transaction_id in text
    assert f"/admin/payments/payment/{payment.pk}/change/" in text
    assert "0</p><small>of 2 lines agree" in text
    assert "MISSING_HERE" in body(staff, BREAKS)
    assert "0 of 2" in body(staff, LIST)
    assert body(staff, f"{BREAKS}{only(transaction_id).pk}/change/")


def test_the_picture_shows_what_agreed_and_what_did_not(sandbox: Sandbox) -> None:
    collect_for_nobody(sandbox, "campay")
    reconcile("campay")
    Reconciliation.objects.update(lines_matched=9)

    text = body(signed_in(make_staff()), LIST)

    assert f"<title>{today()}: 9 agree, 1 open break</title>" in text
    assert text.count(": not compared</title>") == 13
    assert re.findall(r'ct-good" x="286" y="(\d+)" width="18" height="(\d+)"', text) == [("6", "54")]
    assert re.findall(r'ct-bad" x="286" y="(\d+)" width="18" height="(\d+)"', text) == [("0", "6")]


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("role", ["support", "operators"])
def test_only_finance_has_a_day_compared_or_closes_a_break(sandbox: Sandbox, role: str) -> None:
    collect_for_nobody(sandbox, "fapshi")
    reconcile("fapshi")
    row, found = Reconciliation.objects.get(), ReconciliationBreak.objects.get()
    staff = signed_in(make_staff(role))

    answers = [
        staff.post(f"{LIST}ask/", {"gateway": "fapshi", "day": today(), "reason": "to see"}),
        staff.post(f"{BREAKS}close/?ids={found.pk}", {"reason": "to see"}),
        staff.post(f"{BREAKS}fee/?ids={found.pk}", {"reason": "to see"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert (fresh(row).state, fresh(found).state) == ("FINISHED", "OPEN")
    assert ">Close</a>" not in body(staff, f"{LIST}{row.pk}/change/")
    assert "Reconcile a day" not in body(staff, LIST)


def test_finance_has_a_day_compared(sandbox: Sandbox) -> None:
    actor = make_staff("finance")
    staff = signed_in(actor)
    assert "Reconcile a day" in body(staff, LIST)

    yesterday = today() - timedelta(days=1)
    answer = staff.post(f"{LIST}ask/", {"gateway": "cashfree", "day": yesterday, "reason": "the bank asks"})

    row = Reconciliation.objects.get()
    assert answer.headers["Location"] == f"{LIST}{row.pk}/change/"
    assert (row.gateway, row.day, row.state, row.asked_by) == ("cashfree", yesterday, "QUEUED", actor)
    assert acts_about(f"reconciliation:{row.pk}") == [(actor.username, "run_reconciliation", "the bank asks")]
    assert "Not compared yet." in body(staff, f"{LIST}{row.pk}/change/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"day": "2999-01-01"},
        {"day": "yesterday"},
        {"day": "0001-01-01"},
        {"day": "11/05/2026"},
        {"gateway": "mpesa"},
        {"reason": ""},
    ],
)
def test_what_cannot_be_compared_is_told_at_the_form(sandbox: Sandbox, wrong: dict[str, str]) -> None:
    staff = signed_in(make_staff("finance"))

    answer = staff.post(f"{LIST}ask/", {"gateway": "fapshi", "day": today().isoformat(), "reason": "to see", **wrong})

    assert answer.status_code == 200
    assert not Reconciliation.objects.exists()


def test_the_form_offers_yesterday_and_all_gateways_at_once(sandbox: Sandbox) -> None:
    staff = signed_in(make_staff("finance"))
    yesterday = (today() - timedelta(days=1)).isoformat()

    page = body(staff, f"{LIST}ask/")
    answer = staff.post(f"{LIST}ask/", {"gateway": "all", "day": yesterday, "reason": "the bank asks"})

    [field] = re.findall(r'<input[^>]*name="day"[^>]*>', page)
    assert 'type="date"' in field
    assert f'value="{yesterday}"' in field
    assert "Day (UTC)" in page
    assert answer.headers["Location"] == LIST
    assert set(Reconciliation.objects.values_list("gateway", flat=True)) == set(gateway_names())
    assert "day (utc)" in body(staff, LIST).lower()


def test_a_break_has_only_the_buttons_that_do_something(sandbox: Sandbox) -> None:
    collect_for_nobody(sandbox, "fapshi")
    reconcile("fapshi")
    found, staff = ReconciliationBreak.objects.get(), signed_in(make_staff("finance"))
    buttons = {}

    for kind, state in (("MISSING_HERE", "OPEN"), ("FEE", "OPEN"), ("FEE", "CLOSED")):
        closed_at = None if state == "OPEN" else timezone.now()
        ReconciliationBreak.objects.filter(pk=found.pk).update(kind=kind, state=state, closed_at=closed_at)
        page = body(staff, f"{BREAKS}{found.pk}/change/")
        buttons[kind, state] = [name for name in ("close", "book_fee") if f"{BREAKS}{found.pk}/{name}/" in page]

    assert buttons == {
        ("MISSING_HERE", "OPEN"): ["close"],
        ("FEE", "OPEN"): ["close", "book_fee"],
        ("FEE", "CLOSED"): [],
    }


def test_run_again_leads_to_the_form_with_the_day_filled_in(sandbox: Sandbox) -> None:
    reconcile("campay")
    row, staff = Reconciliation.objects.get(), signed_in(make_staff("finance"))

    answer = staff.get(f"{LIST}{row.pk}/run_again", follow=True)

    text = answer.content.decode()
    assert f'value="{today()}"' in text
    assert re.search(r'value="campay"\s+selected', text)


@pytest.mark.invariant("INV-10")
def test_finance_closes_a_break_and_it_stays_closed(sandbox: Sandbox) -> None:
    transaction_id = collect_for_nobody(sandbox, "razorpay")
    reconcile("razorpay")
    row, actor = only(transaction_id), make_staff("finance")
    staff = signed_in(actor)
    assert transaction_id in body(staff, f"{BREAKS}close/?ids={row.pk}")
    assert read_overview().open_breaks == 1

    staff.post(f"{BREAKS}close/?ids={row.pk}", {"reason": "the owner's own test"})
    staff.post(f"{BREAKS}close/?ids={row.pk}", {"reason": "again"})
    reconcile("razorpay")

    row.refresh_from_db()
    assert (row.state, row.note, row.closed_at is None) == ("CLOSED", "the owner's own test", False)
    about = f"reconciliation:{row.reconciliation_id}"
    assert acts_about(about) == [(actor.username, "close_break", "the owner's own test")]
    assert read_overview().open_breaks == 0


def test_several_are_closed_from_the_list(sandbox: Sandbox) -> None:
    for _ in range(2):
        collect_for_nobody(sandbox, "fapshi")
    reconcile("fapshi")
    ids = [str(pk) for pk in ReconciliationBreak.objects.order_by("pk").values_list("pk", flat=True)]
    staff = signed_in(make_staff("finance"))

    page = staff.post(BREAKS, {"action": "close_selected", "_selected_action": ids})

    assert page.headers["Location"] == f"{BREAKS}close/?ids={','.join(ids)}"


def test_finance_books_their_fee(sandbox: Sandbox) -> None:
    payment = with_another_fee(sandbox, "fapshi")
    reconcile("fapshi")
    row, staff = only_break("fapshi"), signed_in(make_staff("finance"))
    assert "Book their fee" in body(staff, f"{LIST}{row.reconciliation_id}/change/")

    staff.post(f"{BREAKS}fee/?ids={row.pk}", {"reason": "the contract says so"})

    assert fresh(row).state == "MENDED"
    assert Entry.objects.filter(reason=f"payment:{payment.pk}:fee_correction:1").exists()


def test_the_file_is_given_to_whoever_may_read_the_report(sandbox: Sandbox) -> None:
    transaction_id = collect_for_nobody(sandbox, "fapshi")
    reconcile("fapshi")
    row = Reconciliation.objects.get()

    answer = signed_in(make_staff("support")).get(f"{LIST}{row.pk}/breaks.csv")
    refused = signed_in(make_staff_without_role()).get(f"{LIST}{row.pk}/breaks.csv")

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="reconciliation-fapshi-{today().isoformat()}.csv"'
    )
    assert transaction_id in b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert refused.status_code == 403


def test_a_run_that_is_under_way_is_shown_with_its_progress(sandbox: Sandbox) -> None:
    reconcile("fapshi")
    row = Reconciliation.objects.get()
    Reconciliation.objects.filter(pk=row.pk).update(
        state="QUEUED", next_attempt_at=row.finished_at, begun_at=row.finished_at, lines_seen=200, lines_done=50
    )
    staff = signed_in(make_staff("support"))

    assert '<progress max="200" value="50">' in body(staff, f"{LIST}{row.pk}/change/")
    assert '<meta http-equiv="refresh" content="3">' in body(staff, f"{LIST}{row.pk}/change/")
    assert '<progress max="200" value="50">' in body(staff, LIST)
    assert make_due(row).begun_at is not None


def test_the_menu_counts_what_waits_for_somebody(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        collect_for_nobody(sandbox, "fapshi")
    reconcile("fapshi")
    monkeypatch.setattr("payments.overview.overview._read_at", float("-inf"))

    text = body(signed_in(make_staff("finance")), "/admin/")

    assert "Reconciliation breaks" in text
    assert re.search(r"Breaks.{0,800}?>\s*3\s*<", text, re.DOTALL)


def only(transaction_id: str) -> ReconciliationBreak:
    return ReconciliationBreak.objects.get(transaction_id=transaction_id)


def make_staff_without_role() -> User:
    user = make_staff("support")
    user.groups.clear()
    return user
