"""Fapshi's payouts: answers as recorded (invented), down to the odd ones."""

import json
from datetime import date

import pytest

from choptym.lib.errors import Busy, NotFound, NotSent, OutcomeUnknown, Rejected, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import RefundOutcome, RefundRequest, RefundStatus
from tests.payments.gateways.adapters import make_fapshi
from tests.payments.gateways.bodies import FAPSHI_PAID, OURS
from tests.payments.gateways.sandbox import CREDENTIALS, Canned, canned

NOTHING: tuple[int, object] = (200, [])
COLLECTED = (200, {**FAPSHI_PAID, "transId": "Collect01"})
PAYOUT = {**FAPSHI_PAID, "transType": "Payout", "transId": "Payout001", "externalId": OURS, "userId": OURS}


def pay_out(server: Canned, phone: str = "690000012", operator: str = "") -> RefundStatus:
    money = Money(1000, "XAF")
    request = RefundRequest(OURS, "Collect01", money, "Cold <b>soup", phone=phone, operator=operator)
    return make_fapshi(server.url).refund(request)


def test_looks_first_and_then_pays_out_with_its_own_credentials() -> None:
    with canned(NOTHING, COLLECTED, (200, {"transId": "Payout001"})) as server:
        made = pay_out(server)

    looked, collected, (method, path, headers, body) = server.asked
    assert (looked[1], collected[1]) == (f"/transaction/{OURS}", "/payment-status/Collect01")
    assert (method, path) == ("POST", "/payout")
    for asked, user in ((looked, "PAYOUT"), (collected, "API")):
        assert asked[2]["apiuser"] == CREDENTIALS[f"FAPSHI_{user}_USER"]
    assert (headers["apiuser"], headers["apikey"]) == (
        CREDENTIALS["FAPSHI_PAYOUT_USER"],
        CREDENTIALS["FAPSHI_PAYOUT_KEY"],
    )
    assert json.loads(body) == {
        "amount": 1000, "phone": "690000012", "medium": "orange money", "externalId": OURS, "userId": OURS,
        "message": "Refund Cold <b>soup",
    }  # fmt: skip
    assert (made.outcome, made.gateway_refund_id, made.transaction_id) == (
        RefundOutcome.PENDING,
        "Payout001",
        "Collect01",
    )


@pytest.mark.parametrize(
    ("phone", "operator", "medium"),
    [("690000012", "mtn", "mobile money"), ("684000000", "", None), ("684000000", "orange", "orange money")],
)
def test_pays_to_the_operator_that_was_named(phone: str, operator: str, medium: str | None) -> None:
    with canned(NOTHING, COLLECTED, (200, {"transId": "Payout001"})) as server:
        pay_out(server, phone=phone, operator=operator)

    assert json.loads(server.asked[-1][3]).get("medium") == medium


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, b"<html>busy</html>"), (200, b""), (200, {}), (200, []), (200, {"transId": "../x"}),
        (201, {"transId": "a"}),
        (400, b"<html>"), (408, {"message": "late"}), (409, {"message": "twice"}), (500, {}), (502, b"<html>"),
        (504, b""),
    ],
)  # fmt: skip
def test_does_not_know_after_any_other_answer_and_asks_once(status: int, answer: object) -> None:
    with canned(NOTHING, COLLECTED, (status, answer)) as server, pytest.raises(OutcomeUnknown):
        pay_out(server)

    assert [path for _, path, _, _ in server.asked].count("/payout") == 1


@pytest.mark.parametrize(
    ("balance", "code"),
    [
        ((200, {"balance": 999}), "refund_float_short"),
        ((200, {"balance": 1000}), "refund_refused"),
        ((200, {"balance": "?"}), "refund_refused"),
        ((403, {"message": "no"}), "refund_refused"),
        ((500, b""), "refund_refused"),
    ],
)
def test_tells_a_short_float_by_the_balance(balance: tuple[int, object], code: str) -> None:
    with (
        canned(NOTHING, COLLECTED, (400, {"message": "anything"}), balance) as server,
        pytest.raises(Rejected) as caught,
    ):
        pay_out(server)

    assert caught.value.code == code
    assert caught.value.exchange is not None
    assert caught.value.exchange.http_status == 400


def test_is_busy_and_closed_as_for_collections() -> None:
    with canned(NOTHING, COLLECTED, (429, {"message": "slow"})) as server, pytest.raises(Busy):
        pay_out(server)
    with canned(NOTHING, COLLECTED, (403, {"message": "off"})) as server, pytest.raises(Rejected) as caught:
        pay_out(server)

    assert caught.value.code == "gateway_credentials"


