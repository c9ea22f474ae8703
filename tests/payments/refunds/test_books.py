"""What is booked for refunds, and what is left to give of a sale."""

import pytest

from payments.refunds.books import left_in_sales, post_back
from payments.refunds.take_up import fail
from payments.settle import settle_batch
from tests.constraints import locked_tables, refused_by
from tests.factories import make_attempt, make_topup, paid
from tests.payments.refunds.world import PAID_MINOR, PART_MINOR, posted, settled, wallet, write
from wallets.models import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("silent"), pytest.mark.invariant("INV-3")]


def test_of_a_sale_less_is_left_with_every_refund_and_more_again_when_one_fails() -> None:
    payment = settled()
    seen = [left_in_sales(payment)]

    first, second = write(payment, PART_MINOR), write(payment, 1000, to_wallet=True)
    seen.append(left_in_sales(payment))
    fail(first, code="refund_refused", problem="")
    seen.append(left_in_sales(payment))

    assert seen == [PAID_MINOR, PAID_MINOR - PART_MINOR - 1000, PAID_MINOR - 1000]
    assert sorted(posted(second)) == ["given"]


def test_a_top_up_sold_nothing() -> None:
    payment = make_topup(gateway="campay")
    make_attempt(payment)
    settle_batch([paid(payment)])

    assert left_in_sales(payment) == 0


def test_another_payments_refunds_do_not_count() -> None:
    first, second = settled(), settled()
    write(first, PART_MINOR)

    assert left_in_sales(second) == PAID_MINOR


def test_money_from_the_wallet_comes_back_into_it_when_the_refund_fails() -> None:
    payment = make_topup(gateway="campay")
    make_attempt(payment)
    settle_batch([paid(payment)])
    refund = write(payment, 2000)

    fail(refund, code="refund_refused", problem="")

    assert posted(refund)["out_back"] == ("gateway:campay", f"customer:{payment.user_id}", 2000)
    assert sorted(posted(refund)) == ["out", "out_back"]
    assert wallet(payment) == 5000


@pytest.mark.invariant("INV-2")
def test_the_ledger_takes_nothing_back_twice() -> None:
    refund = write(settled(), PART_MINOR)
    fail(refund, code="refund_refused", problem="")
    entries = Entry.objects.count()

    with refused_by("wallets_entry_reason_key"):
        post_back(refund)
    fail(refund, code="refund_refused", problem="")

    assert Entry.objects.count() == entries


def test_the_payment_is_locked_before_the_wallet() -> None:
    payment = make_topup(gateway="campay")
    make_attempt(payment)
    settle_batch([paid(payment)])

    with locked_tables() as tables:
        write(payment, 2000)

    assert tables == ["payments_payment", "wallets_account"]
