"""Bad requests: who asks, how, where, and with what key. The exact status and code, and nothing changed."""

import json

import pytest
from django.http import HttpResponse

from tests.api.world import CART, CHECKOUT, PHONE, TOPUPS, World, nothing_changes, read
from tests.factories import make_topup

FAPSHI = {"method": "fapshi", "phone": PHONE}
TOPUP = {**FAPSHI, "amount_minor": 500}
POSTS = [CHECKOUT, TOPUPS, CART, "/api/auth/token/"]
OWN = ["/api/cart/", "/api/orders/", "/api/payments/", "/api/wallet/", "/api/wallet/transactions/"]


def code_of(answer: HttpResponse) -> tuple[int, str]:
    return answer.status_code, read(answer)["code"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "parse_error"),
        (b'{"method": "fapshi",}', "parse_error"),
        (b"{'method': 'fapshi'}", "parse_error"),
        (b"method=fapshi", "parse_error"),
        (b"\xff\xfe", "parse_error"),
        (b'{"method": NaN}', "parse_error"),
        (b'{"method": -Infinity}', "parse_error"),
        (b'{"quantity": ' + b"9" * 5000 + b"}", "parse_error"),
        (b"[]", "malformed"),
        (b'["method"]', "malformed"),
        (b"null", "malformed"),
        (b'"fapshi"', "malformed"),
        (b"7", "malformed"),
        (b'{"method": "\\ud800"}', "malformed"),
        (b'{"method": "a\\u0000b"}', "malformed"),
        (b'{"\\u0000": 1}', "malformed"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "malformed"),
        (b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "malformed"),
    ],
    ids=lambda value: value[:16] if isinstance(value, bytes) else value,
)
def test_a_body_that_is_no_json_object(world: World, path: str, raw: bytes, code: str) -> None:
    with nothing_changes():
        answer = world.send("POST", path, raw=raw)

    assert code_of(answer) == (400, code)


# What is missing first: a phone, an amount, or several things.
EMPTY = [(path, {CHECKOUT: "phone_required", TOPUPS: "required"}.get(path, "invalid")) for path in POSTS]


@pytest.mark.parametrize(("path", "code"), EMPTY)
def test_a_body_that_is_empty(world: World, path: str, code: str) -> None:
    with nothing_changes():
        answer = world.send("POST", path, raw=b"")

    assert code_of(answer) == (400, code)
    assert (len(read(answer)["fields"]) == 1) == (code != "invalid")


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_too_large(world: World, path: str) -> None:
    raw = json.dumps({**TOPUP, "product": world.product.pk, "quantity": 1, "padding": "x" * 300_000})

    with nothing_changes():
        answer = world.send("POST", path, raw=raw)

    assert code_of(answer) == (413, "too_large")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "?"],
)
def test_a_content_type_that_is_not_json(world: World, path: str, kind: str) -> None:
    with nothing_changes():
        answer = world.send("POST", path, FAPSHI, Content_Type=kind)

    assert code_of(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", CHECKOUT),
        ("PUT", CHECKOUT),
        ("DELETE", CHECKOUT),
        ("GET", TOPUPS),
        ("PATCH", CART),
        ("POST", "/api/products/"),
        ("POST", "/api/orders/"),
        ("PUT", "/api/cart/1/"),
        ("POST", "/api/wallet/"),
        ("DELETE", "/api/wallet/transactions/"),
        ("POST", "/api/payment/queue/status"),
        ("GET", "/api/auth/token/"),
        ("GET", "/api/payments/1/cancel/"),
        ("PUT", "/api/payments/1/"),
        ("TRACE", CART),
    ],
)
def test_a_method_that_is_not_there(world: World, method: str, path: str) -> None:
    with nothing_changes():
        answer = world.send(method, path)

    assert code_of(answer) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/nothing/",
        "/nothing",
        "/api/payments/abc/",
        "/api/payments/-1/",
        "/api/payments/0/events/",
        "/api/payments/1.5/",
        f"/api/payments/{2**63}/",
        f"/api/payments/{'9' * 5000}/",
        f"/api/orders/{2**63}/",
        f"/api/cart/{'9' * 40}/",
        "/api/payments/%00/",
        "/api/payments/٣/",
        "/webhooks/fapshi/extra/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_that_is_not_there(world: World, method: str, path: str) -> None:
    with nothing_changes():
        answer = world.send(method, path)

    assert code_of(answer) == (404, "not_found")


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/payments/{payment}/"),
        ("POST", "/api/payments/{payment}/cancel/"),
        ("GET", "/api/orders/{order}/"),
        ("PATCH", "/api/cart/{line}/"),
        ("DELETE", "/api/cart/{line}/"),
        ("GET", "/api/payments/9223372036854775807/"),
    ],
)
def test_what_is_somebody_elses_is_not_there(world: World, method: str, path: str) -> None:
    address = path.format(payment=world.theirs.pk, order=world.theirs.order_id, line=world.their_line.pk)

    with nothing_changes():
        answer = world.send(method, address, {"quantity": 2})

    assert code_of(answer) == (404, "not_found")


