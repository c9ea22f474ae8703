"""CamPay's withdrawals: answers as recorded (invented), down to the odd ones."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from choptym.lib.errors import NotFound, OutcomeUnknown, Rejected, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import RefundOutcome, RefundRequest, RefundStatus
from payments.gateways.campay import CamPay
from tests.payments.gateways.adapters import make_campay
from tests.payments.gateways.bodies import CAMPAY_ID, CAMPAY_PAID, CAMPAY_ROW, OURS
from tests.payments.gateways.sandbox import Canned, canned

COLLECTED_ID = "7d2e8a10-1111-4f3c-8e55-6f0a9b2d3c41"
NOTHING: tuple[int, object] = (200, [])
COLLECTED = (200, {**CAMPAY_PAID, "reference": COLLECTED_ID, "amount": "2500.00", "external_reference": "x"})
PAYOUT = {**CAMPAY_PAID, "endpoint": "withdraw", "amount": "1000"}
OUT = {**CAMPAY_ROW, "debit": 1000, "credit": 0, "amount": "1000"}


def campay(url: str, **options: bool) -> CamPay:
    return make_campay(url, permanent_token="t", **options)  # type: ignore[arg-type]


def withdraw(server: Canned, **options: bool) -> RefundStatus:
    money = Money(1000, "XAF")
    request = RefundRequest(OURS, COLLECTED_ID, money, "Cold <b>soup", phone="690000012")
    return campay(server.url, **options).refund(request)


def test_looks_first_and_then_withdraws_with_the_reference_everywhere() -> None:
    answer = (200, {"reference": CAMPAY_ID.upper(), "status": "PENDING"})
    with canned(NOTHING, COLLECTED, answer) as server:
        made = withdraw(server)

    looked, collected, (method, path, _, body) = server.asked
    assert (looked[1], collected[1], method, path) == (
        "/history/", f"/transaction/{COLLECTED_ID}/", "POST", "/withdraw/",
    )  # fmt: skip
    span = json.loads(looked[3])
    assert date.fromisoformat(span["end_date"]) - date.fromisoformat(span["start_date"]) == timedelta(days=8)
    assert json.loads(body) == {
        "amount": "1000", "currency": "XAF", "to": "237690000012", "external_reference": OURS, "external_user": OURS,
        "description": f"Refund Cold  b soup {OURS}",
    }  # fmt: skip
    assert (made.outcome, made.gateway_refund_id, made.reference) == (RefundOutcome.PENDING, CAMPAY_ID, OURS)
    assert (made.money, made.transaction_id) == (Money(1000, "XAF"), COLLECTED_ID)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("SUCCESSFUL", RefundOutcome.DONE), ("FAILED", RefundOutcome.FAILED), (None, RefundOutcome.PENDING),
        ("None", RefundOutcome.PENDING), ("pending", RefundOutcome.UNMAPPED), ("QUEUED", RefundOutcome.UNMAPPED),
    ],
)  # fmt: skip
def test_reads_the_word_of_the_answer(word: str | None, outcome: RefundOutcome) -> None:
    with canned(NOTHING, COLLECTED, (200, {"reference": CAMPAY_ID, "status": word})) as server:
        made = withdraw(server)

    assert (made.outcome, made.problem) == (outcome, "")


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (400, {"message": "no", "error_code": "ER101"}, "refund_phone_refused"),
        (400, {"code": "ER102"}, "refund_phone_refused"),
        (400, {"detail": "ER201: too much"}, "refund_amount_refused"),
        (406, {"message": "ER301"}, "refund_float_short"),
        (400, {"message": "ER999"}, "refund_refused"),
        (400, {"message": {"error": ["malicious_payload_rejected"]}}, "refund_refused"),
        (403, {"message": "not permitted"}, "gateway_disabled"),
        (401, {"message": "who"}, "gateway_credentials"),
    ],
)
def test_maps_its_refusals(status: int, answer: object, code: str) -> None:
    with canned(NOTHING, COLLECTED, (status, answer)) as server, pytest.raises(Rejected) as caught:
        withdraw(server)

    assert caught.value.code == code
    assert caught.value.exchange is not None
    assert caught.value.exchange.http_status == status


def test_does_not_trust_a_refusal_when_told_so() -> None:
    with canned(NOTHING, COLLECTED, (400, {"code": "ER301"})) as server, pytest.raises(OutcomeUnknown):
        withdraw(server, trusts_refusals=False)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, b"<html>"), (200, {}), (200, {"reference": "None"}), (200, {"status": "SUCCESSFUL"}),
        (201, {"reference": CAMPAY_ID}),
        (400, {"message": "too many requests for this number"}), (400, {"message": "used"}), (400, b"ER301"), (404, {}),
        (409, {}), (500, {"error_code": "ER301"}), (502, b"<html>"), (504, b""),
    ],
)  # fmt: skip
def test_does_not_know_after_any_other_answer_and_asks_once(status: int, answer: object) -> None:
    with canned(NOTHING, COLLECTED, (status, answer)) as server, pytest.raises(OutcomeUnknown):
        withdraw(server)

    assert [path for _, path, _, _ in server.asked].count("/withdraw/") == 1


@pytest.mark.parametrize(
    ("changes", "outcome", "money", "has_problem"),
    [
        ({}, RefundOutcome.DONE, 1000, False),
        ({"status": "FAILED", "reason": "closed"}, RefundOutcome.FAILED, 1000, False),
        ({"status": "REVERSED"}, RefundOutcome.UNMAPPED, 1000, False),
        ({"endpoint": "collect"}, RefundOutcome.DONE, None, True),
        ({"currency": "EUR"}, RefundOutcome.DONE, None, True),
        ({"amount": "1000.5"}, RefundOutcome.DONE, None, True),
    ],
)
def test_reads_recorded_withdrawals(
    changes: dict[str, object], outcome: RefundOutcome, money: int | None, has_problem: bool
) -> None:
    with canned((200, [OUT]), (200, {**PAYOUT, **changes})) as server:
        status = campay(server.url).fetch_refund(OURS, transaction_id=COLLECTED_ID)

    assert (status.outcome, bool(status.problem)) == (outcome, has_problem)
    assert status.money == (None if money is None else Money(money, "XAF"))
    assert (status.gateway_refund_id, status.reference, status.transaction_id) == (CAMPAY_ID, OURS, COLLECTED_ID)


def test_looks_as_far_back_as_it_is_told() -> None:
    since = datetime.now(UTC) - timedelta(days=30)
    with canned(NOTHING) as server, pytest.raises(NotFound):
        campay(server.url).fetch_refund(OURS, transaction_id=COLLECTED_ID, since=since)

    assert json.loads(server.asked[0][3])["start_date"] == since.date().isoformat()


def test_asks_by_its_own_id_and_else_by_the_history() -> None:
    with canned((200, {**PAYOUT, "status": "PENDING"})) as server:
        by_id = campay(server.url).fetch_refund(OURS, transaction_id=COLLECTED_ID, gateway_refund_id=CAMPAY_ID)
    unknown: tuple[int, object] = (404, {"message": "?"})
    with canned(unknown, (200, [OUT]), (200, PAYOUT)) as server:
        by_history = campay(server.url).fetch_refund(OURS, transaction_id="", gateway_refund_id=CAMPAY_ID)

    assert (by_id.outcome, by_history.outcome) == (RefundOutcome.PENDING, RefundOutcome.DONE)


def test_does_not_call_a_withdrawal_absent_that_its_history_lists() -> None:
    with canned((200, [OUT]), (404, {"message": "?"})) as server, pytest.raises(Unavailable) as caught:
        campay(server.url).fetch_refund(OURS, transaction_id=COLLECTED_ID)

    assert type(caught.value) is Unavailable


def test_does_not_withdraw_again_what_its_history_shows() -> None:
    with canned((200, [OUT]), (200, PAYOUT)) as server:
        made = withdraw(server)

    assert made.outcome is RefundOutcome.DONE
    assert [path for _, path, _, _ in server.asked] == ["/history/", f"/transaction/{CAMPAY_ID}/"]
