"""Razorpay: answers as recorded (invented), down to the odd ones."""

import json
from base64 import b64decode
from datetime import UTC, datetime

import pytest

from choptym.lib.errors import NotSent, OutcomeUnknown, Rejected, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import CollectRequest, Outcome
from tests.payments.gateways.adapters import make_razorpay
from tests.payments.gateways.bodies import ORDER, OURS, PAY, PLINK
from tests.payments.gateways.bodies import RAZORPAY_LINK as LINK
from tests.payments.gateways.bodies import RAZORPAY_ORDER as BARE_ORDER
from tests.payments.gateways.bodies import RAZORPAY_PAYMENT as PAID
from tests.payments.gateways.sandbox import CREDENTIALS, a_request, canned

INTENT = "upi://pay?pa=shop@examplebank&am=1499.00"
PUSHED = (200, {"razorpay_payment_id": PAY, "next": [{"action": "poll", "url": "https://x"},
                                                     {"action": "intent", "url": INTENT}]})  # fmt: skip
MADE = (200, BARE_ORDER)


def request(**changes: object) -> CollectRequest:
    return a_request(149_900, currency="INR", **{"reference": OURS, "phone": "9876543210", **changes})


def items(*rows: object) -> tuple[int, object]:
    return 200, {"entity": "collection", "count": len(rows), "items": list(rows)}


def refusal(description: str, **more: object) -> dict[str, object]:
    return {"error": {"code": "BAD_REQUEST_ERROR", "description": description, **more}}


def test_asks_for_an_order_and_then_for_its_payment() -> None:
    with canned(MADE, PUSHED) as server:
        gateway = make_razorpay(server.url, payer_defaults={"email": "shop@shop.example", "ip": "203.0.113.7"})
        accepted = gateway.collect(request(return_url="https://shop.example/back"))

    (_, first, headers, order), (_, second, _, payment) = server.asked
    assert (first, second) == ("/orders", "/payments/create/json")
    assert b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == (
        f"{CREDENTIALS['RAZORPAY_KEY_ID']}:{CREDENTIALS['RAZORPAY_KEY_SECRET']}"
    )
    assert json.loads(order) == {
        "amount": 149900, "currency": "INR", "receipt": OURS, "notes": {"reference": OURS},
        "payment": {"capture": "automatic", "capture_options": {
            "automatic_expiry_period": 30, "manual_expiry_period": 2880, "refund_speed": "normal"}},
    }  # fmt: skip
    assert json.loads(payment) == {
        "amount": 149900, "currency": "INR", "order_id": ORDER, "contact": "+919876543210", "method": "upi",
        "upi": {"flow": "intent"}, "user_agent": "choptym-payments", "description": "Two plates of ndolé",
        "notes": {"reference": OURS}, "email": "shop@shop.example", "ip": "203.0.113.7",
        "referer": "https://shop.example/back",
    }  # fmt: skip
    assert (accepted.transaction_id, accepted.link) == (ORDER, INTENT)
    assert "9876543210" not in str(accepted.exchange)


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        (401, refusal("Authentication failed"), "gateway_credentials"),
        (400, refusal("The api key provided is invalid"), "gateway_credentials"),
        (400, refusal("The amount must be at least INR 1.00"), "amount_refused"),
        (400, refusal("no", field="contact"), "invalid_phone"),
        (404, refusal("The requested URL was not found on the server."), "gateway_disabled"),
        (403, refusal("no"), "gateway_disabled"),
        (400, refusal("something else", reason="NA", metadata=None), "refused"),
    ],
)
def test_maps_its_refusals_of_either_call(status: int, answer: object, code: str) -> None:
    for answers in ([(status, answer)], [MADE, (status, answer)]):
        with canned(*answers) as server, pytest.raises(Rejected) as caught:
            make_razorpay(server.url).collect(request())
        assert caught.value.code == code
        assert caught.value.exchange is not None
        assert len(server.asked) == len(answers)


UNCLEAR = [
    (200, b"<html>"), (200, {}), (200, []), (201, {"id": "x"}), (204, b""), (400, b"<html>"), (400, {}),
    (400, {"error": {"code": "GATEWAY_ERROR", "description": "the bank"}}), (408, refusal("late")),
    (500, {"error": {"code": "SERVER_ERROR"}}), (502, b"<html>"), (504, b""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "answer"), UNCLEAR)
def test_nothing_was_sent_while_no_order_is_known(status: int, answer: object) -> None:
    with canned((status, answer), items()) as server, pytest.raises(NotSent) as caught:
        make_razorpay(server.url).collect(request())

    assert [path.partition("?")[0] for _, path, _, _ in server.asked] == ["/orders", "/orders"]
    assert f"receipt={OURS}" in server.asked[1][1]
    assert caught.value.exchange is not None


