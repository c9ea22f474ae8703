"""CamPay: the contract, and what only its dialect of the sandbox can do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from choptym.lib.errors import BadSignature, Busy, NotFound, Rejected
from payments.gateways.base import Outcome
from payments.gateways.campay import CamPay
from tests.payments.gateways.adapters import make_campay
from tests.payments.gateways.contract import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_faults import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_payouts import *  # noqa: F403 — the suite itself
from tests.payments.gateways.contract_refunds import *  # noqa: F403 — the suite itself
from tests.payments.gateways.sandbox import Peer, Receiver, Sandbox, a_request


@pytest.fixture
def peer(gateway_sandbox: Sandbox) -> Peer:
    url = f"{gateway_sandbox.url}/campay/api"
    return Peer(
        name="campay",
        sandbox=gateway_sandbox,
        make=lambda base_url=url, **options: make_campay(base_url, **options),
        unknown_id="00000000-0000-4000-8000-000000000000",
        malformed_id="5b0e1c527a1d4f3c8e556f0a9b2d3c41",
        busy_seconds=None,
        failed_link_is=Outcome.WAITING,
        finds_pending=False,
        refund_kind="payout",
    )


@pytest.fixture
def gateway(peer: Peer) -> CamPay:
    made = peer.make()
    assert isinstance(made, CamPay)
    return made


@pytest.mark.parametrize(
    "knobs",
    [
        {"amount_form": "number"},
        {"amount_form": "string"},
        {"none_form": None},
        {"none_form": ""},
        {"ussd_form": "sentence"},
    ],
)
def test_reads_every_shape_of_status(peer: Peer, gateway: CamPay, knobs: dict[str, object]) -> None:
    request = a_request()
    peer.turn_phone(request.phone, **knobs)

    accepted = gateway.collect(request)
    status = peer.wait_until_paid(gateway, accepted.transaction_id)

    assert "*126#" in accepted.instructions
    assert (status.outcome, status.money, status.reference) == (Outcome.PAID, request.money, request.reference)
    assert status.reason == ""


def test_reads_the_history_inside_an_object_too(peer: Peer, gateway: CamPay) -> None:
    request = a_request()
    transaction_id = gateway.collect(request).transaction_id
    peer.wait_until_paid(gateway, transaction_id)
    peer.turn(history_form="object")
    try:
        lines = gateway.history(datetime.now(UTC).date())
    finally:
        peer.turn(history_form="array")

    assert transaction_id in {line.status.transaction_id for line in lines}


def test_reads_a_callback_that_comes_as_a_get(peer: Peer, gateway: CamPay, receiver: Receiver) -> None:
    request = a_request()
    peer.turn(webhook_url=receiver.url)
    peer.turn_phone(request.phone, callback_method="GET")
    try:
        transaction_id = gateway.collect(request).transaction_id
        (delivery,) = receiver.wait(1)
    finally:
        peer.turn(webhook_url=None)

    event = gateway.read_webhook(**delivery.as_arguments())
    assert delivery.method == "GET"
    assert (event.transaction_id, event.reference) == (transaction_id, request.reference)


@pytest.mark.parametrize("kind", ["wrong_key", "expired_token", "alg_none"])
def test_believes_no_kind_of_forgery(peer: Peer, gateway: CamPay, receiver: Receiver, kind: str) -> None:
    request = a_request()
    peer.turn(webhook_url=receiver.url)
    peer.turn_phone(request.phone, webhook_forged_rate=1, never_approve_rate=1, forged_kind=kind)
    try:
        gateway.collect(request)
        (delivery,) = receiver.wait(1)
    finally:
        peer.turn(webhook_url=None)

    with pytest.raises(BadSignature):
        gateway.read_webhook(**delivery.as_arguments())


@pytest.mark.parametrize(
    ("changes", "knobs", "code"),
    [
        ({"phone": "684000000"}, {}, "operator_unsupported"),
        ({"amount_minor": 26}, {"demo_cap": 25}, "amount_refused"),
    ],
)
def test_says_why_it_was_refused(
    peer: Peer, gateway: CamPay, changes: dict[str, object], knobs: dict[str, object], code: str
) -> None:
    request = a_request(**changes)  # type: ignore[arg-type]
    peer.turn_phone(request.phone, **knobs)

    with pytest.raises(Rejected) as caught:
        gateway.collect(request)

    assert caught.value.code == code
    assert peer.booked(request.reference) == []


def test_is_busy_when_a_number_was_pushed_too_often(peer: Peer, gateway: CamPay) -> None:
    first = a_request()
    second = a_request(phone=first.phone)
    peer.turn(pushes_per_number=1)
    try:
        gateway.collect(first)
        with pytest.raises(Busy):
            gateway.collect(second)
    finally:
        peer.turn(pushes_per_number=None)

    assert peer.booked(second.reference) == []


def test_passes_the_input_filter_with_any_description(peer: Peer, gateway: CamPay) -> None:
    request = a_request(description="<script>" * 40)

    gateway.collect(request)

    assert len(peer.booked(request.reference)) == 1


def test_takes_a_link_whose_reference_comes_later(peer: Peer, gateway: CamPay) -> None:
    peer.turn(link_has_reference=False)
    try:
        accepted = gateway.create_link(a_request())
    finally:
        peer.turn(link_has_reference=True)

    assert accepted.link
    assert accepted.transaction_id == ""


def test_a_link_is_open_when_asked_to_close(gateway: CamPay) -> None:
    transaction_id = gateway.create_link(a_request()).transaction_id

    status = gateway.expire_link(transaction_id)

    assert (status.outcome, status.word) == (Outcome.WAITING, "not started")
    with pytest.raises(NotFound):
        gateway.fetch_status(transaction_id)


def test_fetches_one_token_for_all_threads(peer: Peer) -> None:
    gateway = peer.make()
    before = _token_calls(peer)

    with ThreadPoolExecutor(12) as threads:
        balances = list(threads.map(lambda _: gateway.fetch_balance(), range(24)))

    assert len(balances) == 24
    assert _token_calls(peer) - before == 24 + 1


def _token_calls(peer: Peer) -> int:
    calls: int = peer.sandbox.ask("GET", "/control/campay/books?limit=0")["calls"]
    return calls
