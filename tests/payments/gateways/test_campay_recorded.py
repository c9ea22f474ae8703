"""CamPay: answers as recorded (invented), down to the odd ones."""

import json
from datetime import UTC, date, datetime

import pytest

from choptym.lib.errors import OutcomeUnknown, Rejected, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import Outcome
from tests.payments.gateways.adapters import make_campay
from tests.payments.gateways.bodies import CAMPAY_ID as REFERENCE
from tests.payments.gateways.bodies import CAMPAY_PAID as PAID
from tests.payments.gateways.bodies import CAMPAY_ROW as ROW
from tests.payments.gateways.bodies import OURS
from tests.payments.gateways.sandbox import Canned, a_request, canned

PUSHED = (200, {"reference": REFERENCE, "ussd_code": "*126#", "operator": "mtn"})


def collect_from(server: Canned, **options: bool) -> object:
    return make_campay(server.url, permanent_token="t", **options).collect(a_request())  # type: ignore[arg-type]


def test_sends_the_reference_where_it_comes_back() -> None:
    with canned(PUSHED, (200, {"link": "http://127.0.0.1/pay", "reference": REFERENCE})) as server:
        request = a_request(description="x" * 300, return_url="https://shop.example/back")
        make_campay(server.url, permanent_token="t").collect(request)
        make_campay(server.url, permanent_token="t").create_link(request)

    (_, path, _, body), (_, link_path, _, link_body) = server.asked
    assert (path, link_path) == ("/collect/", "/get_payment_link/")
    assert json.loads(body) == {
        "amount": "2500", "currency": "XAF", "from": f"237{request.phone}", "external_reference": request.reference,
        "external_user": request.reference, "description": f"{'x' * 83} {request.reference}",
    }  # fmt: skip
    assert json.loads(link_body)["payer_can_pay_more"] == "no"
    assert json.loads(link_body)["redirect_url"] == "https://shop.example/back"


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (400, {"message": "no", "error_code": "ER101"}, "invalid_phone"),
        (400, {"code": "ER102"}, "operator_unsupported"),
        (400, {"detail": "ER201: too much"}, "amount_refused"),
        (406, {"message": "ER301"}, "refused"),
        (400, {"message": {"error": ["malicious_payload_rejected"]}}, "refused"),
        (403, {"message": "not permitted"}, "gateway_disabled"),
    ],
)
def test_maps_its_refusals(status: int, answer: object, code: str) -> None:
    with canned((status, answer)) as server, pytest.raises(Rejected) as caught:
        collect_from(server)

    assert caught.value.code == code
    assert caught.value.exchange is not None


def test_does_not_trust_a_refusal_when_told_so() -> None:
    with canned((400, {"error_code": "ER201"})) as server, pytest.raises(OutcomeUnknown):
        collect_from(server, trusts_refusals=False)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, b"<html>"), (200, {}), (200, []), (200, {"reference": "None"}), (200, {"reference": None}),
        (200, {"reference": "12"}), (201, {"reference": REFERENCE}), (400, {"message": "no"}), (400, b"ER201"),
        (404, {"message": "ER"}), (409, {}), (500, {"error_code": "ER201"}), (502, b"<html>"), (504, b""),
    ],
)  # fmt: skip
def test_everything_else_after_a_post_is_unknown(status: int, answer: object) -> None:
    with canned((status, answer)) as server, pytest.raises(OutcomeUnknown):
        collect_from(server)

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("changes", "outcome", "money", "problem"),
    [
        ({}, Outcome.PAID, 1500, False),
        ({"amount": 1500}, Outcome.PAID, 1500, False),
        ({"amount": 1500.0}, Outcome.PAID, 1500, False),
        ({"amount": "5."}, Outcome.PAID, None, True),
        ({"amount": "1500.01"}, Outcome.PAID, None, True),
        ({"amount": "+1500"}, Outcome.PAID, None, True),
        ({"amount": "15e2"}, Outcome.PAID, None, True),
        ({"amount": "1 500"}, Outcome.PAID, None, True),
        ({"amount": "١٥٠٠"}, Outcome.PAID, None, True),
        ({"amount": "None"}, Outcome.PAID, None, True),
        ({"amount": "99999999999999999999"}, Outcome.PAID, None, True),
        ({"amount": "0.00"}, Outcome.PAID, 0, False),
        ({"currency": "EUR"}, Outcome.PAID, None, True),
        ({"currency": "None"}, Outcome.PAID, 1500, False),
        ({"endpoint": "withdraw"}, Outcome.PAID, None, True),
        ({"status": "Successful"}, Outcome.UNMAPPED, 1500, False),
        ({"status": "REFUNDED"}, Outcome.UNMAPPED, 1500, False),
        ({"status": "PENDING", "amount": None}, Outcome.WAITING, None, False),
        ({"status": "FAILED", "reason": "declined"}, Outcome.NOT_PAID, 1500, False),
    ],
)
def test_reads_recorded_statuses(
    changes: dict[str, object], outcome: Outcome, money: int | None, problem: bool
) -> None:
    with canned((200, {**PAID, **changes})) as server:
        status = make_campay(server.url, permanent_token="t").fetch_status(REFERENCE)

    assert (status.outcome, bool(status.problem)) == (outcome, problem)
    assert status.money == (None if money is None else Money(money, "XAF"))
    assert status.reason == changes.get("reason", "")


