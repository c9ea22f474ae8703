"""Cashfree: the contract, and what only its dialect of the sandbox can do."""

import pytest

from choptym.lib.errors import BadSignature, NotSent, Rejected
from payments.gateways.base import Outcome
from payments.gateways.cashfree import Cashfree
from tests.payments.gateways.adapters import make_cashfree
from tests.payments.gateways.contract import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_faults import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_refund_calls import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_refunds import *  # noqa: F403 — the suite itself
from tests.payments.gateways.sandbox import Peer, Receiver, Sandbox, wait_for


@pytest.fixture
def peer(gateway_sandbox: Sandbox) -> Peer:
    url = f"{gateway_sandbox.url}/cashfree/pg"
    return Peer(
        name="cashfree",
        sandbox=gateway_sandbox,
        make=lambda base_url=url, **options: make_cashfree(base_url, **options),
        unknown_id="00000000-0000-4000-8000-000000000000",
        malformed_id="a.b",
        busy_seconds=1,
        failed_link_is=Outcome.WAITING,
        finds_pending=True,
        shows_pages=True,
        currency="INR",
        paid_word="PAID",
        declined=(Outcome.WAITING, "ACTIVE"),
        failed_link_word="ACTIVE",
        operator="upi",
        instructions="",
        when_down=NotSent,
        events=("PAYMENT_SUCCESS_WEBHOOK",),
        tells_fee=False,
        history_is_complete=False,
    )


@pytest.fixture
def gateway(peer: Peer) -> Cashfree:
    made = peer.make()
    assert isinstance(made, Cashfree)
    return made


def test_of_two_payments_the_first_counts(peer: Peer, gateway: Cashfree) -> None:
    request = peer.request(50_000)
    peer.turn_phone(request.phone, surplus_rate=1, late_success_ms=100)

    transaction_id = gateway.collect(request).transaction_id
    first = peer.wait_until_paid(gateway, transaction_id)
    both = wait_for(
        lambda: peer.booked(request.reference), lambda entries: "returned" in [entry["state"] for entry in entries]
    )
    second = gateway.fetch_status(transaction_id)

    assert len(both) == 2
    assert (second.outcome, second.money, second.problem) == (Outcome.PAID, request.money, "")
    assert second.gateway_payment_id == first.gateway_payment_id


def test_asks_the_payer_once_for_a_reference(peer: Peer, gateway: Cashfree) -> None:
    request = peer.request()

    first, second = gateway.collect(request), gateway.collect(request)

    assert first.transaction_id == second.transaction_id
    assert len(peer.booked(request.reference)) == 1


def test_closes_a_link_once_and_for_all(gateway: Cashfree, peer: Peer) -> None:
    transaction_id = gateway.create_link(peer.request()).transaction_id

    closed, again = gateway.expire_link(transaction_id), gateway.expire_link(transaction_id)

    assert (closed.outcome, closed.word) == (again.outcome, again.word) == (Outcome.NOT_PAID, "CANCELLED")


def test_makes_one_link_for_a_reference(gateway: Cashfree, peer: Peer) -> None:
    request = peer.request()

    assert gateway.create_link(request).link == gateway.create_link(request).link


def test_says_when_the_account_may_not_charge(gateway: Cashfree, peer: Peer) -> None:
    peer.turn(server_to_server=False)
    try:
        with pytest.raises(Rejected) as caught:
            gateway.collect(peer.request())
    finally:
        peer.turn(server_to_server=True)

    assert caught.value.code == "gateway_disabled"


@pytest.mark.parametrize(
    "knobs", [{"numeric_ids": True}, {"timestamp_form": "seconds"}, {"webhook_version": "2023-08-01"}]
)
def test_reads_every_shape_of_webhook(
    peer: Peer, gateway: Cashfree, receiver: Receiver, knobs: dict[str, object]
) -> None:
    request = peer.request()
    peer.turn(webhook_url=receiver.url)
    peer.turn_phone(request.phone, **knobs)
    try:
        gateway.collect(request)
        (event,) = peer.heard(gateway, receiver, request.reference)
    finally:
        peer.turn(webhook_url=None)

    assert event.status is not None
    assert event.status.money == request.money


@pytest.mark.parametrize("kind", ["wrong_secret", "no_signature", "old_time", "other_body"])
def test_believes_no_kind_of_forgery(peer: Peer, gateway: Cashfree, receiver: Receiver, kind: str) -> None:
    request = peer.request()
    peer.turn(webhook_url=receiver.url)
    peer.turn_phone(request.phone, webhook_forged_rate=1, never_approve_rate=1, forged_kind=kind)
    try:
        gateway.collect(request)
        deliveries = receiver.wait(1)
    finally:
        peer.turn(webhook_url=None)

    assert deliveries
    for delivery in deliveries:
        with pytest.raises(BadSignature):
            gateway.read_webhook(**delivery.as_arguments())
