"""The pages of bulk files: who may, what they show, what is downloaded."""

import csv
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from choptym.lib.spreadsheet import plain_cell
from payments.bulk.work import work_on_chunk
from payments.models import BulkLine, BulkUpload
from payments.settle import settle_batch
from tests.factories import a_while_ago, make_pending, make_user, paid
from tests.payments.staff import make_staff, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]

PAGE = "/admin/payments/bulkupload/"


def credits_of(*names: str, reason: str = "sorry") -> bytes:
    return "\n".join(["customer,amount,currency,reason", *(f"{name},2500,XAF,{reason}" for name in names)]).encode()


def post(client: Client, content: bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile("gifts.csv", content, content_type="text/csv")
    return client.post(
        f"{PAGE}upload/", {"kind": "CREDITS", "reason": "a bad day", "file": file, **fields}, follow=True
    )


def test_finance_uploads_looks_starts_and_downloads() -> None:
    client, customer = signed_in(make_staff("finance")), make_user()

    page = post(client, credits_of(customer.username, reason="=HYPERLINK(1)")).content.decode()
    upload = BulkUpload.objects.get()
    assert "in all 2,500 XAF" in page
    assert "0 / 1" in page
    client.post(f"{PAGE}{upload.pk}/start/", {"reason": "looked at it"})
    BulkUpload.objects.update(next_attempt_at=a_while_ago())
    while work_on_chunk():
        pass

    assert "1 / 1" in client.get(f"{PAGE}{upload.pk}/change/").content.decode()
    response = client.get(f"{PAGE}{upload.pk}/result.csv")
    rows = list(csv.reader(io.StringIO(response.getvalue().decode())))
    heading = ["line", "payment", "customer", "amount", "currency", "reason", "result", "refund", "refund_state", "why"]
    assert rows == [heading, ["2", "", customer.username, "2500", "XAF", "'=HYPERLINK(1)", "DONE", "", "", ""]]


def test_a_bad_file_shows_every_line_that_is_wrong() -> None:
    client = signed_in(make_staff("finance"))

    page = post(client, credits_of("nobody-1", "nobody-2")).content.decode()

    assert "Nothing was kept." in page
    assert len(re.findall("there is no such customer", page)) == 2
    assert not BulkUpload.objects.exists()


def test_the_totals_of_a_finished_file_count_what_the_whole_rests_came_to() -> None:
    payments = [make_pending()[0] for _ in range(2)]
    settle_batch([paid(payment) for payment in payments])
    content = f"payment,amount,reason\n{payments[0].pk},,soup\n{payments[1].pk},100,soup\n"
    client = signed_in(make_staff("finance"))

    before = post(client, content.encode(), kind="REFUNDS").content.decode()
    upload = BulkUpload.objects.get()
    client.post(f"{PAGE}{upload.pk}/start/", {"reason": "looked at it"})
    BulkUpload.objects.update(next_attempt_at=a_while_ago())
    while work_on_chunk():
        pass

    assert "1 line to give back the whole rest of its payment" in before
    assert "done: 2,600 XAF" in client.get(f"{PAGE}{upload.pk}/change/").content.decode()


def test_what_is_started_or_discarded_has_no_buttons_and_says_so() -> None:
    client = signed_in(make_staff("finance"))
    page = post(client, credits_of(make_user().username)).content.decode()
    upload = BulkUpload.objects.get()
    start = f"{PAGE}{upload.pk}/start/"
    assert start in page
    assert "1 line of gifts.csv" in client.get(start).content.decode()

    BulkUpload.objects.update(state="FINISHED", finished_at=a_while_ago())

    assert start not in client.get(f"{PAGE}{upload.pk}/change/").content.decode()
    for answer in (client.get(start, follow=True), client.post(start, {"reason": "again"}, follow=True)):
        assert "This file is FINISHED already: nothing was done." in answer.content.decode()


def test_what_a_file_says_is_shown_as_text() -> None:
    client, customer = signed_in(make_staff("finance")), make_user()

    page = post(client, credits_of(customer.username, reason="<script>alert(1)</script>")).content.decode()

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_same_file_twice_leads_to_the_first() -> None:
    client, customer = signed_in(make_staff("finance")), make_user()
    post(client, credits_of(customer.username))

    assert "uploaded before" in post(client, credits_of(customer.username)).content.decode()
    assert BulkUpload.objects.count() == 1


@pytest.mark.parametrize("fields", [{"reason": ""}, {"kind": "GIFTS"}, {"file": ""}])
def test_a_form_that_is_not_whole_keeps_nothing(fields: dict[str, str]) -> None:
    client, customer = signed_in(make_staff("finance")), make_user()

    assert post(client, credits_of(customer.username), **fields).status_code == 200
    assert not BulkUpload.objects.exists()


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("role", ["support", "operators"])
def test_others_look_and_touch_nothing(role: str) -> None:
    post(signed_in(make_staff("finance")), credits_of(make_user().username))
    upload = BulkUpload.objects.get()
    client = signed_in(make_staff(role))

    assert post(client, credits_of(make_user().username)).status_code == 403
    for verb in ("start", "discard"):
        assert client.post(f"{PAGE}{upload.pk}/{verb}/", {"reason": "why not"}).status_code == 403
    assert client.get(f"{PAGE}{upload.pk}/change/").status_code == 200
    upload.refresh_from_db()
    assert upload.state == "CHECKED"


@pytest.mark.invariant("INV-10")
def test_staff_without_a_role_download_nothing() -> None:
    post(signed_in(make_staff("finance")), credits_of(make_user().username))
    client = signed_in(make_user(is_staff=True))

    assert client.get(f"{PAGE}{BulkUpload.objects.get().pk}/result.csv").status_code == 403


def test_customers_see_nothing_of_it() -> None:
    post(signed_in(make_staff("finance")), credits_of(make_user().username))
    client = signed_in(make_user())

    assert client.get(f"{PAGE}{BulkUpload.objects.get().pk}/result.csv").status_code == 302


@pytest.mark.parametrize(("cell", "shown"), [("=1", "'=1"), ("+1", "'+1"), ("@a", "'@a"), ("a=b", "a=b"), ("", "")])
def test_no_cell_is_a_formula(cell: str, shown: str) -> None:
    assert plain_cell(cell) == shown


def test_the_command_keeps_a_file_and_names_what_is_wrong_with_one(tmp_path: Any, capsys: Any) -> None:
    staff, customer = make_staff("finance"), make_user()
    file = tmp_path / "gifts.csv"
    file.write_bytes(credits_of(customer.username))
    call_command("bulk_upload", "credits", str(file), by=staff.username, reason="a bad day")
    assert (BulkUpload.objects.get().state, BulkLine.objects.count()) == ("CHECKED", 1)

    file.write_bytes(credits_of("nobody"))
    with pytest.raises(CommandError, match="nothing was kept"):
        call_command("bulk_upload", "credits", str(file), by=staff.username, reason="a bad day")
    assert "line 2, customer: there is no such customer" in capsys.readouterr().err


def test_the_command_asks_for_somebody_who_may(tmp_path: Any) -> None:
    file = tmp_path / "gifts.csv"
    file.write_bytes(credits_of(make_user().username))

    for name in ("nobody", make_user().username, make_staff("support").username):
        with pytest.raises(CommandError, match="no member of staff"):
            call_command("bulk_upload", "credits", str(file), by=name, reason="a bad day")
    assert not BulkUpload.objects.exists()
