"""Razorpay: the contract, and what only its dialect of the sandbox can do."""

import pytest

from choptym.lib.errors import NotSent, Rejected
from payments.gateways.base import Outcome
from payments.gateways.razorpay import Razorpay
from tests.payments.gateways.adapters import make_razorpay
from tests.payments.gateways.contract import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_faults import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_refund_calls import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_refunds import *  # noqa: F403 — the suite itself
from tests.payments.gateways.sandbox import Peer, Sandbox, wait_for


@pytest.fixture
def peer(gateway_sandbox: Sandbox) -> Peer:
    url = f"{gateway_sandbox.url}/razorpay/v1"
    return Peer(
        name="razorpay",
        sandbox=gateway_sandbox,
        make=lambda base_url=url, **options: make_razorpay(base_url, **options),
        unknown_id="order_Ab3dEf6hIj9kLm",
        malformed_id="pay_Ab3dEf6hIj9kLm",
        busy_seconds=None,
        failed_link_is=Outcome.WAITING,
        finds_pending=True,
        shows_pages=True,
        currency="INR",
        paid_word="captured",
        declined=(Outcome.WAITING, "failed"),
        failed_link_word="created",
        operator="upi",
        instructions="",
        when_down=NotSent,
        events=("payment.captured", "order.paid"),
    )


@pytest.fixture
def gateway(peer: Peer) -> Razorpay:
    made = peer.make()
    assert isinstance(made, Razorpay)
    return made


def test_captures_money_that_comes_late(peer: Peer, gateway: Razorpay) -> None:
    """Authorized after the time in which Razorpay captures by itself."""
    request = peer.request(50_000)
    peer.turn_phone(request.phone, refusal_rate=1, success_after_failure_rate=1, late_success_ms=40 * 60_000)
    accepted = gateway.collect(request)
    wait_for(lambda: gateway.fetch_status(accepted.transaction_id), lambda status: status.word == "failed")

    peer.sandbox.ask("POST", "/control/clock", {"advance_seconds": 45 * 60})
    try:
        status = peer.wait_until_paid(gateway, accepted.transaction_id)
        states = [entry["state"] for entry in peer.booked(request.reference)]
    finally:
        peer.sandbox.ask("POST", "/control/reset", {"seed": 1})  # its clock would stay ahead

    assert (status.outcome, status.money, status.reference) == (Outcome.PAID, request.money, request.reference)
    assert states == ["collected"]


def test_closes_a_link_once_and_for_all(gateway: Razorpay, peer: Peer) -> None:
    transaction_id = gateway.create_link(peer.request()).transaction_id

    closed, again = gateway.expire_link(transaction_id), gateway.expire_link(transaction_id)

    assert (closed.outcome, closed.word) == (again.outcome, again.word) == (Outcome.NOT_PAID, "cancelled")


def test_makes_one_link_for_a_reference(gateway: Razorpay, peer: Peer) -> None:
    request = peer.request()

    assert gateway.create_link(request).link == gateway.create_link(request).link


def test_says_when_the_account_may_not_charge(gateway: Razorpay, peer: Peer) -> None:
    peer.turn(server_to_server=False)
    try:
        with pytest.raises(Rejected) as caught:
            gateway.collect(peer.request())
    finally:
        peer.turn(server_to_server=True)

    assert caught.value.code == "gateway_disabled"
