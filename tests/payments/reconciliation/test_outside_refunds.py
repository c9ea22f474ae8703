"""Refunds that begin at the gateway: one row of ours, by whichever road, and none of money that never was ours."""

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from choptym.lib.money import Money
from payments.gateways import get_gateway
from payments.gateways.base import Line, Outcome, RefundOutcome, Status
from payments.models import DeadLetter, Payment, PaymentAttempt, Refund
from payments.prove_gateway_refunds import compare_refunds
from payments.reconciliation.mend import take_up_strange
from payments.refunds.send import send_refunds
from payments.refunds.take_up import take_up_refund
from payments.states import PaymentState, RefundState
from tests.factories import a_while_ago, fresh, make_order, make_product, make_shop
from tests.payments.books import entries_of
from tests.payments.gateways.sandbox import Sandbox, wait_for
from tests.payments.reconciliation.test_days import a_try, look
from tests.payments.reconciliation.world import (
    breaks,
    collected,
    confirm,
    confirm_all,
    phone_for,
    reconcile,
    settled,
    today,
    try_of,
)
from tests.payments.signed import deliver_all, heard, wait_for_words
from tests.payments.tricks import booked, charged
from wallets.models import Entry
from wallets.prove import find_breaks
from wallets.selectors import wallet_balance

pytestmark = pytest.mark.django_db
INDIA = ("razorpay", "cashfree")
REFUNDED = {"razorpay": ("refund.created", "refund.processed"), "cashfree": ("REFUND_STATUS_WEBHOOK",)}
RETURNED = {"razorpay": ("refund.created", "refund.processed"), "cashfree": ("AUTO_REFUND_STATUS_WEBHOOK",)}


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("roads", ["told, then listed", "listed, then told"])
@pytest.mark.parametrize("gateway", INDIA)
def test_two_roads_lead_to_one_row(sandbox: Sandbox, gateway: str, roads: str) -> None:
    began = timezone.now()
    payment = settled(sandbox, gateway)
    with heard(sandbox, gateway) as receiver:
        begin_at_the_gateway(payment, 20_000)
        found = wait_for_words(receiver, *REFUNDED[gateway])
    events = [found[word] for word in REFUNDED[gateway]]

    if roads == "told, then listed":
        deliver_all(gateway, events)
        reconcile(gateway)
    else:
        reconcile(gateway)
        deliver_all(gateway, events)
    reconcile(gateway)

    refund = Refund.objects.get()
    assert (refund.payment, refund.source, refund.state) == (payment, "OUTSIDE", "REFUNDED")
    assert refund.amount == Money(20_000, "INR")
    assert Entry.objects.filter(reason=f"refund:{refund.pk}:out").count() == 1
    assert not DeadLetter.objects.exists()
    assert "OPEN" not in [row[1] for row in breaks(gateway)]
    assert find_breaks() == {}
    comparison = compare_refunds(sandbox.url, gateway, since=began)
    assert [places for places in comparison.breaks.values() if places] == []


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", INDIA)
def test_what_was_paid_twice_and_went_back_by_itself_is_no_refund_of_ours(sandbox: Sandbox, gateway: str) -> None:
    with heard(sandbox, gateway) as receiver:
        payment = paid_twice(sandbox, gateway)
        found = wait_for_words(receiver, *RETURNED[gateway])
    before = entries_of(payment)

    deliver_all(gateway, [found[word] for word in RETURNED[gateway]])
    result = reconcile(gateway)

    assert result.lines >= 2  # the list has it
    assert not Refund.objects.exists()
    assert not DeadLetter.objects.exists()
    assert "REFUND" not in [row[0] for row in breaks(gateway)]
    assert {**entries_of(payment), "fee": before.get("fee")} == {**before, "fee": before.get("fee")}
    assert wallet_balance(payment.user_id, "INR") == Money(0, "INR")


def test_where_nobody_knows_which_money_was_booked_a_person_looks(sandbox: Sandbox) -> None:
    """A payment that was settled before we kept the id of the money."""
    payment = paid_twice(sandbox, "cashfree")
    PaymentAttempt.objects.filter(payment=payment).update(gateway_payment_id="")

    reconcile("cashfree")
    reconcile("cashfree")

    assert not Refund.objects.exists()
    assert DeadLetter.objects.get().payment == payment
    assert [row[:2] for row in breaks("cashfree")] == [("REFUND", "OPEN")]


@pytest.mark.invariant("INV-6")
def test_what_went_back_before_we_booked_it_is_booked_first(sandbox: Sandbox) -> None:
    payment = collected(sandbox, "cashfree")
    begin_at_the_gateway(payment, 20_000)

    reconcile("cashfree")
    assert not Refund.objects.exists()
    assert not DeadLetter.objects.exists()
    confirm_all("cashfree")
    reconcile("cashfree")

    assert fresh(payment).state == PaymentState.SETTLED
    assert Refund.objects.get().amount == Money(20_000, "INR")


def test_what_went_back_before_we_booked_it_goes_to_a_person_where_the_gateway_tells(sandbox: Sandbox) -> None:
    payment = collected(sandbox, "razorpay")
    begin_at_the_gateway(payment, payment.amount_minor)

    reconcile("razorpay")
    confirm_all("razorpay")
    reconcile("razorpay")

    assert (fresh(payment).state, entries_of(payment)) == (PaymentState.REVIEW, {})
    assert payment.order is not None
    assert fresh(payment.order).state != "PAID"
    assert not Refund.objects.exists()
    assert not DeadLetter.objects.exists()