@pytest.mark.parametrize(
    "listed",
    [(500, {}), (200, {}), (200, b"<html>"), (200, ["?"]), (200, [{"transId": "Payout001"}]), (502, b"")],
)
def test_sends_nothing_when_the_list_cannot_be_read(listed: tuple[int, object]) -> None:
    with canned(listed) as server:
        with pytest.raises(NotSent):
            pay_out(server)
        with pytest.raises(Unavailable) as caught:
            make_fapshi(server.url).fetch_refund(OURS, transaction_id="Collect01")

    assert type(caught.value) is Unavailable
    assert "POST" not in [method for method, _, _, _ in server.asked]


@pytest.mark.parametrize(
    ("changes", "outcome", "money", "has_problem"),
    [
        ({}, RefundOutcome.DONE, 2500, False),
        ({"status": "CREATED"}, RefundOutcome.PENDING, 2500, False),
        ({"status": "PENDING", "amount": None}, RefundOutcome.PENDING, None, False),
        ({"status": "FAILED"}, RefundOutcome.FAILED, 2500, False),
        ({"status": "EXPIRED"}, RefundOutcome.UNMAPPED, 2500, False),
        ({"status": "REVERSED"}, RefundOutcome.UNMAPPED, 2500, False),
        ({"status": "successful"}, RefundOutcome.UNMAPPED, 2500, False),
        ({"status": None}, RefundOutcome.UNMAPPED, 2500, False),
        ({"transType": None}, RefundOutcome.DONE, 2500, False),
        ({"transType": "Collection"}, RefundOutcome.DONE, None, True),
        ({"amount": 2500.5}, RefundOutcome.DONE, None, True),
        ({"amount": None}, RefundOutcome.DONE, None, True),
    ],
)
def test_reads_recorded_payouts(
    changes: dict[str, object], outcome: RefundOutcome, money: int | None, has_problem: bool
) -> None:
    record = {**PAYOUT, **changes}
    with canned((200, [record]), (200, record)) as server:
        status = make_fapshi(server.url).fetch_refund(OURS, transaction_id="Collect01")

    assert (status.outcome, bool(status.problem)) == (outcome, has_problem)
    assert status.money == (None if money is None else Money(money, "XAF"))
    assert (status.gateway_refund_id, status.reference, status.transaction_id) == ("Payout001", OURS, "Collect01")
    assert status.bank_reference == "699887766"


def test_points_out_a_reference_that_was_paid_out_twice() -> None:
    second = {**PAYOUT, "transId": "Payout002", "status": "PENDING"}
    failed = {**PAYOUT, "transId": "Payout003", "status": "FAILED"}
    with canned((200, [failed, second, PAYOUT]), (200, PAYOUT)) as server:
        status = make_fapshi(server.url).fetch_refund(OURS, transaction_id="Collect01")

    assert (status.outcome, status.gateway_refund_id) == (RefundOutcome.DONE, "Payout001")
    assert status.problem == "paid out more than once: Payout001, Payout002"


def test_believes_its_list_when_the_status_is_not_found() -> None:
    """Not found would prove that nothing was paid out."""
    with canned((200, [PAYOUT]), (404, {"message": "?"})) as server:
        status = make_fapshi(server.url).fetch_refund(OURS, transaction_id="Collect01")

    assert status.outcome is RefundOutcome.DONE


def test_shows_none_where_there_is_none() -> None:
    for none in (NOTHING, (404, {"message": "no such user"}), (200, [{**FAPSHI_PAID}])):
        with canned(none) as server, pytest.raises(NotFound):
            make_fapshi(server.url).fetch_refund(OURS, transaction_id="Collect01")


def test_lists_the_payouts_of_a_day_beside_its_collections() -> None:
    with canned((200, [FAPSHI_PAID]), (200, [PAYOUT, FAPSHI_PAID])) as server:
        history = make_fapshi(server.url).history(date(2026, 11, 5))

    lines = [(line.status.transaction_id, line.is_collection, line.status.problem) for line in history]
    assert lines == [("Qm4tZ81x", True, ""), ("Payout001", False, "")]


def test_does_not_pay_out_again_what_it_has_paid_out() -> None:
    record = {**PAYOUT, "amount": 1000}
    with canned((200, [record]), (200, record)) as server:
        made = pay_out(server)

    assert made.outcome is RefundOutcome.DONE
    assert [method for method, _, _, _ in server.asked] == ["GET", "GET"]
