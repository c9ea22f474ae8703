"""The OpenAPI document alone is enough to write a client from."""

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from payments.failures import SENTENCES
from payments.models import PaymentKind, QueueMode, RefundWay
from payments.states import PaymentState, RefundState

ERROR = {"$ref": "#/components/schemas/Error"}
ENUMS = {
    "PaymentStatus": [*PaymentState.values],
    "PaymentKind": [*PaymentKind.values],
    "PaymentMethod": ["fapshi", "campay", "razorpay", "cashfree", "wallet"],
    "TopupMethod": ["fapshi", "campay", "razorpay", "cashfree"],
    "FailureCode": ["", *SENTENCES],
    "StepName": [
        "accepted",
        "sent_to_gateway",
        "waiting_for_approval",
        "settled",
        "failed",
        "expired",
        "cancelled",
        "review",
    ],
    "Landed": ["", "order", "wallet"],
    "StatementKind": ["topup", "credit", "purchase", "refund", "refund_sent", "refund_undone"],
    "RefundStatus": [*RefundState.values],
    "RefundWay": [*RefundWay.values],
    "OrderStatus": ["PLACED", "PAID", "CANCELLED"],
    "ItemState": ["RESERVED", "SOLD", "RELEASED"],
    "Currency": ["XAF", "INR"],
    "QueueMode": [*QueueMode.values],
}
# Besides 429 and 503, which may come from anywhere.
REFUSALS = {
    "POST /api/auth/token/": {"400", "401", "413", "415"},
    "GET /api/products/": set(),
    "GET /api/cart/": {"401"},
    "POST /api/cart/": {"400", "401", "409", "413", "415"},
    "PATCH /api/cart/{line_id}/": {"400", "401", "404", "413", "415"},
    "DELETE /api/cart/{line_id}/": {"401", "404"},
    "POST /api/checkout/": {"400", "401", "409", "413", "415", "422"},
    "POST /api/wallet/topups/": {"400", "401", "409", "413", "415", "422"},
    "GET /api/payments/": {"400", "401"},
    "GET /api/payments/{payment_id}/": {"401", "404"},
    "POST /api/payments/{payment_id}/cancel/": {"401", "404", "409"},
    "GET /api/payments/{payment_id}/events/": {"401", "404"},
    "GET /api/payments/{payment_id}/refunds/": {"400", "401", "403", "404"},
    "POST /api/payments/{payment_id}/refunds/": {"400", "401", "403", "404", "409", "413", "415", "422"},
    "GET /api/payments/{payment_id}/refunds/{refund_id}/": {"401", "403", "404"},
    "GET /api/orders/": {"400", "401"},
    "GET /api/orders/{order_id}/": {"401", "404"},
    "GET /api/wallet/": {"401"},
    "GET /api/wallet/transactions/": {"400", "401"},
    "GET /api/payment/queue/status": set(),
    "POST /api/payment/queue/stop": {"400", "401", "403", "413", "415"},
    "POST /api/payment/queue/drain": {"400", "401", "403", "413", "415"},
    "POST /api/payment/queue/resume": {"400", "401", "403", "413", "415"},
    "POST /api/payment/queue/set": {"400", "401", "403", "413", "415"},
    "POST /api/payment/queue/profile": {"400", "401", "403", "413", "415"},
    "POST /api/payment/queue/clear-completed": {"400", "401", "403", "413", "415"},
    "GET /api/payment/metrics": set(),
}


@pytest.fixture
def document(silent_gateways: None) -> Any:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    return generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


@pytest.fixture
def operations(document: Any) -> dict[str, Any]:
    return {
        f"{verb.upper()} {path}": operation
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    }


def test_every_operation_has_a_summary_of_its_own(operations: dict[str, Any]) -> None:
    summaries = [operation.get("summary") for operation in operations.values()]

    assert all(summaries)
    assert len(set(summaries)) == len(summaries)


def test_every_operation_tells_how_it_refuses_in_the_one_shape(operations: dict[str, Any]) -> None:
    found = {}
    for name, operation in operations.items():
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert all(answer["content"]["application/json"]["schema"] == ERROR for answer in refusals.values()), name
        assert all(answer["description"] for answer in refusals.values()), name
        found[name] = set(refusals)

    assert found == {name: {*statuses, "429", "503"} for name, statuses in REFUSALS.items()}