def test_goes_on_with_the_order_whose_answer_got_lost() -> None:
    other = {**BARE_ORDER, "id": "order_Zz3dEf6hIj9kLm", "amount": 1}
    newer = {**BARE_ORDER, "id": "order_Yy3dEf6hIj9kLm", "created_at": 1767000009}
    with canned((502, b""), items(newer, other, BARE_ORDER), PUSHED) as server:
        accepted = make_razorpay(server.url).collect(request())

    assert accepted.transaction_id == ORDER
    assert json.loads(server.asked[2][3])["order_id"] == ORDER


@pytest.mark.parametrize(("status", "answer"), [*UNCLEAR, (200, {"razorpay_payment_id": PAY, "next": []})])
def test_does_not_know_what_a_lost_second_answer_means(status: int, answer: object) -> None:
    with canned(MADE, (status, answer)) as server, pytest.raises(OutcomeUnknown) as caught:
        make_razorpay(server.url).collect(request())

    assert len(server.asked) == 2
    assert ORDER in str(caught.value.exchange)


@pytest.mark.parametrize("url", ["https://evil.example", "javascript:x", "upi://" + "x" * 600])
def test_hands_on_no_other_address(url: str) -> None:
    with canned(MADE, (200, {"next": [{"action": "intent", "url": url}]})) as server, pytest.raises(OutcomeUnknown):
        make_razorpay(server.url).collect(request())


@pytest.mark.parametrize(
    ("changes", "outcome", "minor", "problem"),
    [
        ({}, Outcome.PAID, 149900, False),
        ({"acquirer_data": [], "notes": [], "email": "", "upi": None}, Outcome.PAID, 149900, False),
        ({"amount": 149901}, Outcome.PAID, 149901, False),
        ({"amount": "1499.00"}, Outcome.PAID, None, True),
        ({"amount": 1499.5}, Outcome.PAID, None, True),
        ({"currency": "USD"}, Outcome.PAID, None, True),
        ({"amount_refunded": 50000, "refund_status": "partial"}, Outcome.PAID, 149900, True),
        ({"status": "refunded", "amount_refunded": 149900}, Outcome.PAID, 149900, True),
        ({"status": "refunded", "captured": False, "amount_refunded": 149900}, Outcome.NOT_PAID, 149900, False),
        ({"status": "created", "captured": False}, Outcome.WAITING, 149900, False),
        ({"status": "failed", "captured": False, "error_reason": "payment_cancelled"}, Outcome.WAITING, 149900, False),
        ({"status": "pending_approval"}, Outcome.UNMAPPED, 149900, False),
    ],
)
def test_reads_recorded_payments(
    changes: dict[str, object], outcome: Outcome, minor: int | None, problem: bool
) -> None:
    with canned(items({**PAID, **changes}), MADE) as server:
        status = make_razorpay(server.url).fetch_status(ORDER)

    assert (status.outcome, bool(status.problem)) == (outcome, problem)
    assert status.money == (None if minor is None else Money(minor, "INR"))
    assert status.reason == changes.get("error_reason", "")
    if outcome is Outcome.PAID:
        assert (status.reference, status.fee, status.gateway_payment_id) == (OURS, Money(3538, "INR"), PAY)


@pytest.mark.parametrize(
    ("rows", "word", "outcome"),
    [
        ([], "no payment", Outcome.WAITING),
        ([{**PAID, "status": "failed"}, PAID], "captured", Outcome.PAID),
        ([{**PAID, "status": "failed"}, {**PAID, "status": "created"}], "created", Outcome.WAITING),
        (
            [{**PAID, "status": "refunded", "captured": False}, {**PAID, "status": "created"}],
            "created",
            Outcome.WAITING,
        ),
        ([{**PAID, "order_id": "order_another"}], "no payment", Outcome.WAITING),
        ([{**PAID, "status": "new"}, {**PAID, "status": "failed"}], "new", Outcome.UNMAPPED),
    ],
)
def test_one_try_speaks_for_the_order(rows: list[object], word: str, outcome: Outcome) -> None:
    with canned(items(*rows)) as server:
        status = make_razorpay(server.url).fetch_status(ORDER)

    assert (status.word, status.outcome) == (word, outcome)


def test_two_captured_payments_are_for_a_person() -> None:
    with canned(items(PAID, {**PAID, "id": "pay_Zz3dEf6hIj9kQq"})) as server:
        status = make_razorpay(server.url).fetch_status(ORDER)

    assert status.problem == f"paid more than once: {PAY}, pay_Zz3dEf6hIj9kQq"


HELD = {**PAID, "status": "authorized", "captured": False, "fee": None}


def test_captures_what_was_authorized() -> None:
    with canned(items(HELD), MADE, (200, PAID)) as server:
        status = make_razorpay(server.url).fetch_status(ORDER)

    assert (status.outcome, status.money, status.fee) == (Outcome.PAID, Money(149_900, "INR"), Money(3538, "INR"))
    assert server.asked[2][1] == f"/payments/{PAY}/capture"
    assert json.loads(server.asked[2][3]) == {"amount": 149900, "currency": "INR"}


