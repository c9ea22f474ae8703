"""The contract of gateways with a refund call of their own: it knows the collection, and their events are signed."""

import pytest

from choptym.lib.errors import BadSignature, Rejected
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


def _refunds(gateway: Gateway, receiver: Receiver, refund: RefundRequest) -> dict[RefundOutcome, RefundStatus]:
    events = [gateway.read_webhook(**delivery.as_arguments()) for delivery in list(receiver.deliveries)]
    assert all(event.is_refund is (event.refund is not None) for event in events)
    found = [event.refund for event in events if event.refund is not None]
    return {status.outcome: status for status in found if status.reference == refund.reference}
