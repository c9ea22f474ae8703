"""A file is checked whole; its lines are kept, started by a person, and each done once."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from choptym.lib.errors import NotAllowed, Rejected
from choptym.lib.money import Money
from payments.bulk.check import digest_as_it_stands
from payments.bulk.read import FileRefused
from payments.bulk.work import work_on_chunk
from payments.bulk_upload import Stored, discard_upload, start_upload, upload_file
from payments.models import BulkKind, BulkLine, BulkUpload, Payment, Refund
from payments.prove import find_breaks
from payments.settle import settle_batch
from tests.factories import a_while_ago, make_pending, make_user, paid
from tests.payments.staff import acts_about, make_staff
from wallets.models import Entry
from wallets.selectors import wallet_balance

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent_gateways")]


def settled(count: int = 1) -> list[Payment]:
    payments = [make_pending()[0] for _ in range(count)]
    settle_batch([paid(payment) for payment in payments])
    return payments


def refunds_file(payments: list[Payment], amount: str = "") -> bytes:
    lines = "".join(f"{payment.pk},{amount},cold soup\n" for payment in payments)
    return f"payment,amount,reason\n{lines}".encode()


def upload(content: bytes, kind: BulkKind = BulkKind.REFUNDS, actor: User | None = None) -> Stored:
    actor = actor or make_staff("finance")
    return upload_file(kind=kind, content=content, file_name="soup.csv", actor_id=actor.pk, reason="a bad day")


def run(stored: Stored) -> BulkUpload:
    start(stored)
    while work_on_chunk():
        pass
    stored.upload.refresh_from_db()
    return stored.upload


def start(stored: Stored) -> None:
    """Due since a while: the database's clock stands still during a test."""
    start_upload(stored.upload.pk, actor_id=make_staff("finance").pk, reason="looked at it")
    BulkUpload.objects.filter(state="QUEUED").update(next_attempt_at=a_while_ago())


def results(bulk: BulkUpload) -> list[tuple[str, str]]:
    return list(BulkLine.objects.filter(upload=bulk).order_by("number").values_list("state", "code"))


@pytest.mark.invariant("INV-2")
def test_refunds_every_payment_of_the_file_once() -> None:
    payments = settled(3)

    bulk = run(upload(refunds_file(payments)))

    assert (bulk.state, results(bulk)) == ("FINISHED", [("DONE", "")] * 3)
    assert Refund.objects.filter(source="BULK", state="REFUNDED").count() == 3
    for payment in payments:
        assert wallet_balance(payment.user_id, "XAF") == payment.amount
    assert find_breaks() == {}


def test_nothing_moves_before_a_person_starts_it() -> None:
    stored = upload(refunds_file(settled(1)))

    assert not work_on_chunk()

    assert stored.upload.state == "CHECKED"
    assert not Refund.objects.exists()


@pytest.mark.invariant("INV-2")
def test_the_same_file_again_is_the_same_upload() -> None:
    payments = settled(2)
    first = upload(refunds_file(payments, "100"))
    run(first)

    again = upload(b"\xef\xbb\xbf" + refunds_file(payments, " 100 ").replace(b",", b";"))

    assert (again.upload.pk, again.is_new) == (first.upload.pk, False)
    assert not work_on_chunk()
    assert Refund.objects.count() == 2


@pytest.mark.invariant("INV-2")
def test_the_same_lines_in_another_order_are_the_same_upload() -> None:
    payments = settled(3)[::-1]
    first = upload(refunds_file(payments, "100"))
    assert upload(refunds_file(payments[::-1], "100")) == Stored(first.upload, is_new=False)

    older = digest_as_it_stands(BulkKind.REFUNDS, list(first.upload.lines.order_by("number")))
    BulkUpload.objects.update(digest=older)
    assert upload(refunds_file(payments, "100")) == Stored(first.upload, is_new=False)


def test_a_file_that_was_discarded_may_come_again() -> None:
    payments = settled(1)
    first = upload(refunds_file(payments))
    discard_upload(first.upload.pk, actor_id=make_staff("finance").pk, reason="the wrong day")

    with pytest.raises(NotAllowed):
        start_upload(first.upload.pk, actor_id=make_staff("finance").pk, reason="after all")
    assert upload(refunds_file(payments)).is_new


def test_what_was_started_is_not_discarded() -> None:
    stored = upload(refunds_file(settled(1)))
    run(stored)

    with pytest.raises(NotAllowed):
        discard_upload(stored.upload.pk, actor_id=make_staff("finance").pk, reason="too late")


def test_one_bad_line_keeps_the_whole_file_out_and_all_are_named() -> None:
    payment = settled(1)[0]
    waiting, _ = make_pending()
    lines = [
        f"{payment.pk},,good",
        f"{payment.pk},10,twice in the file",
        "999999999,10,nobody's",
        "x,10,no number",
        f"{waiting.pk},10,not paid",
        f"{waiting.pk}0,10,",
    ]

    with pytest.raises(FileRefused) as caught:
        upload(b"payment,amount,reason\n" + "\n".join(lines).encode())

    assert [(problem.line, problem.column) for problem in caught.value.problems] == [
        (2, "payment"),
        (3, "payment"),
        (4, "payment"),
        (5, "payment"),
        (6, "line"),
        (7, "reason"),
        (7, "payment"),
    ]
    assert not BulkUpload.objects.exists()


@pytest.mark.parametrize("amount", ["-1", "0", "1.5", "1 5", "2.500", "ten", "NaN", "1e99", "999999999"])
def test_an_amount_that_cannot_be_is_named(amount: str) -> None:
    with pytest.raises(FileRefused) as caught:
        upload(refunds_file(settled(1), amount))

    assert [problem.line for problem in caught.value.problems] == [2]
    assert not BulkUpload.objects.exists()


