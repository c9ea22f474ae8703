"""Fapshi: the contract, and what only its dialect of the sandbox can do."""

import pytest

from choptym.lib.errors import Busy, Rejected
from payments.gateways.base import Outcome
from payments.gateways.fapshi import Fapshi
from tests.payments.gateways.adapters import make_fapshi
from tests.payments.gateways.contract import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_faults import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_payouts import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_refunds import *  # noqa: F403 — the suite itself
from tests.payments.gateways.sandbox import Peer, Sandbox, a_request


@pytest.fixture
def peer(gateway_sandbox: Sandbox) -> Peer:
    url = f"{gateway_sandbox.url}/fapshi"
    return Peer(
        name="fapshi",
        sandbox=gateway_sandbox,
        make=lambda base_url=url, **options: make_fapshi(base_url, **options),
        unknown_id="Zz00Zz00Zz",
        malformed_id="under score",
        busy_seconds=60,
        failed_link_is=Outcome.WAITING,
        finds_pending=True,
        refund_kind="payout",
        patience={"status_reads_per_minute": None},
    )


@pytest.fixture
def gateway(peer: Peer) -> Fapshi:
    made = peer.make()
    assert isinstance(made, Fapshi)
    return made


@pytest.mark.parametrize("knob", ["array_status", "missing_fields", "date_only"])
def test_reads_every_shape_of_status(peer: Peer, gateway: Fapshi, knob: str) -> None:
    request = a_request()
    peer.turn_phone(request.phone, **{knob: True})

    status = peer.wait_until_paid(gateway, gateway.collect(request).transaction_id)

    assert (status.outcome, status.money, status.reference) == (Outcome.PAID, request.money, request.reference)


@pytest.mark.parametrize("knob", ["direct_pay_disabled", "ip_refused"])
def test_is_rejected_when_the_service_is_closed_to_us(peer: Peer, gateway: Fapshi, knob: str) -> None:
    request = a_request()
    peer.turn_phone(request.phone, **{knob: True})

    with pytest.raises(Rejected) as caught:
        gateway.collect(request)

    assert caught.value.code == "gateway_credentials"
    assert peer.booked(request.reference) == []


def test_is_busy_when_one_transaction_is_asked_about_too_often(peer: Peer, gateway: Fapshi) -> None:
    request = a_request()
    peer.turn_phone(request.phone, never_approve_rate=1)
    transaction_id = gateway.collect(request).transaction_id

    for _ in range(6):
        gateway.fetch_status(transaction_id)
    with pytest.raises(Busy) as caught:
        gateway.fetch_status(transaction_id)

    assert caught.value.retry_after_seconds == 60


def test_closes_a_link_once_and_for_all(gateway: Fapshi) -> None:
    transaction_id = gateway.create_link(a_request()).transaction_id

    closed, again = gateway.expire_link(transaction_id), gateway.expire_link(transaction_id)

    assert (closed.outcome, closed.word) == (Outcome.NOT_PAID, "EXPIRED")
    assert (again.outcome, again.word) == (Outcome.NOT_PAID, "EXPIRED")


def test_closing_a_paid_link_says_that_it_is_paid(peer: Peer, gateway: Fapshi) -> None:
    peer.turn(links_pay_themselves=True)
    try:
        transaction_id = gateway.create_link(a_request()).transaction_id
        peer.wait_until_paid(gateway, transaction_id)
    finally:
        peer.turn(links_pay_themselves=False)

    assert gateway.expire_link(transaction_id).outcome is Outcome.PAID


def test_refuses_less_than_100_francs_without_a_call(peer: Peer, gateway: Fapshi) -> None:
    request = a_request(99)

    with pytest.raises(Rejected) as caught:
        gateway.collect(request)

    assert caught.value.code == "amount_refused"
    assert peer.booked(request.reference) == []
