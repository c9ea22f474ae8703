"""Whatever JSON comes, the answer is one of ours and never a fault of the server's."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.refund_doors import token_of
from tests.api.world import CART, CHECKOUT, PHONE, TOPUPS, World, make_world
from tests.payments.gateways.sandbox import CREDENTIALS
from tests.payments.refund_rows import make_settled
from tests.payments.staff import make_staff

FIELDS = [
    "method", "phone", "link", "amount_minor", "currency", "product", "quantity", "username", "password",
    "transId", "status", "amount", "externalId", "reference", "signature",
]  # fmt: skip
WORDS = [
    "fapshi",
    "campay",
    "wallet",
    "XAF",
    "INR",
    PHONE,
    "SUCCESSFUL",
    "",
    "\x00",
    "\ud800",
    "0",
    "-1",
    "1e9",
    "None",
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(1, 200)
    | st.floats(allow_nan=True)
    | st.text(max_size=20)
    | st.sampled_from(WORDS)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
bodies = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), values, max_size=8) | values


@pytest.fixture
def any_world(db: None, silent_gateways: None) -> World:
    return make_world()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CHECKOUT),
        ("POST", TOPUPS),
        ("POST", CART),
        ("PATCH", f"{CART}{{line}}/"),
        ("POST", "/api/auth/token/"),
        ("POST", "/api/payments/1/cancel/"),
        ("POST", "/api/payments/1/refunds/"),
        ("POST", "/api/payment/queue/stop"),
        ("POST", "/webhooks/fapshi/"),
        ("POST", "/webhooks/campay/"),
    ],
)
@settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=bodies)
def test_no_body_is_a_fault_of_ours(any_world: World, method: str, path: str, body: Any) -> None:
    """Each example comes after the last one, in the same transaction: rows that were made stay."""
    headers = {"Idempotency_Key": str(hash(json.dumps(body))), "x_wh_secret": CREDENTIALS["FAPSHI_WEBHOOK_SECRET"]}

    answer = any_world.send(method, path.format(line=any_world.line.pk), body, **headers)

    assert answer.status_code < 500, (body, answer.content)
    if answer.status_code >= 400:
        assert set(json.loads(answer.content)) == {"code", "message", "fields"}


@pytest.fixture
def paid_world(any_world: World) -> tuple[World, str, str]:
    """With an order that was paid, and somebody who may refund it."""
    path = f"/api/payments/{make_settled(user=any_world.customer, price_minor=10**6).pk}/refunds/"
    return any_world, path, token_of(make_staff("finance"))


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=st.dictionaries(st.sampled_from(["reason", "amount_minor", "to_wallet"]), values) | bodies)
def test_no_wish_for_a_refund_is_a_fault_of_ours(paid_world: tuple[World, str, str], body: Any) -> None:
    world, path, finance = paid_world

    answer = world.send("POST", path, body, Authorization=finance, Idempotency_Key=str(hash(json.dumps(body))))

    assert answer.status_code < 500, (body, answer.content)
    if answer.status_code >= 400:
        assert set(json.loads(answer.content)) == {"code", "message", "fields"}


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    raw=st.binary(max_size=60), path=st.sampled_from([CHECKOUT, TOPUPS, CART, "/webhooks/fapshi/", "/webhooks/campay/"])
)
def test_no_bytes_are_a_fault_of_ours(any_world: World, raw: bytes, path: str) -> None:
    answer = any_world.send("POST", path, raw=raw, x_wh_secret=CREDENTIALS["FAPSHI_WEBHOOK_SECRET"])

    assert 400 <= answer.status_code < 500