@pytest.mark.parametrize(
    ("order", "payment"),
    [({"amount": 149901}, {}), ({"status": "paid"}, {}), ({"receipt": "x"}, {"notes": []}), ({}, {"id": "../x"})],
)
def test_captures_nothing_that_is_not_ours(order: dict[str, object], payment: dict[str, object]) -> None:
    with canned(items({**HELD, **payment}), (200, {**BARE_ORDER, **order})) as server:
        status = make_razorpay(server.url).fetch_status(ORDER)

    assert status.outcome is Outcome.WAITING
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([(400, refusal("This payment has already been captured")), (200, PAID)], Outcome.PAID),
        ([(400, refusal("Capture amount must be equal to the amount authorized")), (200, HELD)], Outcome.WAITING),
        ([(502, b"")], Outcome.WAITING),
        ([(429, refusal("slow down"))], Outcome.WAITING),
        ([(200, {"id": "pay_Zz3dEf6hIj9kQq"})], Outcome.WAITING),
    ],
)
def test_reads_again_when_a_capture_is_not_clear(answers: list[tuple[int, object]], outcome: Outcome) -> None:
    with canned(items(HELD), MADE, *answers) as server:
        status = make_razorpay(server.url).fetch_status(ORDER)

    assert status.outcome is outcome
    assert len([path for _, path, _, _ in server.asked if path.endswith("/capture")]) == 1


@pytest.mark.parametrize(
    ("status", "answer"), [(200, []), (200, {}), (200, b""), (200, {"items": {}}), (500, PAID), (400, b"<html>")]
)
def test_changes_nothing_on_a_status_that_makes_no_sense(status: int, answer: object) -> None:
    with canned((status, answer)) as server, pytest.raises(Unavailable):
        make_razorpay(server.url).fetch_status(ORDER)


def test_does_not_take_a_wrong_address_for_absence() -> None:
    gone = (404, refusal("The requested URL was not found on the server."))
    with canned(gone) as server:
        with pytest.raises(Rejected):
            make_razorpay(server.url).find(OURS, since=datetime.now(UTC))
        with pytest.raises(Rejected):
            make_razorpay(server.url).fetch_status(ORDER)


def test_finds_nothing_in_an_order_that_nobody_was_asked_to_pay() -> None:
    with canned(items(BARE_ORDER), items()) as server:
        assert make_razorpay(server.url).find(OURS, since=datetime.now(UTC)) is None
    with canned(items(BARE_ORDER, {**BARE_ORDER, "receipt": "x"}), items(PAID)) as server:
        found = make_razorpay(server.url).find(OURS, since=datetime.now(UTC))

    assert found is not None
    assert (found.outcome, found.transaction_id) == (Outcome.PAID, ORDER)


@pytest.mark.parametrize(
    ("link", "payments", "word", "outcome"),
    [
        ({}, None, "created", Outcome.WAITING),
        ({"status": "cancelled"}, None, "cancelled", Outcome.NOT_PAID),
        ({"status": "expired", "order_id": ORDER}, [], "expired", Outcome.NOT_PAID),
        ({"status": "expired", "order_id": ORDER}, [{**PAID, "status": "failed"}], "expired", Outcome.NOT_PAID),
        ({"status": "expired", "order_id": ORDER}, [{**PAID, "status": "created"}], "created", Outcome.WAITING),
        ({"status": "expired", "order_id": ORDER}, [PAID], "captured", Outcome.PAID),
        ({"status": "paid", "order_id": ORDER, "amount_paid": 149900}, [PAID], "captured", Outcome.PAID),
        ({"status": "paid", "amount_paid": 149900, "payments": [{"payment_id": PAY}]}, None, "paid", Outcome.PAID),
        ({"status": "partially_paid"}, None, "partially_paid", Outcome.UNMAPPED),
    ],
)
def test_reads_recorded_links(
    link: dict[str, object], payments: list[object] | None, word: str, outcome: Outcome
) -> None:
    answers = [(200, {**LINK, **link}), *([items(*payments)] if payments is not None else [])]
    with canned(*answers) as server:
        status = make_razorpay(server.url).fetch_status(PLINK, is_link=True)

    assert (status.word, status.outcome, status.reference, status.transaction_id) == (word, outcome, OURS, PLINK)
    if outcome is Outcome.PAID:
        assert (status.money, status.gateway_payment_id) == (Money(149_900, "INR"), PAY)


def test_takes_the_link_that_this_reference_made_before() -> None:
    known = (400, refusal(f"payment link creation with reference ID already attempted: ({OURS})"))
    with canned(known, (200, {"payment_links": [LINK]})) as server:
        accepted = make_razorpay(server.url).create_link(request())

    assert (accepted.transaction_id, accepted.link) == (PLINK, "https://rzp.io/i/abc123")
    with canned(known, (200, {"payment_links": [{**LINK, "amount": 1}]})) as server, pytest.raises(OutcomeUnknown):
        make_razorpay(server.url).create_link(request())
