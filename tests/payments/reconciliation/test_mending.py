"""Money that the gateway collected and we did not book: found in its own list, and booked by the same settlement."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from choptym.audit.models import Act
from choptym.lib.errors import NotAllowed
from payments.models import DeadLetter, Payment, PaymentAttempt, ReconciliationBreak
from payments.replay import replay_dead_letter
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import fresh, make_pending, paid
from tests.payments.books import entries_of, told
from tests.payments.gateways.sandbox import Sandbox, canned
from tests.payments.reconciliation.world import (
    GATEWAYS,
    all_switched_on,
    breaks,
    collect_for_nobody,
    collected,
    confirm_all,
    only_break,
    reconcile,
    settled,
    today,
    try_of,
)
from tests.payments.staff import make_staff
from tests.payments.tricks import turned

pytestmark = pytest.mark.django_db
PAID_WORD = {"fapshi": "SUCCESSFUL", "campay": "SUCCESSFUL", "razorpay": "captured", "cashfree": "SUCCESS"}


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_payment_whose_webhook_and_polls_were_lost_is_settled(sandbox: Sandbox, gateway: str) -> None:
    payment = collected(sandbox, gateway)
    assert payment.state == PaymentState.PENDING

    first = reconcile(gateway)
    assert breaks(gateway) == [("MISSING_HERE", "OPEN", "PENDING", PAID_WORD[gateway])]
    confirm_all(gateway)
    second = reconcile(gateway)

    assert (first.mended, second.mended) == (1, 0)
    assert fresh(payment).state == PaymentState.SETTLED
    assert {"capture", "sale"} <= entries_of(payment).keys()
    assert told(payment)[-1] == "payment_settled"
    assert [row[:2] for row in breaks(gateway)] == [("MISSING_HERE", "MENDED")]
    assert (second.lines, second.matched, second.breaks) == (1, 1, 0)


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("ended", [AttemptState.NOT_PAID, AttemptState.ABSENT])
def test_money_for_a_payment_that_we_had_given_up_is_booked(
    sandbox: Sandbox, gateway: str, ended: AttemptState
) -> None:
    payment = collected(sandbox, gateway)
    give_up(payment, ended)

    reconcile(gateway)
    reconcile(gateway)

    assert fresh(payment).state == PaymentState.SETTLED
    assert try_of(payment).state == AttemptState.PAID
    assert entries_of(payment)["capture"][2] == payment.amount_minor
    assert [row[:3] for row in breaks(gateway)] == [("MISSING_HERE", "MENDED", "FAILED")]


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_second_collection_for_a_settled_payment_goes_into_the_wallet(sandbox: Sandbox, gateway: str) -> None:
    payment = collected(sandbox, gateway)
    give_up(payment, AttemptState.NOT_PAID)
    other = PaymentAttempt.objects.create(payment=payment, number=2, gateway=gateway, transaction_id="paid-before")
    settle_batch([paid(payment, attempt_id=other.pk)])

    reconcile(gateway)

    first = payment.attempts.get(number=1)
    assert (first.state, fresh(payment).state) == (AttemptState.SURPLUS, PaymentState.SETTLED)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_money_of_somebody_unknown_waits_for_a_person(sandbox: Sandbox, gateway: str) -> None:
    transaction_id = collect_for_nobody(sandbox, gateway)

    result = reconcile(gateway)

    row = only_break(gateway)
    assert (row.kind, row.state, row.transaction_id) == ("MISSING_HERE", "OPEN", transaction_id)
    assert (row.our_word, row.our_minor, row.their_minor, row.payment_id) == ("", None, 70_000, None)
    assert (result.mended, result.lines, result.matched) == (0, 1, 0)


@pytest.mark.parametrize("gateway", ["fapshi", "campay"])
def test_the_answer_to_a_lost_call_teaches_the_transaction(sandbox: Sandbox, gateway: str) -> None:
    payment = collected(sandbox, gateway)
    told_id = try_of(payment).transaction_id
    PaymentAttempt.objects.filter(payment=payment).update(state=AttemptState.UNKNOWN, transaction_id="")
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.REQUESTED, pending_at=None)

    reconcile(gateway)
    confirm_all(gateway)

    assert (try_of(payment).transaction_id, fresh(payment).state) == (told_id, PaymentState.SETTLED)


def test_a_payment_that_was_set_aside_is_left_to_whoever_replays_it(sandbox: Sandbox) -> None:
    payment = collected(sandbox, "fapshi")
    DeadLetter.objects.create(payment=payment, reason="IntegrityError: a reason")

    result = reconcile("fapshi")

    assert (result.mended, fresh(payment).next_check_at) == (0, None)
    assert only_break("fapshi").note == "set aside: replay its dead letter"


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("ended", [AttemptState.NOT_PAID, AttemptState.ABSENT])
def test_late_money_of_a_list_that_was_set_aside_is_booked_once_it_can_be(
    sandbox: Sandbox, ended: AttemptState
) -> None:
    payment = collected(sandbox, "fapshi")
    give_up(payment, ended)
    letter = DeadLetter.objects.create(payment=payment, reason="IntegrityError: a reason")
    actor = make_staff("finance").pk

    if ended == AttemptState.ABSENT:  # nobody asks about it, and no event told
        with pytest.raises(NotAllowed) as caught:
            replay_dead_letter(letter.pk, actor_id=actor, reason="mended")
        assert (caught.value.code, fresh(letter).replayed_at) == ("nothing_to_ask", None)
        assert not Act.objects.exists()
        reconcile("fapshi")
    replay_dead_letter(letter.pk, actor_id=actor, reason="mended")
    confirm_all("fapshi")

    assert (fresh(payment).state, fresh(letter).replayed_at is not None) == (PaymentState.SETTLED, True)
    assert entries_of(payment)["capture"][2] == payment.amount_minor


@pytest.mark.parametrize("gateway", ["fapshi", "campay"])
def test_a_refusal_that_we_have_not_heard_of_is_no_break_but_is_asked_about(sandbox: Sandbox, gateway: str) -> None:
    payment = collected(sandbox, gateway, state="failed", knobs={"refusal_rate": 1})

    result = reconcile(gateway)
    confirm_all(gateway)

    assert (result.breaks, result.mended) == (0, 1)
    assert fresh(payment).state == PaymentState.FAILED


@pytest.mark.parametrize("gateway", ["fapshi", "campay", "razorpay"])
def test_another_amount_than_was_asked_for_goes_to_a_person(sandbox: Sandbox, gateway: str) -> None:
    payment = collected(sandbox, gateway, knobs={"wrong_amount_rate": 1, "wrong_amount_delta_minor": -7})

    reconcile(gateway)
    confirm_all(gateway)
    reconcile(gateway)

    assert fresh(payment).state == PaymentState.REVIEW
    assert entries_of(payment) == {}
    assert [row[:3] for row in breaks(gateway)] == [
        ("MISSING_HERE", "MENDED", "PENDING"),
        ("AMOUNT", "OPEN", "REVIEW"),
    ]
    row = ReconciliationBreak.objects.get(kind="AMOUNT")
    assert (row.our_minor, row.their_minor) == (payment.amount_minor, payment.amount_minor - 7)


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_what_is_settled_on_both_sides_is_no_break(sandbox: Sandbox, gateway: str) -> None:
    settled(sandbox, gateway)

    result = reconcile(gateway)

    assert (result.lines, result.matched, result.breaks, result.mended) == (1, 1, 0, 0)
    assert breaks(gateway) == []


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_money_that_came_through_the_gateway_s_page_is_found_too(sandbox: Sandbox, gateway: str) -> None:
    """There the list may name an order of the gateway's own making."""
    with turned(sandbox, gateway, links_pay_themselves=True, approval_delay_ms=0):
        payment = collected(sandbox, gateway, by_link=True)
    assert payment.state == PaymentState.PENDING

    reconcile(gateway)
    confirm_all(gateway)
    reconcile(gateway)

    assert fresh(payment).state == PaymentState.SETTLED
    assert [row[:3] for row in breaks(gateway)] == [("MISSING_HERE", "MENDED", "PENDING")]
    assert "fee" in entries_of(payment)


