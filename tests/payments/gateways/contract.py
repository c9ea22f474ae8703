"""What every gateway must do, over HTTP against the sandbox. A gateway's own test file imports these tests with a star
and has two fixtures: `peer` (tests.payments.gateways.sandbox.Peer) and `gateway` (the adapter as usual).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from choptym.lib.errors import (
    BadSignature,
    NotFound,
    Rejected,
)
from choptym.lib.money import Money
from payments.gateways.base import Gateway, Outcome, Status
from tests.payments.gateways.sandbox import SECRETS, Peer, Receiver, wait_for


@pytest.fixture
def told(peer: Peer, receiver: Receiver) -> Iterator[Receiver]:
    """A receiver that this gateway tells its events."""
    peer.turn(webhook_url=receiver.url + "/hook")
    yield receiver
    peer.turn(webhook_url=None)


# Collecting


def test_is_accepted_then_paid(peer: Peer, gateway: Gateway) -> None:
    request = peer.request()

    accepted = gateway.collect(request)
    first = gateway.fetch_status(accepted.transaction_id)
    status = peer.wait_until_paid(gateway, accepted.transaction_id)

    assert accepted.instructions == peer.instructions
    assert first.outcome in {Outcome.WAITING, Outcome.PAID}
    assert (status.outcome, status.word, status.problem) == (Outcome.PAID, peer.paid_word, "")
    assert (status.money, status.reference) == (request.money, request.reference)
    assert status.transaction_id == accepted.transaction_id
    assert (status.fee is not None) is peer.tells_fee
    assert status.fee is None or 0 < status.fee.amount_minor < 200
    assert (status.operator, bool(status.operator_reference)) == (peer.operator, True)
    assert [entry["state"] for entry in peer.booked(request.reference)] == ["collected"]


def test_waits_while_the_customer_does_nothing(peer: Peer, gateway: Gateway) -> None:
    request = peer.request()
    peer.turn_phone(request.phone, never_approve_rate=1)

    accepted = gateway.collect(request)
    status = gateway.fetch_status(accepted.transaction_id)

    assert bool(accepted.instructions or accepted.link)
    assert (status.outcome, status.fee, status.problem) == (Outcome.WAITING, None, "")


def test_is_not_paid_when_the_customer_declines(peer: Peer, gateway: Gateway) -> None:
    request = peer.request()
    peer.turn_phone(request.phone, refusal_rate=1)

    accepted = gateway.collect(request)
    status = wait_for(
        lambda: gateway.fetch_status(accepted.transaction_id), lambda status: status.word == peer.declined[1]
    )

    assert (status.outcome, status.word) == peer.declined
    assert status.outcome is Outcome.WAITING or status.reason
    assert [entry["state"] for entry in peer.booked(request.reference)] != ["collected"]


def test_shows_what_was_collected_and_not_what_was_asked(peer: Peer, gateway: Gateway) -> None:
    request = peer.request(2500)
    peer.turn_phone(request.phone, wrong_amount_rate=1, wrong_amount_delta_minor=-100)

    status = peer.wait_until_paid(gateway, gateway.collect(request).transaction_id)

    assert status.money == Money(2400, peer.currency)


@pytest.mark.parametrize(
    "phone", ["", "12345", "570000000", "+237670000000", "+919100000000", "67000000٣", "910000000٣", "67000000000"]
)
def test_refuses_a_number_that_is_none_without_a_call(peer: Peer, gateway: Gateway, phone: str) -> None:
    request = peer.request(phone=phone)

    with pytest.raises(Rejected) as caught:
        gateway.collect(request)

    assert caught.value.code == "invalid_phone"
    assert peer.booked(request.reference) == []


@pytest.mark.parametrize("amount_minor", [0, -500, None])
def test_refuses_an_amount_that_it_cannot_take(peer: Peer, gateway: Gateway, amount_minor: int | None) -> None:
    other = Money(50_000, "INR" if peer.currency == "XAF" else "XAF")
    request = peer.request(money=other if amount_minor is None else Money(amount_minor, peer.currency))

    for ask in (gateway.collect, gateway.create_link):
        with pytest.raises(Rejected) as caught:
            ask(request)
        assert caught.value.code == "amount_refused"

    assert peer.booked(request.reference) == []


def test_says_when_the_credentials_are_bad(peer: Peer) -> None:
    stranger = peer.make(is_stranger=True)
    request = peer.request()

    with pytest.raises(Rejected) as caught:
        stranger.collect(request)
    with pytest.raises(Rejected):
        peer.look(stranger)

    assert caught.value.code == "gateway_credentials"
    assert caught.value.exchange is not None
    assert peer.booked(request.reference) == []


# Asking


def test_does_not_find_an_unknown_transaction(peer: Peer, gateway: Gateway) -> None:
    with pytest.raises(NotFound):
        gateway.fetch_status(peer.unknown_id)


@pytest.mark.parametrize("bad", ["", "../balance", "a/b", "x" * 200, "é", "a b", "?a=b"])
def test_refuses_an_id_that_is_none_without_a_call(gateway: Gateway, peer: Peer, bad: str) -> None:
    for one in (bad, peer.malformed_id):
        with pytest.raises(Rejected):
            gateway.fetch_status(one)


def test_lists_the_day(peer: Peer, gateway: Gateway) -> None:
    request = peer.request()
    transaction_id = gateway.collect(request).transaction_id
    paid = peer.wait_until_paid(gateway, transaction_id)

    today = gateway.history(datetime.now(UTC).date())
    last_year = gateway.history(datetime.now(UTC).date() - timedelta(days=365))

    (line,) = (line for line in today if line.status.transaction_id == transaction_id)
    assert line.is_collection
    assert (line.status.outcome, line.status.money) == (paid.outcome, paid.money)
    assert line.status.fee is not None
    assert paid.fee in {None, line.status.fee}
    assert line.status.reference == request.reference
    assert (list(last_year), last_year.is_complete) == ([], peer.history_is_complete)


def test_tells_the_balance_or_that_it_cannot(peer: Peer, gateway: Gateway) -> None:
    if gateway.rules.tells_balance:
        assert gateway.fetch_balance().currency == peer.currency
        return
    with pytest.raises(Rejected) as caught:
        gateway.fetch_balance()
    assert caught.value.code == "unsupported"


# Links


def test_opens_a_link_that_waits_for_a_visitor_and_is_paid_by_one(peer: Peer, gateway: Gateway) -> None:
    request = peer.request(return_url="https://shop.example/back", email="payer@example.org")

    accepted = gateway.create_link(request)
    before = gateway.fetch_status(accepted.transaction_id, is_link=True)
    peer.turn(links_pay_themselves=True)
    try:
        other = gateway.create_link(peer.request())
        paid = peer.wait_until_paid(gateway, other.transaction_id)
    finally:
        peer.turn(links_pay_themselves=False)

    assert accepted.link.startswith("http://127.0.0.1")
    assert before.outcome is Outcome.WAITING
    assert paid.outcome is Outcome.PAID


def test_tells_the_page_again_or_never(peer: Peer, gateway: Gateway) -> None:
    request = peer.request()
    accepted = gateway.create_link(request)

    shown = gateway.fetch_status(accepted.transaction_id, is_link=True)
    found = gateway.find(request.reference, since=datetime.now(UTC) - timedelta(minutes=5), is_link=True)

    assert shown.link == (accepted.link if peer.shows_pages else "")
    if peer.shows_pages:
        assert found is not None
        assert found.link == accepted.link


def test_knows_what_a_failed_try_means_for_a_link(peer: Peer, gateway: Gateway) -> None:
    peer.turn(links_pay_themselves=True, refusal_rate=1)
    try:
        accepted = gateway.create_link(peer.request())
        status = wait_for(
            lambda: gateway.fetch_status(accepted.transaction_id, is_link=True),
            lambda status: status.word == peer.failed_link_word,
        )
    finally:
        peer.turn(links_pay_themselves=False, refusal_rate=0)

    assert (status.word, status.outcome) == (peer.failed_link_word, peer.failed_link_is)


# Webhooks


def test_reads_the_webhook_of_a_payment(peer: Peer, gateway: Gateway, told: Receiver) -> None:
    request = peer.request()

    accepted = gateway.collect(request)
    events = peer.heard(gateway, told, request.reference)

    assert sorted(event.word for event in events) == sorted(peer.events)
    for event in events:
        assert (event.transaction_id, event.reference) == (accepted.transaction_id, request.reference)
        assert not [secret for secret in SECRETS if secret in str(event.payload)]
        assert request.phone not in str(event.payload)
        assert event.refund is None
        assert len(event.key) <= 200
    assert len({event.key for event in events}) == len(events)


def test_believes_a_signed_body_and_only_that(peer: Peer, gateway: Gateway, told: Receiver) -> None:
    request = peer.request()

    accepted = gateway.collect(request)
    events = peer.heard(gateway, told, request.reference)

    statuses = [event.status for event in events if event.status is not None]
    assert len(statuses) == (len(events) if gateway.rules.signs_events else 0)
    for status in statuses:
        assert (status.outcome, status.money, status.problem) == (Outcome.PAID, request.money, "")
        assert (status.transaction_id, status.reference) == (accepted.transaction_id, request.reference)
        assert status.gateway_payment_id
    assert len({status.gateway_payment_id for status in statuses}) <= 1


def test_gives_every_copy_of_a_webhook_the_same_key(peer: Peer, gateway: Gateway, told: Receiver) -> None:
    request = peer.request()
    peer.turn_phone(request.phone, webhook_duplicate_rate=1)

    gateway.collect(request)
    keys = Counter(event.key for event in peer.heard(gateway, told, request.reference, copies=2))

    assert list(keys.values()) == [2] * len(peer.events)


def test_does_not_believe_a_forged_webhook(peer: Peer, gateway: Gateway, told: Receiver) -> None:
    request = peer.request()
    peer.turn_phone(request.phone, webhook_forged_rate=1, never_approve_rate=1)

    gateway.collect(request)

    for delivery in told.wait(1):
        with pytest.raises(BadSignature):
            gateway.read_webhook(**delivery.as_arguments())
    assert told.deliveries


# What is kept


def test_keeps_what_was_said_without_secrets_and_telephone_numbers(peer: Peer, gateway: Gateway) -> None:
    request = peer.request(email="payer.of.this@example.org", description="Call 677001122 at the gate")

    accepted = gateway.collect(request)
    status: Status = peer.wait_until_paid(gateway, accepted.transaction_id)

    assert accepted.exchange is not None
    assert (accepted.exchange.http_status, status.exchange is not None) == (200, True)
    kept = f"{accepted.exchange} {status.exchange}"
    assert request.reference in str(accepted.exchange.request)
    assert accepted.transaction_id in str(accepted.exchange.response)
    assert not [text for text in (*SECRETS, request.phone, "677001122", "payer.of.this") if text in kept]
