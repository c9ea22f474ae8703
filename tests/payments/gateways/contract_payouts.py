"""The contract of gateways that give money back by a payout: unsigned events, a float, and no second chance."""

from datetime import UTC, datetime

import pytest

from choptym.lib.errors import NotFound, NotSent, OutcomeUnknown, Rejected
from choptym.lib.money import Money
from payments.gateways.base import REFUND_REFUSALS, Gateway, Outcome, RefundOutcome
from tests.payments.gateways.refunding import ask, back, look, pay, wait
from tests.payments.gateways.sandbox import SECRETS, Peer, Receiver, wait_for


def test_says_that_a_payout_must_not_be_repeated(gateway: Gateway) -> None:
    assert gateway.rules.can_refund
    assert not gateway.rules.refund_is_repeatable


def test_pays_nothing_out_where_the_policy_is_the_wallet(peer: Peer, gateway: Gateway) -> None:
    """What was paid out under another policy can still be asked about."""
    careful = peer.make(pays_out=False)
    paid = pay(peer, gateway)
    before, refund = ask(paid), ask(paid)
    gateway.refund(before)
    wait(gateway, before)

    with pytest.raises(Rejected) as caught:
        careful.refund(refund)

    assert (caught.value.code, careful.rules.can_refund) == ("refund_unsupported", False)
    assert back(peer, refund) == []
    assert wait(careful, before).outcome is RefundOutcome.DONE


def test_says_that_the_float_is_short(peer: Peer, gateway: Gateway) -> None:
    refund = ask(pay(peer, gateway))
    peer.turn(float_short=True)
    try:
        with pytest.raises(Rejected) as caught:
            gateway.refund(refund)
    finally:
        peer.turn(float_short=False)

    assert caught.value.code == "refund_float_short"
    assert caught.value.code in REFUND_REFUSALS
    assert caught.value.exchange is not None
    assert caught.value.exchange.http_status == 400
    assert back(peer, refund) == []
    gateway.refund(refund)
    assert back(peer, refund) == [20_000]


@pytest.mark.parametrize("phone", ["", "12345", "+237670000000", "67000000٣"])
def test_pays_to_no_number_that_is_none_and_does_not_call(peer: Peer, phone: str) -> None:
    refund = ask((peer.request(), "Any0Id0000"), phone=phone)

    with pytest.raises(Rejected) as caught:
        peer.make(base_url="http://127.0.0.1:9").refund(refund)

    assert caught.value.code == "refund_phone_refused"


def test_pays_nothing_out_for_a_collection_that_nobody_knows(peer: Peer, gateway: Gateway) -> None:
    refund = ask((peer.request(), peer.unknown_id))

    with pytest.raises(Rejected) as caught:
        gateway.refund(refund)

    assert caught.value.code == "refund_refused"
    assert back(peer, refund) == []


def test_sends_nothing_when_it_cannot_look_first(peer: Peer, gateway: Gateway) -> None:
    refund = ask(pay(peer, gateway))
    peer.turn(error_rate=1)
    try:
        with pytest.raises(NotSent) as caught:
            gateway.refund(refund)
    finally:
        peer.turn(error_rate=0)

    assert caught.value.exchange is not None
    assert back(peer, refund) == []


def test_pays_once_when_the_collection_was_paid_and_its_status_cannot_be_read(peer: Peer, gateway: Gateway) -> None:
    request = peer.request(50_000)
    peer.turn_phone(request.phone, **peer.patience)
    transaction_id = gateway.collect(request).transaction_id
    peer.wait_until_paid(gateway, transaction_id)
    refund = ask((request, transaction_id))
    peer.turn(status_error_rate=1)
    try:
        with pytest.raises(NotSent):
            gateway.refund(refund)
    finally:
        peer.turn(status_error_rate=0)
    gateway.refund(refund)

    assert back(peer, refund) == [20_000]


