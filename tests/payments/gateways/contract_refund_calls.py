"""The contract of gateways with a refund call of their own: it knows the collection, and their events are signed."""

from datetime import UTC, datetime

import pytest

from choptym.lib.errors import BadSignature, NotFound, Rejected
from payments.gateways.base import Gateway, RefundOutcome, RefundRequest, RefundStatus
from tests.payments.gateways.refunding import ask, back, pay, wait
from tests.payments.gateways.sandbox import Peer, Receiver, wait_for


def test_the_same_refund_at_once_is_one(peer: Peer, gateway: Gateway) -> None:
    refund = ask(pay(peer, gateway))

    ids = {gateway.refund(refund).gateway_refund_id for _ in range(3)}

    assert gateway.rules.refund_is_repeatable
    assert len(ids) == 1
    assert back(peer, refund) == [20_000]
    assert wait(gateway, refund).gateway_payment_id


def test_refuses_more_than_is_left(peer: Peer, gateway: Gateway) -> None:
    paid = pay(peer, gateway)
    gateway.refund(ask(paid, 40_000))
    more = ask(paid, 10_001)

    with pytest.raises(Rejected) as caught:
        gateway.refund(more)

    assert caught.value.code == "refund_amount_refused"
    assert back(peer, more) == []


def test_hears_of_a_refund(peer: Peer, gateway: Gateway, receiver: Receiver) -> None:
    refund = ask(pay(peer, gateway))
    peer.turn(webhook_url=receiver.url)
    try:
        gateway.refund(refund)
        heard = wait_for(lambda: _refunds(gateway, receiver, refund), lambda found: RefundOutcome.DONE in found)
    finally:
        peer.turn(webhook_url=None)

    assert RefundOutcome.DONE in heard
    for status in heard.values():
        assert (status.money, status.transaction_id) == (refund.money, refund.transaction_id)
        assert not status.is_automatic
    for delivery in receiver.deliveries:
        forged = {**delivery.as_arguments(), "body": delivery.body.replace(b"20", b"30")}
        with pytest.raises(BadSignature):
            gateway.read_webhook(**forged)


def test_shows_a_refund_by_the_name_that_the_list_and_the_events_tell(peer: Peer, gateway: Gateway) -> None:
    paid, other = pay(peer, gateway), pay(peer, gateway)
    refund = ask(paid)
    told = gateway.refund(refund)
    done = wait(gateway, refund)
    listed = wait_for(lambda: _listed(gateway, refund), lambda found: found != set())

    seen = gateway.fetch_refund("", transaction_id=paid[1], gateway_refund_id=told.gateway_refund_id)

    assert listed == {told.gateway_refund_id} == {done.gateway_refund_id}
    assert (seen.money, seen.transaction_id) == (refund.money, paid[1])
    assert (seen.reference, seen.gateway_refund_id) == (refund.reference, told.gateway_refund_id)
    assert (seen.is_automatic, seen.gateway_payment_id) == (False, done.gateway_payment_id)
    with pytest.raises(NotFound):
        gateway.fetch_refund("", transaction_id=other[1], gateway_refund_id=told.gateway_refund_id)
    for nobody_s in ("", "x/../y", "rfnd_00000000000000"):
        with pytest.raises(NotFound):
            gateway.fetch_refund("", transaction_id=paid[1], gateway_refund_id=nobody_s)


def test_says_that_it_gave_back_by_itself_what_was_paid_twice(peer: Peer, gateway: Gateway, receiver: Receiver) -> None:
    request = peer.request(50_000)
    peer.turn_phone(request.phone, **peer.patience, surplus_rate=1, late_success_ms=1)
    peer.turn(webhook_url=receiver.url)
    try:
        transaction_id = gateway.collect(request).transaction_id
        told = wait_for(lambda: _automatic(gateway, receiver, transaction_id), lambda found: found is not None)
    finally:
        peer.turn(webhook_url=None)
    assert told is not None

    seen = gateway.fetch_refund("", transaction_id=transaction_id, gateway_refund_id=told.gateway_refund_id)

    counts = gateway.fetch_status(transaction_id).gateway_payment_id
    assert (seen.is_automatic, seen.gateway_payment_id) == (True, told.gateway_payment_id)
    assert counts not in {"", seen.gateway_payment_id}
    lines = [line.status for line in gateway.history(datetime.now(UTC).date()) if not line.is_collection]
    assert [one.gateway_payment_id for one in lines if one.transaction_id == told.gateway_refund_id] == [
        told.gateway_payment_id
    ]


def _listed(gateway: Gateway, refund: RefundRequest) -> set[str]:
    lines = [line.status for line in gateway.history(datetime.now(UTC).date()) if not line.is_collection]
    return {status.transaction_id for status in lines if status.reference == refund.reference}


def _automatic(gateway: Gateway, receiver: Receiver, transaction_id: str) -> RefundStatus | None:
    events = [gateway.read_webhook(**delivery.as_arguments()) for delivery in list(receiver.deliveries)]
    found = [event.refund for event in events if event.refund is not None and event.refund.is_automatic]
    return next((one for one in found if one.transaction_id == transaction_id), None)


def _refunds(gateway: Gateway, receiver: Receiver, refund: RefundRequest) -> dict[RefundOutcome, RefundStatus]:
    events = [gateway.read_webhook(**delivery.as_arguments()) for delivery in list(receiver.deliveries)]
    assert all(event.is_refund is (event.refund is not None) for event in events)
    found = [event.refund for event in events if event.refund is not None]
    return {status.outcome: status for status in found if status.reference == refund.reference}