@pytest.mark.invariant("INV-10")
def test_lists_hold_only_ones_own(world: World) -> None:
    for path in ("/api/orders/", "/api/payments/", "/api/wallet/transactions/"):
        assert json.loads(world.send("GET", path).content) == []
    [line] = json.loads(world.send("GET", CART).content)
    assert line["id"] == world.line.pk


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "not_authenticated"),
        ("Token", "authentication_failed"),
        ("Token ", "authentication_failed"),
        ("Token wrong", "authentication_failed"),
        ("Token a b", "authentication_failed"),
        ("Token é", "authentication_failed"),
        ("Bearer {token}", "not_authenticated"),
        ("Basic Zm9vOmJhcg==", "not_authenticated"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [*(("GET", path) for path in OWN), ("POST", CHECKOUT), ("POST", TOPUPS)])
def test_somebody_who_is_not_logged_in(world: World, method: str, path: str, authorization: str, code: str) -> None:
    with nothing_changes():
        answer = world.send(method, path, TOPUP, Authorization=authorization.format(token=world.token))

    assert code_of(answer) == (401, code)
    assert answer.headers["WWW-Authenticate"] == "Token"


def test_somebody_who_was_switched_off(world: World) -> None:
    type(world.customer).objects.filter(pk=world.customer.pk).update(is_active=False)

    for path in (CHECKOUT, TOPUPS, CART):
        with nothing_changes():
            assert code_of(world.send("POST", path, TOPUP)) == (401, "authentication_failed")


@pytest.mark.parametrize("path", [CHECKOUT, TOPUPS])
@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9", "a\tb"])
def test_a_key_that_is_none(world: World, path: str, key: str) -> None:
    with nothing_changes():
        answer = world.send("POST", path, TOPUP, Idempotency_Key=key)

    assert code_of(answer) == (400, "idempotency_key_invalid")
    assert list(read(answer)["fields"]) == ["Idempotency-Key"]


@pytest.mark.invariant("INV-2")
def test_a_key_that_was_used_for_something_else(world: World) -> None:
    first = world.send("POST", TOPUPS, TOPUP)
    assert first.status_code == 202

    for path, body in ((TOPUPS, {**TOPUP, "amount_minor": 501}), (CHECKOUT, FAPSHI), (TOPUPS, {**TOPUP, "link": True})):
        with nothing_changes():
            answer = world.send("POST", path, body)
        assert code_of(answer) == (422, "idempotency_key_reused")
        assert list(read(answer)["fields"]) == ["Idempotency-Key"]


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize(("path", "body"), [(TOPUPS, TOPUP), (CHECKOUT, FAPSHI)])
def test_a_request_that_comes_again_is_answered_as_before(world: World, path: str, body: dict[str, object]) -> None:
    first = world.send("POST", path, body)

    unheard_of = {"unheard_of": 1} if path == CHECKOUT else {}

    with nothing_changes():
        again = world.send("POST", path, {**body, "phone": "+237 677 00 00 01", **unheard_of})

    assert (again.status_code, read(again)) == (202, read(first))
    assert again.headers["Location"] == first.headers["Location"] == f"/api/payments/{read(first)['payment']['id']}/"
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


@pytest.mark.parametrize("before", ["", "abc", "-1", "1.5", str(2**63), "9" * 5000, "٣", "1 OR 1=1"])
@pytest.mark.parametrize("path", ["/api/orders/", "/api/payments/", "/api/wallet/transactions/"])
def test_a_page_that_is_none(world: World, path: str, before: str) -> None:
    answer = world.send("GET", f"{path}?before={before}")

    assert code_of(answer) == (400, "invalid")
    assert list(read(answer)["fields"]) == ["before"]


@pytest.mark.parametrize("path", [*OWN, "/api/products/", "/api/payments/1/", "/webhooks/fapshi/", "/admin/", "/none"])
@pytest.mark.parametrize("query", ["before=%00", "a%00b=1", "x=1&status=SUCCESSFUL%00"])
def test_a_query_that_cannot_be_stored(world: World, path: str, query: str) -> None:
    with nothing_changes():
        answer = world.send("GET", f"{path}?{query}")

    assert code_of(answer) == (400, "bad_request")


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("REQUESTED", 409, "outcome_unknown"),
        ("SETTLED", 409, "already_ended"),
        ("FAILED", 409, "already_ended"),
        ("EXPIRED", 409, "already_ended"),
        ("REVIEW", 409, "already_ended"),
    ],
)
def test_a_payment_that_cannot_be_cancelled(world: World, state: str, status: int, code: str) -> None:
    payment = make_topup(user=world.customer, state=state)

    with nothing_changes():
        answer = world.send("POST", f"/api/payments/{payment.pk}/cancel/")

    assert code_of(answer) == (status, code)
    assert answer.headers.get("Retry-After") == ("5" if state == "REQUESTED" else None)


def test_a_host_that_is_not_ours(world: World) -> None:
    answer = world.client.get("/api/products/", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"


def test_too_many_logins_for_one_name(world: World) -> None:
    answers = [
        world.send("POST", "/api/auth/token/", {"username": "one", "password": "guess"}, Authorization="")
        for _ in range(31)
    ]

    assert [answer.status_code for answer in answers] == [401] * 30 + [429]
    assert code_of(answers[-1]) == (429, "throttled")
    assert int(answers[-1].headers["Retry-After"]) > 0
