"""Cashfree: answers as recorded (invented), down to the odd ones."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from choptym.lib.errors import Busy, NotSent, OutcomeUnknown, Rejected, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import CollectRequest, Outcome
from tests.payments.gateways.adapters import make_cashfree
from tests.payments.gateways.bodies import CASHFREE_LINK as LINK
from tests.payments.gateways.bodies import CASHFREE_ORDER as BARE_ORDER
from tests.payments.gateways.bodies import CASHFREE_PAYMENT as PAYMENT
from tests.payments.gateways.bodies import OURS
from tests.payments.gateways.sandbox import CREDENTIALS, a_request, canned

INTENT = "upi://pay?pa=shop@examplebank&am=1499.00"
PUSHED = (200, {"cf_payment_id": "51", "data": {"payload": {"default": INTENT, "gpay": "tez://x"}}})
MADE = (200, BARE_ORDER)
PAID_ORDER = (200, {**BARE_ORDER, "order_status": "PAID"})


def request(**changes: object) -> CollectRequest:
    return a_request(149_910, currency="INR", **{"reference": OURS, "phone": "9876543210", **changes})


def refusal(code: str, message: str = "", kind: str = "invalid_request_error") -> dict[str, object]:
    return {"message": message, "code": code, "type": kind}


NO_ORDER = (404, refusal("order_not_found", "Order Reference Id does not exist"))
EXISTS = (409, refusal("order_already_exists", "order with same id is already present"))
OURS_MADE = (200, {**BARE_ORDER, "order_amount": 1499.10})


def test_asks_for_an_order_and_then_for_its_payment() -> None:
    with canned(MADE, PUSHED) as server:
        accepted = make_cashfree(server.url).collect(request(return_url="https://shop.example/back"))

    (_, first, headers, order), (_, second, bare, payment) = server.asked
    assert (first, second) == ("/orders", "/orders/sessions")
    assert (headers["x-client-id"], headers["x-client-secret"]) == (
        CREDENTIALS["CASHFREE_CLIENT_ID"], CREDENTIALS["CASHFREE_CLIENT_SECRET"],
    )  # fmt: skip
    assert {headers["x-api-version"], bare["x-api-version"]} == {"2025-01-01"}
    assert UUID(headers["x-idempotency-key"]).version == UUID(headers["x-request-id"]).version == 4
    assert not {"x-client-id", "x-client-secret", "x-idempotency-key"} & set(bare)
    assert b'"order_amount": 1499.1,' in order
    body = json.loads(order)
    assert 17 <= (datetime.fromisoformat(body.pop("order_expiry_time")) - datetime.now(UTC)).total_seconds() / 60 <= 31
    assert len(body["customer_details"].pop("customer_id")) == 16
    assert body == {
        "order_id": OURS, "order_amount": 1499.1, "order_currency": "INR", "order_note": "Two plates of ndolé",
        "customer_details": {"customer_phone": "9876543210"}, "order_meta": {"return_url": "https://shop.example/back"},
    }  # fmt: skip
    assert json.loads(payment) == {
        "payment_session_id": "session_AbCdEf",
        "payment_method": {"upi": {"channel": "link", "upi_expiry_minutes": 15}},
    }
    assert (accepted.transaction_id, accepted.link) == (OURS, INTENT)
    assert not [text for text in ("9876543210", "session_AbCdEf") if text in str(accepted.exchange)]


@pytest.mark.parametrize("minor", [100, 101, 110, 12345, 149999, 99_999_999_99])
def test_writes_every_paisa(minor: int) -> None:
    with canned(MADE, PUSHED) as server:
        make_cashfree(server.url).collect(request(money=Money(minor, "INR")))

    sent = json.loads(server.asked[0][3], parse_float=str, parse_int=str)["order_amount"]
    assert Money.from_major(sent, "INR") == Money(minor, "INR")


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (401, refusal("request_failed", "authentication Failed", "authentication_error"), "gateway_credentials"),
        (400, refusal("customer_phone_invalid"), "invalid_phone"),
        (400, refusal("order_amount_invalid"), "amount_refused"),
        (400, refusal("request_failed", kind="feature_not_enabled"), "gateway_disabled"),
        (400, refusal("version_invalid"), "gateway_disabled"),
        (403, refusal("request_failed"), "gateway_disabled"),
        (422, refusal("request_invalid", kind="idempotency_error"), "refused"),
        (400, refusal("order_expiry_time_invalid"), "refused"),
    ],
)
def test_maps_its_refusals_of_either_call(status: int, answer: object, code: str) -> None:
    for answers in ([(status, answer)], [MADE, (status, answer)]):
        with canned(*answers) as server, pytest.raises(Rejected) as caught:
            make_cashfree(server.url).collect(request())
        assert caught.value.code == code
        assert caught.value.exchange is not None
        assert len(server.asked) == len(answers)


UNCLEAR = [
    (200, b"<html>"), (200, []), (204, b""), (400, b"<html>"), (400, {}), (408, refusal("request_failed")),
    (400, refusal("api_request_timeout")), (500, refusal("internal_error", kind="api_error")),
    (502, refusal("bank_processing_failure", kind="api_error")), (504, b""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "answer"), UNCLEAR)
def test_tries_an_order_that_was_not_made_once_more(status: int, answer: object) -> None:
    with canned((status, answer), NO_ORDER, MADE, PUSHED) as server:
        accepted = make_cashfree(server.url).collect(request())

    paths = [(method, path) for method, path, _, _ in server.asked]
    assert paths == [
        ("POST", "/orders"), ("GET", f"/orders/{OURS}"), ("POST", "/orders"), ("POST", "/orders/sessions"),
    ]  # fmt: skip
    # A stored failure would be told again under the old key.
    assert server.asked[0][2]["x-idempotency-key"] != server.asked[2][2]["x-idempotency-key"]
    assert accepted.link == INTENT


@pytest.mark.parametrize("answers", [[(502, b""), (502, b"")], [(502, b""), NO_ORDER, (502, b""), NO_ORDER]])
def test_nothing_was_sent_while_no_order_is_known(answers: list[tuple[int, object]]) -> None:
    with canned(*answers) as server, pytest.raises(NotSent) as caught:
        make_cashfree(server.url).collect(request())

    assert len(server.asked) == len(answers)
    assert caught.value.exchange is not None


@pytest.mark.parametrize("first", [EXISTS, (400, refusal("order_id_already_exists")), (502, b"")])
def test_goes_on_with_the_order_that_is_there(first: tuple[int, object]) -> None:
    with canned(first, OURS_MADE, (200, []), PUSHED) as server:
        accepted = make_cashfree(server.url).collect(request())

    assert accepted.link == INTENT
    assert len(server.asked) == 4


def test_does_not_ask_the_payer_twice() -> None:
    with canned(EXISTS, OURS_MADE, (200, [PAYMENT])) as server:
        accepted = make_cashfree(server.url).collect(request())

    assert (accepted.transaction_id, accepted.link) == (OURS, "")
    assert [path for _, path, _, _ in server.asked if path == "/orders/sessions"] == []


def test_does_not_take_an_order_over_another_amount() -> None:
    with canned(EXISTS, MADE) as server, pytest.raises(Unavailable):
        make_cashfree(server.url).collect(request())

    assert [path for _, path, _, _ in server.asked if path == "/orders/sessions"] == []


@pytest.mark.parametrize(
    ("status", "answer"), [*UNCLEAR, (200, {"data": {}}), (200, {"data": {"payload": {"default": "https://x"}}})]
)
def test_does_not_know_what_a_lost_second_answer_means(status: int, answer: object) -> None:
    with canned(MADE, (status, answer)) as server, pytest.raises(OutcomeUnknown) as caught:
        make_cashfree(server.url).collect(request())

    assert len(server.asked) == 2
    assert OURS in str(caught.value.exchange)


def test_an_order_that_is_paid_already_is_asked_about() -> None:
    with canned(MADE, (400, refusal("order_already_paid"))) as server, pytest.raises(OutcomeUnknown):
        make_cashfree(server.url).collect(request())


def test_waits_as_long_as_the_limit_says() -> None:
    with canned((429, refusal("request_failed", kind="rate_limit_error"))) as server:
        server.headers = {"x-ratelimit-retry": "42", "x-ratelimit-remaining": "0"}
        with pytest.raises(Busy) as caught:
            make_cashfree(server.url).fetch_status(OURS)
    with canned(MADE, (429, b"")) as server:
        server.headers = {"x-ratelimit-retry": "0"}
        with pytest.raises(Busy) as silent:
            make_cashfree(server.url).collect(request())

    assert (caught.value.retry_after_seconds, silent.value.retry_after_seconds) == (42, None)


@pytest.mark.parametrize(
    ("order", "payment", "outcome", "minor", "problem"),
    [
        ({}, {}, Outcome.PAID, 149900, False),
        ({"order_amount": "1499.00"}, {"bank_reference": "NA"}, Outcome.PAID, 149900, False),
        ({}, {"cf_payment_id": 5114910634577}, Outcome.PAID, 149900, False),
        ({}, {"payment_amount": 1499.00}, Outcome.PAID, 149900, False),
        ({}, {"payment_amount": 1400}, Outcome.PAID, 140000, False),
        ({}, {"payment_amount": 1400, "payment_offers": [{"offer_id": "1"}]}, Outcome.PAID, 149900, False),
        ({"order_amount": 1499.001}, {}, Outcome.PAID, None, True),
        ({"order_amount": None}, {}, Outcome.PAID, None, True),
        ({"order_currency": "USD"}, {}, Outcome.PAID, None, True),
        ({}, {"payment_status": "PENDING"}, Outcome.UNMAPPED, 149900, False),
        ({"order_status": "SOMETHING"}, {}, Outcome.UNMAPPED, 149900, False),
        ({"order_status": "TERMINATED"}, {"payment_status": "FAILED"}, Outcome.NOT_PAID, 149900, False),
        ({"order_status": "EXPIRED"}, {"payment_status": "CANCELLED"}, Outcome.NOT_PAID, 149900, False),
        ({"order_status": "EXPIRED"}, {"payment_status": "PENDING"}, Outcome.WAITING, 149900, False),
        ({"order_status": "EXPIRED", "order_expiry_time": "2026-01-01T00:00:00+05:30"},
         {"payment_status": "USER_DROPPED"}, Outcome.NOT_PAID, 149900, False),
    ],
)  # fmt: skip
def test_reads_recorded_orders(
    order: dict[str, object], payment: dict[str, object], outcome: Outcome, minor: int | None, problem: bool
) -> None:
    shown = {**BARE_ORDER, "order_status": "PAID", **order}
    with canned((200, shown), (200, [{**PAYMENT, **payment}])) as server:
        status = make_cashfree(server.url).fetch_status(OURS)

    assert (status.outcome, bool(status.problem)) == (outcome, problem)
    assert status.money == (None if minor is None else Money(minor, "INR"))
    assert (status.transaction_id, status.reference, status.gateway_payment_id) == (OURS, OURS, "5114910634577")


@pytest.mark.parametrize("word", ["ACTIVE", "TERMINATION_REQUESTED"])
def test_an_open_order_takes_one_call(word: str) -> None:
    with canned((200, {**BARE_ORDER, "order_status": word})) as server:
        status = make_cashfree(server.url).fetch_status(OURS)

    assert (status.outcome, status.word, len(server.asked)) == (Outcome.WAITING, word, 1)


def test_of_two_successes_the_first_counts() -> None:
    later = {**PAYMENT, "cf_payment_id": "2", "payment_completion_time": "2025-12-29T15:00:00+05:30"}
    with canned(
        PAID_ORDER, (200, [later, PAYMENT, {**PAYMENT, "cf_payment_id": "3", "payment_status": "FAILED"}])
    ) as server:
        status = make_cashfree(server.url).fetch_status(OURS)

    assert (status.gateway_payment_id, status.problem) == ("5114910634577", "")
    assert status.occurred_at == datetime(2025, 12, 29, 9, 22, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "answer"),
    [(200, []), (200, b""), (200, {**BARE_ORDER, "order_id": "x"}), (500, BARE_ORDER), (404, b"<html>"), (404, {})],
)
def test_changes_nothing_on_a_status_that_makes_no_sense(status: int, answer: object) -> None:
    with canned((status, answer)) as server, pytest.raises(Unavailable):
        make_cashfree(server.url).fetch_status(OURS)


def test_only_its_own_word_proves_that_there_is_no_order() -> None:
    since = datetime.now(UTC)
    with canned(NO_ORDER) as server:
        assert make_cashfree(server.url).find(OURS, since=since) is None
    with canned((200, BARE_ORDER), (200, [])) as server:  # nobody was asked to pay it
        assert make_cashfree(server.url).find(OURS, since=since) is None
    with canned((404, refusal("request_failed", "no such path"))) as server, pytest.raises(Rejected):
        make_cashfree(server.url).find(OURS, since=since)
    with canned((200, BARE_ORDER), (200, [{**PAYMENT, "payment_status": "NOT_ATTEMPTED"}])) as server:
        found = make_cashfree(server.url).find(OURS, since=since)

    assert found is not None
    assert found.outcome is Outcome.WAITING


def test_an_event_about_a_link_is_looked_up_as_one() -> None:
    with canned(NO_ORDER, (200, LINK)) as server:
        assert make_cashfree(server.url).fetch_status(OURS).word == "ACTIVE"


PAID_BEHIND = {**BARE_ORDER, "order_id": "CFPay_x1", "order_status": "PAID"}


@pytest.mark.parametrize(
    ("link", "orders", "word", "outcome"),
    [
        ({}, None, "ACTIVE", Outcome.WAITING),
        ({"link_status": "PAID", "link_amount_paid": 1499}, [PAID_BEHIND], "PAID", Outcome.PAID),
        ({"link_status": "PAID", "link_amount_paid": "1499.00"}, [], "PAID", Outcome.PAID),
        ({"link_status": "EXPIRED"}, [], "EXPIRED", Outcome.NOT_PAID),
        ({"link_status": "CANCELLED"}, [PAID_BEHIND], "PAID", Outcome.PAID),
        ({"link_status": "EXPIRED"}, [{**BARE_ORDER, "order_id": "CFPay_x1"}], "EXPIRED", Outcome.WAITING),
        ({"link_status": "PARTIALLY_PAID"}, [], "PARTIALLY_PAID", Outcome.UNMAPPED),
    ],
)
def test_reads_recorded_links(
    link: dict[str, object], orders: list[object] | None, word: str, outcome: Outcome
) -> None:
    with canned((200, {**LINK, **link}), (200, orders), (200, [PAYMENT])) as server:
        status = make_cashfree(server.url).fetch_status(OURS, is_link=True)

    assert (status.word, status.outcome, status.transaction_id, status.reference) == (word, outcome, OURS, OURS)
    assert status.money == Money(149_900, "INR")
    assert all(path.startswith(("/links/", "/orders/CFPay_x1/")) for _, path, _, _ in server.asked)


def test_takes_the_link_that_this_reference_made_before() -> None:
    known = (409, refusal("link_post_failed", "Link ID already exists"))
    with canned(known, (200, {**LINK, "link_amount": 1499.1})) as server:
        assert make_cashfree(server.url).create_link(request()).link == LINK["link_url"]
    with canned(known, (200, LINK)) as server, pytest.raises(OutcomeUnknown):
        make_cashfree(server.url).create_link(request())


def test_an_order_lives_as_long_as_its_payment() -> None:
    with canned(MADE, PUSHED) as server:
        make_cashfree(server.url).collect(request())

    ends_at = datetime.fromisoformat(json.loads(server.asked[0][3])["order_expiry_time"])
    assert abs(ends_at - datetime.now(UTC) - timedelta(seconds=1800)) < timedelta(seconds=10)
