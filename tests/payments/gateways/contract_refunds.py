"""The third part of the contract: giving money back, for gateways that can."""

from uuid import uuid4

import pytest

from choptym.lib.errors import BadSignature, NotFound, OutcomeUnknown, Rejected, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import CollectRequest, Gateway, RefundOutcome, RefundRequest, RefundStatus
from tests.payments.gateways.sandbox import Peer, Receiver, wait_for


def _paid(peer: Peer, gateway: Gateway, **knobs: object) -> tuple[CollectRequest, str]:
    request = peer.request(50_000)
    if knobs:
        peer.turn_phone(request.phone, **knobs)
    transaction_id = gateway.collect(request).transaction_id
    peer.wait_until_paid(gateway, transaction_id)
    return request, transaction_id


def _ask(transaction_id: str, amount_minor: int = 20_000, **changes: object) -> RefundRequest:
    return RefundRequest(
        **{  # type: ignore[arg-type]
            "reference": str(uuid4()),
            "transaction_id": transaction_id,
            "money": Money(amount_minor, "INR"),
            "reason": "One plate was missing",
            **changes,
        }
    )


def _wait(gateway: Gateway, refund: RefundRequest, outcome: RefundOutcome) -> RefundStatus:
    return wait_for(
        lambda: gateway.fetch_refund(refund.reference, transaction_id=refund.transaction_id),
        lambda status: status.outcome is outcome,
    )


def _back(peer: Peer, refund: RefundRequest) -> list[int]:
    return [
        entry["amount_minor"] for entry in peer.booked(peer.refund_reference(refund.reference))
        if entry["kind"] == "refund"
    ]  # fmt: skip


def test_gives_a_part_back_and_then_the_rest(peer: Peer, gateway: Gateway) -> None:
    _, transaction_id = _paid(peer, gateway)
    part, rest = _ask(transaction_id), _ask(transaction_id, 30_000)

    first = gateway.refund(part)
    done = _wait(gateway, part, RefundOutcome.DONE)
    gateway.refund(rest)

    assert first.outcome in {RefundOutcome.PENDING, RefundOutcome.DONE}
    assert (done.outcome, done.money, done.reference) == (RefundOutcome.DONE, part.money, part.reference)
    assert (done.transaction_id, done.gateway_refund_id) == (transaction_id, first.gateway_refund_id)
    assert done.bank_reference
    assert done.gateway_payment_id
    assert (done.is_automatic, done.problem) == (False, "")
    assert (_back(peer, part), _back(peer, rest)) == ([20_000], [30_000])


def test_the_same_refund_twice_is_one(peer: Peer, gateway: Gateway) -> None:
    _, transaction_id = _paid(peer, gateway)
    refund = _ask(transaction_id)

    ids = {gateway.refund(refund).gateway_refund_id for _ in range(3)}

    assert len(ids) == 1
    assert _back(peer, refund) == [20_000]


def test_the_same_reference_is_not_taken_for_another_amount(peer: Peer, gateway: Gateway) -> None:
    _, transaction_id = _paid(peer, gateway)
    refund = _ask(transaction_id)
    gateway.refund(refund)

    with pytest.raises(Rejected) as caught:
        gateway.refund(_ask(transaction_id, 10_000, reference=refund.reference))

    assert caught.value.code == "refund_key_reused"
    assert _back(peer, refund) == [20_000]


@pytest.mark.parametrize("amount_minor", [50_001, 0, -100, 99])
def test_refuses_more_than_was_collected_and_less_than_a_rupee(peer: Peer, gateway: Gateway, amount_minor: int) -> None:
    _, transaction_id = _paid(peer, gateway)
    refund = _ask(transaction_id, amount_minor)

    with pytest.raises(Rejected) as caught:
        gateway.refund(refund)

    assert caught.value.code == "refund_amount_refused"
    assert _back(peer, refund) == []
    with pytest.raises(NotFound):
        gateway.fetch_refund(refund.reference, transaction_id=transaction_id)


