"""The second half of the contract: answers that never come, come too late, or say "not now"."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from choptym.lib.errors import (
    Busy,
    NotSent,
    OutcomeUnknown,
    Unavailable,
)
from payments.gateways.base import Gateway, Outcome
from tests.lib.peers import free_port
from tests.payments.gateways.sandbox import Peer, wait_for

HOLD = {"timeout_hold_ms": 3000}


def _ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=5)


@pytest.mark.parametrize(
    "knobs",
    [{"timeout_rate": 1, **HOLD}, {"reset_rate": 1}, {"error_rate": 1}, {"html_error_rate": 1}],
    ids=["silence", "reset", "500", "HTML"],
)
def test_does_not_know_what_became_of_it_when_nothing_did(peer: Peer, knobs: dict[str, object]) -> None:
    gateway = peer.make(read_seconds=0.4)
    peer.look(gateway)  # whatever it takes to begin, such as a token, is there
    request = peer.request()
    peer.turn_phone(request.phone, **knobs)

    with pytest.raises(OutcomeUnknown) as caught:
        gateway.collect(request)

    assert caught.value.exchange is not None
    assert caught.value.exchange.latency_ms < 1000
    assert gateway.find(request.reference, since=_ago()) is None
    assert peer.booked(request.reference) == []


@pytest.mark.parametrize(
    "knobs",
    [{"timeout_after_capture_rate": 1, **HOLD}, {"error_after_capture_rate": 1}],
    ids=["silence", "500"],
)
def test_finds_a_lost_answer_again_by_our_reference(peer: Peer, knobs: dict[str, object]) -> None:
    gateway = peer.make(read_seconds=0.4)
    peer.look(gateway)
    request = peer.request()
    peer.turn_phone(request.phone, **knobs)

    with pytest.raises(OutcomeUnknown):
        gateway.collect(request)
    found = wait_for(
        lambda: gateway.find(request.reference, since=_ago()),
        lambda found: found is not None and found.outcome is Outcome.PAID,
    )

    assert found is not None
    (entry,) = peer.booked(request.reference)
    assert (found.transaction_id, found.reference) == (entry["gateway_id"], request.reference)
    assert (found.outcome, found.money) == (Outcome.PAID, request.money)


def test_sees_or_misses_what_is_still_pending_as_documented(peer: Peer, gateway: Gateway) -> None:
    request = peer.request()
    peer.turn_phone(request.phone, never_approve_rate=1)
    gateway.collect(request)

    found = gateway.find(request.reference, since=_ago())

    assert (found is not None) is peer.finds_pending
    if not peer.finds_pending:
        assert gateway.rules.absence_proves_after_seconds is None


def test_finds_nothing_for_a_reference_that_was_never_sent(peer: Peer, gateway: Gateway) -> None:
    assert gateway.find(peer.request().reference, since=_ago()) is None


def test_knows_that_a_dead_host_was_sent_nothing(peer: Peer) -> None:
    gateway = peer.make(base_url=f"http://127.0.0.1:{free_port()}")

    with pytest.raises(NotSent):
        gateway.collect(peer.request())
    with pytest.raises(NotSent):
        gateway.fetch_status(peer.unknown_id)


def _repeat(call: Callable[[], object]) -> None:
    for _ in range(3):
        call()


@pytest.mark.parametrize("tells", [True, False], ids=["with Retry-After", "without"])
def test_is_busy_when_asked_too_often(peer: Peer, gateway: Gateway, tells: bool) -> None:
    peer.look(gateway)
    asked = [peer.request() for _ in range(3)]
    requests = list(asked)
    peer.turn(rate_limit_per_second=1, retry_after_header=tells)
    try:
        with pytest.raises(Busy) as caught:
            _repeat(lambda: gateway.collect(requests.pop()))
        with pytest.raises(Busy):
            _repeat(lambda: peer.look(gateway))
    finally:
        peer.turn(rate_limit_per_second=None)

    assert caught.value.retry_after_seconds == (1 if tells else peer.busy_seconds)
    assert sum(len(peer.booked(request.reference)) for request in asked) < 3


def test_is_unavailable_in_an_outage(peer: Peer, gateway: Gateway) -> None:
    request = peer.request()
    peer.look(gateway)
    peer.turn(outage=True)
    try:
        with pytest.raises(peer.when_down):
            gateway.collect(request)
        with pytest.raises(Unavailable) as caught:
            gateway.fetch_status(peer.unknown_id)
        with pytest.raises(Unavailable):
            gateway.find(request.reference, since=_ago())
    finally:
        peer.turn(outage=False)

    assert type(caught.value) is Unavailable
    assert peer.booked(request.reference) == []