@pytest.mark.parametrize(
    ("net", "fee"), [("1470.00", 30), ("1469.50", 31), ("1500", 0), ("0.00", None), ("1600", None)]
)
def test_rounds_the_fee_up(net: str, fee: int | None) -> None:
    with canned((200, {**PAID, "app_amount": net})) as server:
        status = make_campay(server.url, permanent_token="t").fetch_status(REFERENCE)

    assert status.fee == (None if fee is None else Money(fee, "XAF"))


@pytest.mark.parametrize("operator", ["ORANGE", "Orange", "orange", "ORANGE_CM"])
def test_knows_the_operator_in_every_spelling(operator: str) -> None:
    with canned((200, {**PAID, "operator": operator})) as server:
        assert make_campay(server.url, permanent_token="t").fetch_status(REFERENCE).operator == "orange"


@pytest.mark.parametrize(
    ("status", "answer"), [(200, []), (200, [PAID]), (200, b""), (200, {**PAID, "reference": OURS}), (500, PAID)]
)
def test_changes_nothing_on_a_status_that_makes_no_sense(status: int, answer: object) -> None:
    with canned((status, answer)) as server, pytest.raises(Unavailable):
        make_campay(server.url, permanent_token="t").fetch_status(REFERENCE)


def test_reads_the_history_row_by_row() -> None:
    rows = [ROW, {**ROW, "debit": "500.00", "credit": 0}, {**ROW, "datetime": "2026-11-06T00:10:00Z"}, "junk"]
    with canned((200, {"data": rows})) as server:
        paid, paid_out = make_campay(server.url, permanent_token="t").history(date(2026, 11, 5))

    assert json.loads(server.asked[0][3]) == {"start_date": "2026-11-05", "end_date": "2026-11-06"}
    assert (paid.is_collection, paid_out.is_collection) == (True, False)
    assert (paid.status.money, paid.status.fee) == (Money(1500, "XAF"), Money(31, "XAF"))
    assert (paid.status.reference, paid.status.operator, paid.status.operator_reference) == (OURS, "orange", "998")


@pytest.mark.parametrize("name", ["external_user", "description"])
def test_finds_by_the_user_or_the_description(name: str) -> None:
    row = {**ROW, "external_user": "None", "description": "None", name: ROW[name]}
    with canned((200, [row, {**ROW, "external_user": "x", "description": "y"}]), (200, PAID)) as server:
        found = make_campay(server.url, permanent_token="t").find(OURS, since=datetime.now(UTC))

    assert found is not None
    assert (found.transaction_id, found.reference) == (REFERENCE, OURS)
    assert len(server.asked) == 2


def test_does_not_take_another_attempt_for_ours() -> None:
    with canned((200, [ROW]), (200, {**PAID, "external_reference": "another"})) as server:
        assert make_campay(server.url, permanent_token="t").find(OURS, since=datetime.now(UTC)) is None


def test_rounds_the_balance_down_and_leaves_airtime_out() -> None:
    with canned((200, {"total_balance": 1000.99, "mtn_balance": 5, "utility_balance": 77})) as server:
        assert make_campay(server.url, permanent_token="t").fetch_balance() == Money(1000, "XAF")
