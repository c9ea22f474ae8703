"""What the gateways tell us, lost, repeated, late, out of order: a hint to ask, and no more than that."""

import pytest

from tests.flows.ends import (
    Purchase,
    assert_on_again,
    assert_paid,
    assert_reserved,
    attempts,
    buy,
    entries,
    press,
    stock,
    unlucky,
)
from tests.flows.hooks import (
    PAID_WORDS,
    assert_delivered,
    assert_events,
    assert_paid_events,
    deliveries,
    events,
    secret,
    send,
    sent_once,
)
from tests.live import METHODS, Live, eventually


@pytest.mark.invariant("INV-1")
def test_a_webhook_that_never_comes_is_made_up_for_by_asking(live: Live) -> None:
    purchases = [unlucky(live, method, webhook_lost_rate=1) for method in METHODS]

    for purchase in purchases:
        purchase.wait("SETTLED")

        assert_paid(purchase)
        assert deliveries(purchase) == sent_once(purchase.method, "lost", None)
        assert events(live, purchase.gateway_id()) == []


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("method", METHODS)
def test_a_repeated_webhook_changes_nothing(live: Live, method: str) -> None:
    purchase = unlucky(live, method, webhook_duplicate_rate=1)
    purchase.wait("SETTLED")
    for _ in range(3):
        live.control("POST", f"{method}/webhooks/resend", {"gateway_id": purchase.gateway_id()})

    once = ("genuine", 200), ("duplicate", 200)
    eventually(
        lambda: assert_delivered(purchase, *once * len(PAID_WORDS[method]), *sent_once(method, "resent", 200) * 3)
    )
    eventually(lambda: _assert_all_matched(purchase))

    assert_paid(purchase)
    if method != "campay":  # CamPay's carry a signature with the time, so a later one is another row
        assert_paid_events(live, method, purchase.gateway_id())


def _assert_all_matched(purchase: Purchase) -> None:
    expected = {(word, "MATCHED") for word in PAID_WORDS[purchase.method]}
    assert set(events(purchase.live, purchase.gateway_id())) == expected


def test_a_webhook_that_comes_after_we_asked_changes_nothing(live: Live) -> None:
    purchases = [unlucky(live, method, webhook_late_rate=1, webhook_late_ms=2_500) for method in METHODS]
    for purchase in purchases:
        purchase.wait("PENDING")
        eventually(lambda: _assert_collected(purchase))  # noqa: B023 - called at once
        purchase.move_time("next_check_at")
    for purchase in purchases:
        purchase.wait("SETTLED")
        assert events(live, purchase.gateway_id()) == []

    for purchase in purchases:
        eventually(lambda: assert_paid_events(live, purchase.method, purchase.gateway_id()))  # noqa: B023 - at once
        assert_paid(purchase)


def _assert_collected(purchase: Purchase) -> None:
    assert purchase.live.collected(purchase.payment) == [purchase.amount]


def test_webhooks_out_of_order_end_in_what_is_true(live: Live) -> None:
    customer = live.customer()
    live.turn("fapshi", customer.phone, webhook_reorder_rate=1)
    purchase = buy(live, "fapshi", customer=customer, link=True)
    link = purchase.wait("PENDING")["link"]
    press("decline", link, customer)
    press("pay", link, customer)

    purchase.wait("SETTLED")
    eventually(lambda: assert_delivered(purchase, ("genuine", 200), ("reordered", 200)))
    eventually(lambda: _assert_both_matched(live, purchase.gateway_id()))

    assert_paid(purchase)


def _assert_both_matched(live: Live, transaction_id: str) -> None:
    assert sorted(events(live, transaction_id)) == [("FAILED", "MATCHED"), ("SUCCESSFUL", "MATCHED")]


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("method", METHODS)
def test_a_webhook_that_is_faster_than_the_answer_settles(live: Live, method: str) -> None:
    purchase = unlucky(live, method, webhook_before_answer_rate=1)

    purchase.wait("SETTLED", seconds=4)  # not only when the next poll is due

    assert_paid(purchase)
    eventually(lambda: assert_paid_events(live, method, purchase.gateway_id()))


def test_a_link_whose_reference_only_the_webhook_tells_is_settled(live: Live) -> None:
    customer = live.customer()
    live.turn("campay", customer.phone, link_has_reference=False)
    purchase = buy(live, "campay", customer=customer, link=True)
    link = purchase.wait("PENDING")["link"]
    query = "SELECT transaction_id FROM payments_paymentattempt WHERE payment_id = %s"
    assert live.column(query, purchase.payment) == [""]

    press("pay", link, customer)

    purchase.wait("SETTLED")
    assert_paid(purchase)
    assert live.column(query, purchase.payment) == [purchase.gateway_id()]


