"""The third part of the contract: giving money back, for every gateway that can, by a refund or by a payout."""

import pytest

from choptym.lib.errors import Busy, NotFound, OutcomeUnknown, Rejected, Unavailable
from payments.gateways.base import REFUND_REFUSALS, Gateway, RefundOutcome, RefundRequest
from tests.payments.gateways.refunding import ask, back, look, pay, wait
from tests.payments.gateways.sandbox import Peer

HOLD = {"timeout_hold_ms": 3000}


def test_gives_a_part_back_and_then_the_rest(peer: Peer, gateway: Gateway) -> None:
    paid = pay(peer, gateway)
    part, rest = ask(paid), ask(paid, 30_000)

    first = gateway.refund(part)
    done = wait(gateway, part)
    gateway.refund(rest)

    assert first.outcome in {RefundOutcome.PENDING, RefundOutcome.DONE}
    assert (done.outcome, done.money, done.reference) == (RefundOutcome.DONE, part.money, part.reference)
    assert (done.transaction_id, done.gateway_refund_id) == (part.transaction_id, first.gateway_refund_id)
    assert done.bank_reference
    assert (done.is_automatic, done.problem) == (False, "")
    assert (back(peer, part), back(peer, rest)) == ([20_000], [30_000])


def test_the_same_refund_again_is_one(peer: Peer, gateway: Gateway) -> None:
    paid = pay(peer, gateway)
    refund = ask(paid)

    ids = {gateway.refund(refund).gateway_refund_id}
    wait(gateway, refund)
    ids |= {gateway.refund(refund).gateway_refund_id for _ in range(2)}

    assert len(ids) == 1
    assert back(peer, refund) == [20_000]


def test_the_same_reference_is_not_taken_for_another_amount(peer: Peer, gateway: Gateway) -> None:
    paid = pay(peer, gateway)
    refund = ask(paid)
    gateway.refund(refund)
    wait(gateway, refund)

    with pytest.raises(Rejected) as caught:
        gateway.refund(ask(paid, 10_000, reference=refund.reference))

    assert caught.value.code == "refund_key_reused"
    assert back(peer, refund) == [20_000]


@pytest.mark.parametrize("amount_minor", [50_001, 0, -100, None])
def test_refuses_more_than_was_collected_and_less_than_the_least(
    peer: Peer, gateway: Gateway, amount_minor: int | None
) -> None:
    too_little_minor = gateway.rules.minimum_minor[peer.currency] - 1
    refund = ask(pay(peer, gateway), too_little_minor if amount_minor is None else amount_minor)

    with pytest.raises(Rejected) as caught:
        gateway.refund(refund)

    assert caught.value.code == "refund_amount_refused"
    assert back(peer, refund) == []
    with pytest.raises(NotFound):
        gateway.fetch_refund(refund.reference, transaction_id=refund.transaction_id)


def test_gives_nothing_back_of_what_is_not_paid(peer: Peer, gateway: Gateway) -> None:
    request = peer.request(50_000)
    peer.turn_phone(request.phone, never_approve_rate=1)
    refund = ask((request, gateway.collect(request).transaction_id))

    with pytest.raises(Rejected) as caught:
        gateway.refund(refund)

    assert caught.value.code == "refund_refused"
    assert back(peer, refund) == []


@pytest.mark.parametrize("knobs", [{"error_after_capture_rate": 1}, {"timeout_after_capture_rate": 1, **HOLD}])
def test_finds_a_refund_whose_answer_was_lost(peer: Peer, gateway: Gateway, knobs: dict[str, object]) -> None:
    paid = pay(peer, gateway)
    refund = ask(paid)
    hasty = peer.make(read_seconds=0.4)
    peer.look(hasty)
    peer.turn_phone(refund.phone, **peer.patience, **knobs)

    with pytest.raises(OutcomeUnknown):
        hasty.refund(refund)
    found = wait(gateway, refund)
    again = gateway.refund(refund)

    assert (found.outcome, found.money, found.reference) == (RefundOutcome.DONE, refund.money, refund.reference)
    assert again.gateway_refund_id == found.gateway_refund_id
    assert back(peer, refund) == [20_000]


@pytest.mark.parametrize(
    "knobs",
    [{"timeout_rate": 1, **HOLD}, {"reset_rate": 1}, {"error_rate": 1}, {"html_error_rate": 1}],
    ids=["silence", "reset", "500", "HTML"],
)
def test_asks_again_after_a_refund_that_never_was(peer: Peer, gateway: Gateway, knobs: dict[str, object]) -> None:
    paid = pay(peer, gateway)
    refund = ask(paid)
    hasty = peer.make(read_seconds=0.4)
    peer.look(hasty)
    peer.turn_phone(refund.phone, **knobs)

    with pytest.raises(OutcomeUnknown):
        hasty.refund(refund)

    assert look(gateway, refund) is None
    assert back(peer, refund) == []
    if gateway.rules.refund_is_repeatable or gateway.rules.refund_absence_proves_after_seconds is not None:
        gateway.refund(refund)
        assert back(peer, refund) == [20_000]


def test_tells_a_refund_that_failed(peer: Peer, gateway: Gateway) -> None:
    refund = ask(pay(peer, gateway))
    peer.turn_phone(refund.phone, payout_failure_rate=1)

    gateway.refund(refund)
    failed = wait(gateway, refund, RefundOutcome.FAILED)
    again = gateway.refund(refund)

    assert (failed.outcome, failed.money) == (RefundOutcome.FAILED, refund.money)
    assert again.gateway_refund_id == failed.gateway_refund_id
    # A key may be answered with what was said at first; who has no keys looks.
    assert again.outcome is RefundOutcome.FAILED or gateway.rules.refund_is_repeatable
    assert len(back(peer, refund)) == 1


def test_refunds_nothing_when_asked_to_slow_down(peer: Peer, gateway: Gateway) -> None:
    paid = pay(peer, gateway)
    refunds = [ask(paid, 10_000) for _ in range(3)]
    peer.turn(rate_limit_per_second=1)
    try:
        with pytest.raises(Busy) as caught:
            _refund_all(gateway, refunds)
        with pytest.raises(Busy):
            _look_at_all(gateway, refunds)
    finally:
        peer.turn(rate_limit_per_second=None)

    assert caught.value.retry_after_seconds == peer.busy_seconds
    assert sum(len(back(peer, refund)) for refund in refunds) <= 1


def _refund_all(gateway: Gateway, refunds: list[RefundRequest]) -> None:
    for refund in refunds:
        gateway.refund(refund)


def _look_at_all(gateway: Gateway, refunds: list[RefundRequest]) -> None:
    for refund in refunds:
        look(gateway, refund)


def test_refunds_nothing_in_an_outage(peer: Peer, gateway: Gateway) -> None:
    refund = ask(pay(peer, gateway))
    peer.turn(outage=True)
    try:
        with pytest.raises(Unavailable):
            gateway.refund(refund)
        with pytest.raises(Unavailable) as caught:
            gateway.fetch_refund(refund.reference, transaction_id=refund.transaction_id)
    finally:
        peer.turn(outage=False)

    assert type(caught.value) is Unavailable
    assert back(peer, refund) == []


def test_says_when_the_credentials_for_refunds_are_bad(peer: Peer, gateway: Gateway) -> None:
    refund = ask(pay(peer, gateway))

    with pytest.raises(Rejected) as caught:
        peer.make(is_stranger=True).refund(refund)

    assert caught.value.code == "gateway_credentials"
    assert caught.value.code in REFUND_REFUSALS
    assert back(peer, refund) == []