def test_refuses_more_than_is_left(peer: Peer, gateway: Gateway) -> None:
    _, transaction_id = _paid(peer, gateway)
    gateway.refund(_ask(transaction_id, 40_000))
    more = _ask(transaction_id, 10_001)

    with pytest.raises(Rejected) as caught:
        gateway.refund(more)

    assert caught.value.code == "refund_amount_refused"
    assert _back(peer, more) == []


def test_gives_nothing_back_of_what_is_not_paid(peer: Peer, gateway: Gateway) -> None:
    request = peer.request(50_000)
    peer.turn_phone(request.phone, never_approve_rate=1)
    refund = _ask(gateway.collect(request).transaction_id)

    with pytest.raises(Rejected) as caught:
        gateway.refund(refund)

    assert caught.value.code == "refund_refused"
    assert _back(peer, refund) == []


@pytest.mark.parametrize("knobs", [{"error_after_capture_rate": 1}, {"timeout_after_capture_rate": 1}])
def test_finds_a_refund_whose_answer_was_lost(peer: Peer, gateway: Gateway, knobs: dict[str, object]) -> None:
    request, transaction_id = _paid(peer, gateway)
    refund = _ask(transaction_id)
    hasty = peer.make(read_seconds=0.4)
    peer.turn_phone(request.phone, timeout_hold_ms=3000, **knobs)

    with pytest.raises(OutcomeUnknown):
        hasty.refund(refund)
    found = gateway.fetch_refund(refund.reference, transaction_id=transaction_id)
    again = gateway.refund(refund)

    assert (found.money, found.reference) == (refund.money, refund.reference)
    assert again.gateway_refund_id == found.gateway_refund_id
    assert _back(peer, refund) == [20_000]


def test_asks_again_after_a_refund_that_never_was(peer: Peer, gateway: Gateway) -> None:
    request, transaction_id = _paid(peer, gateway)
    refund = _ask(transaction_id)
    peer.turn_phone(request.phone, error_rate=1)

    with pytest.raises(Unavailable):
        gateway.refund(refund)
    with pytest.raises(NotFound):
        gateway.fetch_refund(refund.reference, transaction_id=transaction_id)
    gateway.refund(refund)

    assert _back(peer, refund) == [20_000]


def test_tells_a_refund_that_failed(peer: Peer, gateway: Gateway) -> None:
    _, transaction_id = _paid(peer, gateway, payout_failure_rate=1)
    refund = _ask(transaction_id)

    gateway.refund(refund)
    failed = _wait(gateway, refund, RefundOutcome.FAILED)

    assert (failed.outcome, failed.money) == (RefundOutcome.FAILED, refund.money)


def test_hears_of_a_refund(peer: Peer, gateway: Gateway, receiver: Receiver) -> None:
    _, transaction_id = _paid(peer, gateway)
    refund = _ask(transaction_id)
    peer.turn(webhook_url=receiver.url)
    try:
        gateway.refund(refund)
        heard = wait_for(lambda: _refunds(gateway, receiver, refund), lambda found: RefundOutcome.DONE in found)
    finally:
        peer.turn(webhook_url=None)

    assert RefundOutcome.DONE in heard
    for status in heard.values():
        assert (status.money, status.transaction_id, status.is_automatic) == (refund.money, transaction_id, False)
    for delivery in receiver.deliveries:
        forged = {**delivery.as_arguments(), "body": delivery.body.replace(b"20", b"30")}
        with pytest.raises(BadSignature):
            gateway.read_webhook(**forged)


def _refunds(gateway: Gateway, receiver: Receiver, refund: RefundRequest) -> dict[RefundOutcome, RefundStatus]:
    events = [gateway.read_webhook(**delivery.as_arguments()) for delivery in list(receiver.deliveries)]
    found = [event.refund for event in events if event.refund is not None]
    return {status.outcome: status for status in found if status.reference == refund.reference}