def test_finds_a_payout_under_way_by_the_gateways_id(peer: Peer, gateway: Gateway) -> None:
    refund = ask(pay(peer, gateway))
    peer.turn_phone(refund.phone, never_approve_rate=1)

    made = gateway.refund(refund)
    known = look(gateway, refund, gateway_refund_id=made.gateway_refund_id)
    unknown = look(gateway, refund)

    assert made.outcome is RefundOutcome.PENDING
    assert known is not None
    assert (known.outcome, known.money, known.reference) == (RefundOutcome.PENDING, refund.money, refund.reference)
    assert (unknown is not None) is peer.finds_pending
    if not peer.finds_pending:
        assert gateway.rules.refund_absence_proves_after_seconds is None


def test_believes_no_id_of_somebody_elses_payout(peer: Peer, gateway: Gateway) -> None:
    paid = pay(peer, gateway)
    other, refund = ask(paid), ask(paid)
    made = gateway.refund(other)

    assert look(gateway, refund, gateway_refund_id=made.gateway_refund_id) is None
    assert look(gateway, refund, gateway_refund_id=paid[1]) is None  # the collection's
    assert look(gateway, refund, gateway_refund_id="../balance") is None


def test_hears_of_a_payout_as_a_hint_and_no_collection(peer: Peer, gateway: Gateway, receiver: Receiver) -> None:
    refund = ask(pay(peer, gateway))
    peer.turn(webhook_url=receiver.url)
    try:
        made = gateway.refund(refund)
        (event,) = peer.heard(gateway, receiver, refund.reference)
    finally:
        peer.turn(webhook_url=None)

    assert (event.is_refund, event.refund, event.status) == (True, None, None)
    assert (event.transaction_id, event.reference) == (made.gateway_refund_id, refund.reference)
    assert event.word == "SUCCESSFUL"
    assert not [text for text in (*SECRETS, refund.phone) if text in str(event.payload)]


def test_hears_of_a_collection_as_no_payout(peer: Peer, gateway: Gateway, receiver: Receiver) -> None:
    request = peer.request()
    peer.turn(webhook_url=receiver.url)
    try:
        gateway.collect(request)
        (event,) = peer.heard(gateway, receiver, request.reference)
    finally:
        peer.turn(webhook_url=None)

    assert event.is_refund is False


def test_a_payout_never_counts_as_a_collection(peer: Peer, gateway: Gateway) -> None:
    """Not even when somebody asks for it as one, as an event under a strange name may make us do."""
    refund = ask(pay(peer, gateway))
    made = gateway.refund(refund)
    wait(gateway, refund)

    try:
        status = gateway.fetch_status(made.gateway_refund_id)
    except NotFound:
        return
    assert (status.outcome, status.money) == (Outcome.PAID, None)
    assert status.problem


def test_shows_payouts_in_the_history_as_money_out(peer: Peer, gateway: Gateway) -> None:
    refund = ask(pay(peer, gateway))
    made = gateway.refund(refund)
    wait(gateway, refund)

    today = gateway.history(datetime.now(UTC).date())

    (line,) = (line for line in today if line.status.transaction_id == made.gateway_refund_id)
    assert not line.is_collection
    assert (line.status.outcome, line.status.money) == (Outcome.PAID, refund.money)
    assert (line.status.reference, line.status.problem) == (refund.reference, "")


@pytest.mark.invariant("INV-2")
def test_ten_lost_answers_are_one_payout(peer: Peer, gateway: Gateway) -> None:
    """Asking again after it was found final pays nothing more."""
    refund = ask(pay(peer, gateway))
    peer.turn_phone(refund.phone, **peer.patience, error_after_capture_rate=1)
    with pytest.raises(OutcomeUnknown):
        gateway.refund(refund)
    wait(gateway, refund)

    found = {gateway.refund(refund).gateway_refund_id for _ in range(10)}

    assert len(found) == 1
    assert back(peer, refund) == [20_000]


def test_keeps_what_was_said_without_secrets_and_the_payees_number(peer: Peer, gateway: Gateway) -> None:
    refund = ask(pay(peer, gateway), reason="Call 677001122")

    made = gateway.refund(refund)
    done = wait_for(lambda: look(gateway, refund), lambda found: found is not None)

    assert done is not None
    assert made.exchange is not None
    kept = f"{made.exchange} {done.exchange}"
    assert refund.reference in str(made.exchange.request)
    assert not [text for text in (*SECRETS, refund.phone, "677001122") if text in kept]
    assert made.money == Money(20_000, peer.currency)
