"""Money that went back: the gateway's lines against our refunds."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from choptym.lib.money import Money
from payments.gateways import get_gateway
from payments.gateways.base import Line, Outcome, RefundRequest, RefundStatus, Status
from payments.models import Payment, PaymentAttempt, Refund
from payments.reconciliation.compare_refunds import compare_refunds
from payments.reconciliation.facts import Back, Comparison, Reading
from payments.refunds.send import send_refunds
from payments.states import RefundState
from tests.factories import a_while_ago, fresh
from tests.payments.gateways.sandbox import Sandbox, wait_for
from tests.payments.reconciliation.world import breaks, only_break, reconcile, settled, today, try_of
from tests.payments.tricks import turned
from wallets.models import Entry

pytestmark = pytest.mark.django_db
INDIA = ("razorpay", "cashfree")


@pytest.mark.parametrize("gateway", INDIA)
def test_a_refund_that_both_know_is_no_break(sandbox: Sandbox, gateway: str) -> None:
    refund = refunded(sandbox, settled(sandbox, gateway), 20_000)

    result = reconcile(gateway)

    assert (result.lines, result.matched, breaks(gateway)) == (2, 2, [])
    assert fresh(refund).state == RefundState.REFUNDED


@pytest.mark.parametrize("gateway", INDIA)
def test_the_fee_of_a_refund_is_booked_once(sandbox: Sandbox, gateway: str) -> None:
    told = {"razorpay": [("fees:razorpay", "gateway:razorpay", 200)], "cashfree": []}  # Cashfree's lists tell none
    with turned(sandbox, gateway, payout_fee_basis_points=100, settlement_hours=0):
        refund = refunded(sandbox, settled(sandbox, gateway), 20_000)
        name = fresh(refund).gateway_refund_id
        wait_for(lambda: settled_at_the_gateway(gateway), lambda names: name in names or not told[gateway])
        reconcile(gateway)
        reconcile(gateway)

    fees = Entry.objects.filter(reason__startswith=f"refund:{refund.pk}:fee")
    assert list(fees.values_list("debit__name", "credit__name", "amount_minor")) == told[gateway]


@pytest.mark.parametrize("gateway", INDIA)
def test_a_refund_begun_at_the_gateway_becomes_a_row_of_ours(sandbox: Sandbox, gateway: str) -> None:
    payment = settled(sandbox, gateway)
    outside = give_back(payment, 20_000, reference="")

    reconcile(gateway)
    row = only_break(gateway)
    assert (row.kind, row.their_minor, row.attempt, row.our_word) == ("REFUND", 20_000, try_of(payment), "SETTLED")

    reconcile(gateway)
    refund = Refund.objects.get()
    assert (refund.payment, refund.source, refund.state) == (payment, "OUTSIDE", "REFUNDED")
    assert refund.amount == outside.money
    assert only_break(gateway).state == "MENDED"


@pytest.mark.parametrize("gateway", INDIA)
def test_another_amount_went_back_than_we_think(sandbox: Sandbox, gateway: str) -> None:
    payment = settled(sandbox, gateway)
    refund = make_refund(payment, 20_000)
    give_back(payment, 19_900, reference=str(refund.reference))

    reconcile(gateway)

    row = only_break(gateway)
    assert (row.kind, row.refund, row.our_minor, row.their_minor) == ("REFUND", refund, 20_000, 19_900)


def test_a_refund_that_only_we_know_is_a_break(sandbox: Sandbox) -> None:
    refund = make_refund(settled(sandbox, "razorpay"), 20_000)

    reconcile("razorpay")

    row = only_break("razorpay")
    assert (row.kind, row.refund, row.our_word, row.their_word) == ("REFUND", refund, "REFUNDED", "")


def test_where_the_list_is_never_complete_a_refund_may_be_unlisted(sandbox: Sandbox) -> None:
    make_refund(settled(sandbox, "cashfree"), 20_000)

    reconcile("cashfree")

    assert breaks("cashfree") == []


@pytest.mark.parametrize("gateway", INDIA)
def test_a_refund_that_ended_there_is_asked_about_here(sandbox: Sandbox, gateway: str) -> None:
    payment = settled(sandbox, gateway)
    later = timezone.now() + timedelta(hours=1)
    waits: dict[str, Any] = {"state": RefundState.PENDING, "finished_at": None, "next_attempt_at": later}
    refund = make_refund(payment, 20_000, **waits)
    status = give_back(payment, 20_000, reference=str(refund.reference))
    Refund.objects.filter(pk=refund.pk).update(gateway_refund_id=status.gateway_refund_id)

    result = reconcile(gateway)

    assert (result.breaks, result.mended) == (0, 1)
    due_at = fresh(refund).next_attempt_at
    assert due_at is not None
    assert due_at <= timezone.now()


@pytest.mark.parametrize("gateway", INDIA)
def test_they_gave_back_what_we_think_failed(sandbox: Sandbox, gateway: str) -> None:
    payment = settled(sandbox, gateway)
    refund = make_refund(payment, 20_000, state=RefundState.FAILED)
    give_back(payment, 20_000, reference=str(refund.reference))

    reconcile(gateway)

    row = only_break(gateway)
    assert (row.kind, row.our_word, row.note) == ("REFUND", "FAILED", "another end")
    assert fresh(refund).next_attempt_at is not None
    make_due(refund)
    send_refunds(gateway)  # the gateway's own record decides
    reconcile(gateway)

    failed, given = Refund.objects.order_by("pk")
    assert (failed.state, given.state, given.amount_minor) == ("FAILED", "REFUNDED", 20_000)
    assert (failed.next_attempt_at, only_break(gateway).state) == (None, "MENDED")
    assert breaks(gateway) == [("REFUND", "MENDED", "FAILED", row.their_word)]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rows_of_one_refund_the_one_that_lives_counts(order: int) -> None:
    """It failed, and was given after all. In which order the database returns its rows is not said."""
    now, money = timezone.now(), Money(20_000, "INR")
    failed, given = (
        Back(number, 1, 1, f"ours-{number}", "theirs", state, money, now, now, None)
        for number, state in enumerate((RefundState.FAILED, RefundState.REFUNDED), start=1)
    )
    line = Line(Status(Outcome.PAID, "theirs", "", money), is_collection=False)
    reading = Reading(now.date(), [line], [], [], is_complete=True, read_at=now)
    result = Comparison()

    compare_refunds(reading, [failed, given][::order], {}, result)

    assert (result.breaks, result.open_refunds) == ([], set())


def test_a_payout_that_we_did_not_make_is_shown(sandbox: Sandbox) -> None:
    """Somebody withdrew from our account: Fapshi and CamPay give nothing back otherwise."""
    gateway = get_gateway("campay")
    api = gateway._api  # type: ignore[attr-defined]
    body = {"amount": "300", "currency": "XAF", "to": "237677000001", "external_reference": "x"}
    api.act("/withdraw/", body, api.start_deadline())

    for _ in range(20):
        reconcile("campay")
        if breaks("campay"):
            break

    row = only_break("campay")
    assert (row.kind, row.payment_id, row.their_minor) == ("REFUND", None, 300)


def make_due(refund: Refund) -> None:
    """In a test's transaction now() stands still."""
    Refund.objects.filter(pk=refund.pk, next_attempt_at__isnull=False).update(next_attempt_at=a_while_ago())