@pytest.mark.parametrize("gateway", INDIA)
def test_one_that_is_under_way_is_asked_about_by_the_gateway_s_own_name(sandbox: Sandbox, gateway: str) -> None:
    payment = settled(sandbox, gateway)
    refund_id = begin_at_the_gateway(payment, 20_000)
    transaction_id = try_of(payment).transaction_id
    status = get_gateway(gateway).fetch_refund("", transaction_id=transaction_id, gateway_refund_id=refund_id)
    take_up_refund(gateway, replace(status, outcome=RefundOutcome.PENDING))
    assert Refund.objects.get().state == RefundState.PENDING

    ended = wait_for(lambda: ask_about_refunds(gateway), lambda state: state == RefundState.REFUNDED)

    assert ended == RefundState.REFUNDED
    assert Refund.objects.get().gateway_refund_id == refund_id


@pytest.mark.parametrize("gateway", INDIA)
def test_a_refund_that_the_gateway_does_not_show_stays_a_break(sandbox: Sandbox, gateway: str) -> None:
    """The list names it under our money, and its record is of another transaction."""
    payment, other = settled(sandbox, gateway), settled(sandbox, gateway)
    begin_at_the_gateway(payment, 20_000)
    line = next(line for line in get_gateway(gateway).history(today()) if not line.is_collection)
    ours = a_try(transaction_id=try_of(other).transaction_id)

    assert take_up_strange(gateway, [(line, ours)]) == 0

    assert (Refund.objects.count(), DeadLetter.objects.count()) == (0, 0)


def test_a_refund_of_a_payment_of_long_ago_is_known_by_the_money() -> None:
    ours = a_try(gateway_payment_id="pay_1", transaction_id="order_1")

    result = look(ours, lines=[a_refund("rfnd_1", "pay_1")])

    assert [(line.status.transaction_id, one.attempt_id) for line, one in result.strange_refunds] == [("rfnd_1", 1)]


def test_a_refund_of_the_other_payment_of_a_transaction_is_not_ours() -> None:
    ours = a_try(gateway_payment_id="pay_1", transaction_id="order_1")
    other = Line(Status(Outcome.PAID, "order_1", "", ours.booked, gateway_payment_id="pay_2"), is_collection=True)

    result = look(ours, lines=[other, a_refund("rfnd_2", "pay_2")])

    assert (result.strange_refunds, result.breaks) == ([], [])


def test_a_refund_of_what_was_never_captured_is_not_ours() -> None:
    ours = a_try(transaction_id="order_1")
    returned = Line(Status(Outcome.NOT_PAID, "order_1", "", None, gateway_payment_id="pay_2"), is_collection=True)
    good = replace(returned, status=replace(returned.status, outcome=Outcome.PAID, money=ours.booked))
    good = replace(good, status=replace(good.status, gateway_payment_id="pay_1"))

    result = look(ours, lines=[good, returned, a_refund("rfnd_2", "pay_2")])

    assert (result.strange_refunds, result.breaks) == ([], [])


def test_what_goes_back_of_an_ended_try_lets_it_be_looked_up() -> None:
    ours = a_try(gateway_payment_id="pay_1", transaction_id="order_1", state="NOT_PAID", payment_state="FAILED")

    result = look(ours, lines=[a_refund("rfnd_1", "pay_1")])

    assert (result.ended_tries, result.strange_refunds) == ({1: "order_1"}, [])


def a_refund(refund_id: str, payment_id: str) -> Line:
    status = Status(Outcome.PAID, refund_id, "", Money(500, "XAF"), gateway_payment_id=payment_id)
    return Line(status, is_collection=False)


def ask_about_refunds(gateway: str) -> str:
    Refund.objects.filter(state=RefundState.PENDING).update(next_attempt_at=a_while_ago())
    send_refunds(gateway)
    return Refund.objects.get().state


def begin_at_the_gateway(payment: Payment, amount_minor: int) -> str:
    """As its own staff would, on the gateway's pages: with no reference of ours. Returns its id there."""
    adapter: Any = get_gateway(payment.gateway)
    api, order_id = adapter._api, try_of(payment).transaction_id
    if payment.gateway == "cashfree":
        body = {"refund_id": f"desk_{payment.pk}", "refund_amount": amount_minor / 100, "refund_note": "cold soup"}
        return str(api.act(f"/orders/{order_id}/refunds", body, api.start_deadline()).record["refund_id"])
    [money] = adapter._reads.payments_of(order_id, api.start_deadline())
    body = {"amount": amount_minor, "speed": "normal"}
    return str(api.act(f"/payments/{money['id']}/refund", body, api.start_deadline()).record["id"])


def paid_twice(sandbox: Sandbox, gateway: str) -> Payment:
    """A settled payment whose payer paid its order a second time, and got that back."""
    product = make_product(shop=make_shop(currency="INR"), price_minor=50_000)
    knobs = {"surplus_rate": 1, "late_success_ms": 1}
    order = make_order(lines=[(product, 1)])
    payment = charged(sandbox, order=order, gateway=gateway, phone=phone_for(gateway), knobs=knobs)
    states = wait_for(
        lambda: sorted(one["state"] for one in booked(sandbox, payment)),
        lambda found: found == ["collected", "returned"],
    )
    assert states == ["collected", "returned"]
    confirm(payment)
    assert payment.state == PaymentState.SETTLED
    return payment