def test_an_event_of_an_answer_that_is_not_stored_yet_is_looked_up(live: Live) -> None:
    """It names only the gateway's id, which we do not know while the call hangs."""
    purchase = unlucky(live, "fapshi", times=1, timeout_after_capture_rate=1, webhook_lost_rate=1)
    transaction = purchase.gateway_id()
    eventually(lambda: _assert_collected(purchase))
    assert attempts(live, purchase.payment) == ["STARTED"]

    answer = send(live, "fapshi", {"transId": transaction, "status": "SUCCESSFUL"}, **secret(live))

    assert answer.status_code == 200
    purchase.wait("SETTLED", seconds=3.5)
    assert events(live, transaction) == [("SUCCESSFUL", "MATCHED")]
    assert_paid(purchase)


def test_an_event_that_nobody_can_explain_yet_is_parked_and_comes_to_belong(live: Live) -> None:
    purchase = unlucky(live, "fapshi", times=1, timeout_after_capture_rate=1, webhook_lost_rate=1)
    transaction = purchase.gateway_id()
    live.control("PATCH", "fapshi", {"outage": True})
    try:
        send(live, "fapshi", {"transId": transaction, "status": "SUCCESSFUL"}, **secret(live))
        eventually(lambda: assert_events(live, transaction, ("SUCCESSFUL", "PARKED")))
    finally:
        live.control("PATCH", "fapshi", {"outage": False})

    purchase.wait("SETTLED")
    eventually(lambda: assert_events(live, transaction, ("SUCCESSFUL", "MATCHED")))

    assert_paid(purchase)


@pytest.mark.parametrize("method", METHODS)
def test_an_event_about_nothing_of_ours_is_kept_and_changes_nothing(live: Live, method: str) -> None:
    [last] = live.column("SELECT coalesce(max(id), 0) FROM payments_webhookevent")
    purchase = unlucky(live, method, webhook_unknown_rate=1)

    purchase.wait("SETTLED")

    eventually(lambda: _assert_ghost(live, method, last))
    assert_paid(purchase)


def _assert_ghost(live: Live, method: str, last_event: int) -> None:
    sent = live.control("GET", f"{method}/webhooks")["webhooks"]
    ghosts = [line for line in sent if line["kind"] == "unknown"]
    assert [line["status"] for line in ghosts] == [200] * len(PAID_WORDS[method])
    query = "SELECT word, state FROM payments_webhookevent WHERE id > %s AND gateway = %s AND payment_id IS NULL"
    assert sorted(live.rows(query, last_event, method)) == sorted((word, "PARKED") for word in PAID_WORDS[method])


def _assert_one_message(live: Live, purchase: Purchase) -> None:
    [message] = live.messages(purchase.customer.phone)
    assert message["subject"] in {"Paiement en cours de vérification", "We are looking at your payment"}


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("delta", [-1, 500])
def test_another_amount_than_was_asked_goes_to_a_person_and_nothing_is_booked(
    live: Live, method: str, delta: int
) -> None:
    purchase = unlucky(live, method, wrong_amount_rate=1, wrong_amount_delta_minor=delta)

    purchase.wait("REVIEW")

    assert_reserved(purchase)
    assert live.collected(purchase.payment) == [purchase.amount + delta]
    assert entries(live, purchase.payment) == set()
    assert live.balance(purchase.customer, purchase.currency) == 0
    assert attempts(live, purchase.payment) == ["PAID"]
    query = "SELECT collected_minor FROM payments_paymentattempt WHERE payment_id = %s"
    assert live.column(query, purchase.payment) == [purchase.amount + delta]
    eventually(lambda: _assert_one_message(live, purchase))
    live.control("POST", f"{method}/webhooks/resend", {"gateway_id": purchase.gateway_id()})
    answer = purchase.customer.call("POST", f"/api/payments/{purchase.payment}/cancel/")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_ended")
    assert stock(purchase) == (8, 2, 0)


def test_an_event_about_a_link_is_taken_by_get_too(live: Live) -> None:
    customer = live.customer()
    live.turn("campay", customer.phone, callback_method="GET")
    purchase = buy(live, "campay", customer=customer)

    purchase.wait("SETTLED")

    assert deliveries(purchase) == [("genuine", 200)]
    assert_paid(purchase)


@pytest.mark.invariant("INV-6")
def test_a_webhook_finds_money_that_nothing_of_ours_waits_for(live: Live) -> None:
    purchase = unlucky(live, "campay", refusal_rate=1, success_after_failure_rate=1, late_success_ms=500)
    purchase.wait("FAILED")

    purchase.wait("SETTLED")

    eventually(lambda: _assert_both_matched(live, purchase.gateway_id()))
    assert_on_again(purchase, "payment_failed")