def make_refund(payment: Payment, amount_minor: int, **columns: Any) -> Refund:
    now = a_while_ago(0)
    defaults = {
        "payment": payment,
        "attempt": try_of(payment),
        "way": "GATEWAY",
        "source": "STAFF",
        "state": RefundState.REFUNDED,
        "gateway": payment.gateway,
        "amount_minor": amount_minor,
        "currency": payment.currency,
        "reason": "cold soup",
        "requested_at": now,
        "finished_at": now,
    }
    return Refund.objects.create(**{**defaults, **columns})


def settled_at_the_gateway(gateway: str) -> set[str]:
    return {line.gateway_id for line in get_gateway(gateway).settlements(today())}


def give_back(payment: Payment, amount_minor: int, *, reference: str) -> RefundStatus:
    """At the gateway; without a reference as its own staff would."""
    attempt: PaymentAttempt = try_of(payment)
    named = reference or "7f0d9f2e-9d2a-4f8f-8f3f-2f6f1c7b8a10"
    request = RefundRequest(named, attempt.transaction_id, Money(amount_minor, payment.currency), "cold soup")
    return get_gateway(payment.gateway).refund(request)


def refunded(sandbox: Sandbox, payment: Payment, amount_minor: int) -> Refund:
    refund = make_refund(payment, amount_minor)
    status = give_back(payment, amount_minor, reference=str(refund.reference))
    Refund.objects.filter(pk=refund.pk).update(gateway_refund_id=status.gateway_refund_id)
    return refund