def test_a_list_is_a_hint_and_the_gateway_s_own_record_decides() -> None:
    day = today() - timedelta(days=10)
    payment, attempt = make_pending(gateway="campay")
    transaction_id = str(uuid4())
    PaymentAttempt.objects.filter(pk=attempt.pk).update(transaction_id=transaction_id)
    give_up(payment, AttemptState.NOT_PAID)
    row = {"datetime": f"{day}T12:00:00Z", "amount": "2500", "status": "SUCCESSFUL", "debit": 0, "credit": "2450",
           "reference_uuid": transaction_id, "external_user": str(attempt.reference)}  # fmt: skip
    record = {"reference": transaction_id, "status": "FAILED", "amount": "2500", "currency": "XAF"}

    lists = [(200, {"data": [row]})] * 3
    with canned(*lists, (200, record)) as server, all_switched_on(server.url, CAMPAY_TOKEN="t"):
        result = reconcile("campay", day)

    assert (result.mended, fresh(payment).state, entries_of(payment)) == (0, PaymentState.FAILED, {})
    assert breaks("campay", day) == [("MISSING_HERE", "OPEN", "FAILED", "SUCCESSFUL")]


def give_up(payment: Payment, ended: AttemptState) -> None:
    """As if the gateway had said no, or had known nothing of it."""
    known = {"transaction_id": ""} if ended == AttemptState.ABSENT else {}
    PaymentAttempt.objects.filter(payment=payment).update(state=ended, ended_at=timezone.now(), **known)
    now = timezone.now()
    Payment.objects.filter(pk=payment.pk).update(state=PaymentState.FAILED, finished_at=now, next_check_at=None)