def test_no_file_without_a_reason() -> None:
    with pytest.raises(Rejected):
        upload_file(
            kind=BulkKind.REFUNDS,
            content=refunds_file(settled(1)),
            file_name="soup.csv",
            actor_id=make_staff("finance").pk,
            reason=" ",
        )

    assert not BulkUpload.objects.exists()


@pytest.mark.invariant("INV-3")
def test_credits_customers_once() -> None:
    anna, ben = make_user(), make_user()
    content = (
        f"customer,amount,currency,reason\n{anna.username},2500,XAF,sorry\n{ben.username},420.50,inr,sorry\n".encode()
    )

    bulk = run(upload(content, BulkKind.CREDITS))

    assert results(bulk) == [("DONE", ""), ("DONE", "")]
    assert wallet_balance(anna.pk, "XAF") == Money(2500, "XAF")
    assert wallet_balance(ben.pk, "INR") == Money(42050, "INR")
    assert find_breaks() == {}


def test_two_credits_to_one_customer_may_both_be_meant() -> None:
    anna = make_user().username
    lines = [f"{anna},2500,XAF,sorry", f"{anna},100,XAF,sorry", f"{anna},2500,XAF,for the wait"]

    stored = upload("\n".join(["customer,amount,currency,reason", *lines]).encode(), BulkKind.CREDITS)

    assert stored.upload.lines_count == 3


def test_the_same_credit_twice_is_refused_with_all_that_is_wrong_about_it() -> None:
    anna = make_user().username
    lines = [f"{anna},2500,XAF,sorry", f"{anna},2 500,xaf,sorry", f"{anna},-1,XAF,"]

    with pytest.raises(FileRefused) as caught:
        upload("\n".join(["customer,amount,currency,reason", *lines, lines[-1]]).encode(), BulkKind.CREDITS)

    found = {(problem.line, problem.column) for problem in caught.value.problems}
    assert found == {(2, "line"), (3, "line")} | {
        (n, column) for n in (4, 5) for column in ("line", "amount", "reason")
    }


def test_a_problem_is_told_by_the_name_of_its_column_and_a_comma_is_one() -> None:
    payment = settled(1)[0]

    with pytest.raises(FileRefused) as too_much:
        upload(refunds_file([payment], "999999"))
    with pytest.raises(FileRefused) as comma:
        upload(b'payment,amount,reason\n%d,"15,50",soup\n' % payment.pk)

    assert [problem.column for problem in too_much.value.problems] == ["amount"]
    assert str(too_much.value.message).startswith("1 problem; ")
    assert "no commas" in comma.value.message.lower()


def test_the_whole_rest_is_what_is_left_when_its_turn_comes() -> None:
    payments = settled(1)
    stored = upload(refunds_file(payments))
    run(upload(refunds_file(payments, "1")))

    bulk = run(stored)

    assert results(bulk) == [("DONE", "")]
    given = sorted(Refund.objects.values_list("amount_minor", flat=True))
    assert given == [1, payments[0].amount_minor - 1]


def test_what_was_given_back_meanwhile_is_refused() -> None:
    payments = settled(2)
    stored = upload(refunds_file(payments, "100"))
    run(upload(refunds_file(payments[:1])))

    bulk = run(stored)

    assert results(bulk) == [("REFUSED", "nothing_left"), ("DONE", "")]
    line = BulkLine.objects.filter(upload=bulk).order_by("number")[0]
    assert line.message == "All of it was given back already."


@pytest.mark.invariant("INV-1")
def test_a_worker_that_died_is_taken_over_after_its_lease() -> None:
    stored = upload(refunds_file(settled(2)))
    start(stored)
    BulkUpload.objects.update(next_attempt_at=timezone.now() + timedelta(seconds=settings.PAYMENT_LEASE_SECONDS))

    assert not work_on_chunk()
    BulkUpload.objects.update(next_attempt_at=a_while_ago())
    while work_on_chunk():
        pass

    assert results(stored.upload) == [("DONE", "")] * 2


@pytest.mark.invariant("INV-2")
def test_a_line_that_died_after_its_money_moved_is_not_done_twice() -> None:
    """Cannot happen, for both are one transaction; should they ever be parted, the line's key still decides."""
    customer = make_user()
    stored = upload(f"customer,amount,currency,reason\n{customer.username},2500,XAF,sorry\n".encode(), BulkKind.CREDITS)
    bulk = run(stored)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE payments_bulkline SET state = 'WAITING'")
        cursor.execute("UPDATE payments_bulkupload SET state = 'QUEUED', next_attempt_at = now()")

    while work_on_chunk():
        pass

    assert results(bulk) == [("DONE", "")]
    assert Entry.objects.filter(reason__startswith="credit:").count() == 1


def test_works_in_chunks_of_the_concurrency_limit(settings: object) -> None:
    settings.MAX_CONCURRENT_PAYMENTS = 2  # type: ignore[attr-defined]
    stored = upload(refunds_file(settled(5)))
    start(stored)

    work_on_chunk()

    states = [state for state, _ in results(stored.upload)]
    assert states == ["DONE", "DONE", "WAITING", "WAITING", "WAITING"]


def test_what_staff_did_is_in_the_audit_log() -> None:
    actor = make_staff("finance")
    stored = upload(refunds_file(settled(1)), actor=actor)
    start_upload(stored.upload.pk, actor_id=actor.pk, reason="looked at it")
    start_upload(stored.upload.pk, actor_id=actor.pk, reason="pressed twice")

    assert acts_about(f"bulk:{stored.upload.pk}") == [
        (actor.username, "upload_bulk", "a bad day"),
        (actor.username, "start_bulk", "looked at it"),
    ]