def test_every_list_of_words_is_there(document: Any) -> None:
    schemas = document["components"]["schemas"]

    assert {name: schemas[name].get("enum") for name in ENUMS} == ENUMS


def test_the_error_has_its_three_parts(document: Any) -> None:
    error = document["components"]["schemas"]["Error"]

    assert set(error["properties"]) == set(error["required"]) == {"code", "message", "fields"}


def test_no_shown_number_has_a_limit_of_the_database(document: Any) -> None:
    shown = {name: one for name, one in document["components"]["schemas"].items() if not name.endswith("Request")}
    fields = [field for one in shown.values() for field in one.get("properties", {}).values()]

    assert [field for field in fields if {"minimum", "maximum"} & field.keys()] == []


@pytest.mark.parametrize(
    ("name", "status", "headers"),
    [
        ("POST /api/checkout/", "202", {"Location", "Idempotency-Replayed"}),
        ("POST /api/wallet/topups/", "202", {"Location", "Idempotency-Replayed"}),
        ("POST /api/checkout/", "409", {"Retry-After"}),
        ("POST /api/auth/token/", "429", {"Retry-After"}),
        ("POST /api/payments/{payment_id}/refunds/", "202", {"Location", "Idempotency-Replayed"}),
        ("GET /api/payments/{payment_id}/refunds/", "200", {"Link"}),
        ("GET /api/payments/{payment_id}/", "200", {"Retry-After"}),
        ("GET /api/payments/", "200", {"Link"}),
        ("GET /api/orders/", "200", {"Link"}),
        ("GET /api/wallet/transactions/", "200", {"Link"}),
        ("GET /api/payments/{payment_id}/events/", "307", {"Location"}),
    ],
)
def test_the_headers_of_answers_are_described(
    operations: dict[str, Any], name: str, status: str, headers: set[str]
) -> None:
    assert set(operations[name]["responses"][status]["headers"]) == headers


def test_every_operation_may_be_asked_in_french(operations: dict[str, Any]) -> None:
    for operation in operations.values():
        assert "Accept-Language" in [parameter["name"] for parameter in operation["parameters"]]


def test_every_body_has_an_example(operations: dict[str, Any]) -> None:
    bodies = {name: one["requestBody"] for name, one in operations.items() if "requestBody" in one}

    assert [name for name, body in bodies.items() if not body["content"]["application/json"].get("examples")] == []
    examples = bodies["POST /api/checkout/"]["content"]["application/json"]["examples"].values()
    assert {"method": "fapshi", "phone": "677123456"} in [example["value"] for example in examples]


def test_no_answer_is_just_an_object(document: Any, operations: dict[str, Any]) -> None:
    for name, operation in operations.items():
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                assert content["schema"].keys() & {"$ref", "items"}, name


def test_the_event_stream_is_described(operations: dict[str, Any]) -> None:
    answer = operations["GET /api/payments/{payment_id}/events/"]["responses"]["200"]

    assert answer["content"] == {"text/event-stream": {"schema": {"$ref": "#/components/schemas/PaymentOutput"}}}


def test_the_limit_of_event_streams_is_described(operations: dict[str, Any]) -> None:
    answer = operations["GET /api/payments/{payment_id}/events/"]["responses"]["429"]

    assert "`too_many_streams`" in answer["description"]
    assert set(answer["headers"]) == {"Retry-After"}


@pytest.mark.parametrize("name", ["FailureCode", "StatementKind", "Landed"])
def test_every_word_that_does_not_speak_for_itself_is_explained(document: Any, name: str) -> None:
    lines = document["components"]["schemas"][name]["description"].splitlines()

    assert [line.split("`")[1] for line in lines] == ENUMS[name]
    assert all(len(line.split("`: ")[1]) > 10 for line in lines)


@pytest.mark.parametrize("name", ["CheckoutInputRequest", "TopupInputRequest"])
def test_the_method_is_one_of_its_words_or_left_out(document: Any, name: str) -> None:
    body = document["components"]["schemas"][name]

    assert "method" not in body.get("required", [])
    assert "default" not in body["properties"]["method"]


def test_a_topup_does_not_speak_of_paying_from_the_wallet(document: Any) -> None:
    schemas = document["components"]["schemas"]

    assert "wallet" not in schemas["TopupInputRequest"]["properties"]["phone"]["description"]
    assert "wallet" in schemas["CheckoutInputRequest"]["properties"]["phone"]["description"]
