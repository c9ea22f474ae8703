"""What a gateway's door does with what is not from a gateway, or not new: stored once, or refused."""

import json

import jwt
import pytest
from django.http import HttpResponse

from payments.models import WebhookEvent
from tests.api.world import World, nothing_changes
from tests.factories import fresh, make_attempt, make_payment
from tests.payments.gateways.sandbox import CREDENTIALS

FAPSHI, CAMPAY = "/webhooks/fapshi/", "/webhooks/campay/"
SECRET = CREDENTIALS["FAPSHI_WEBHOOK_SECRET"]
TRANSACTION = "3f1f9b1e-8d0c-4f6c-a5ab-2f1c6d7a4b11"
PAID = {"transId": "abCD123456", "status": "SUCCESSFUL", "amount": 2500, "externalId": "nobody's"}


def fapshi(world: World, body: object = PAID, *, secret: str = SECRET, raw: bytes | None = None) -> HttpResponse:
    return world.send("POST", FAPSHI, body, raw=raw, x_wh_secret=secret, Authorization="")


def signed(**fields: object) -> dict[str, object]:
    key = CREDENTIALS["CAMPAY_WEBHOOK_KEY"].encode().ljust(32, b"\0")
    token = jwt.encode({"source": "CamPay"}, key, algorithm="HS256")
    return {"reference": TRANSACTION, "status": "SUCCESSFUL", "amount": "2500", "signature": token, **fields}


def code_of(answer: HttpResponse) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.content)["code"]


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x", SECRET[:-1], SECRET.upper(), "é"])
def test_a_secret_that_is_not_ours(world: World, secret: str) -> None:
    with nothing_changes():
        answer = fapshi(world, secret=secret)

    assert code_of(answer) == (401, "bad_signature")


@pytest.mark.parametrize("signature", [None, "", "x", "a.b.c", 7, "ey" * 3000])
def test_a_signature_that_is_none(world: World, signature: object) -> None:
    with nothing_changes():
        answer = world.send("POST", CAMPAY, signed(signature=signature))

    assert code_of(answer) == (401, "bad_signature")


def test_a_signature_by_another_key_or_by_none(world: World) -> None:
    forged = jwt.encode({"source": "CamPay"}, "k" * 32, algorithm="HS256")
    unsigned = jwt.encode({"source": "CamPay"}, None, algorithm="none")

    for token in (forged, unsigned):
        with nothing_changes():
            assert code_of(world.send("POST", CAMPAY, signed(signature=token))) == (401, "bad_signature")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b"\xff",
        b"[{},{}]",
        b'{"transId": null}',
        b'{"transId": ""}',
        b'{"transId": "../../etc"}',
        b'{"transId": "a", "transId": "b"}',
        b'{"transId": NaN}',
        b'{"transId": {"a": 1}}',
        b'{"a":' * 20000 + b"1" + b"}" * 20000,
    ],
    ids=lambda raw: raw[:16],
)
def test_nonsense(world: World, raw: bytes) -> None:
    with nothing_changes():
        answer = fapshi(world, raw=raw)

    assert answer.status_code in {400, 413}
    assert (answer.status_code == 413) == (len(raw) > 64 * 1024)


@pytest.mark.parametrize(
    "fields", [{"reference": None}, {"reference": "not-a-uuid"}, {"reference": {"a": 1}}, {"extra": [1]}]
)
def test_nonsense_with_a_good_signature(world: World, fields: dict[str, object]) -> None:
    with nothing_changes():
        answer = world.send("POST", CAMPAY, signed(**fields))

    assert answer.status_code == 400


def test_more_than_a_webhook_can_be(world: World) -> None:
    with nothing_changes():
        assert code_of(fapshi(world, raw=b"x" * (64 * 1024 + 1))) == (413, "too_large")
        assert code_of(world.send("GET", f"{CAMPAY}?a={'x' * 65_536}")) == (413, "too_large")


@pytest.mark.parametrize("length", ["²", "9" * 5000, "-1", "1e3", "٣"])
def test_a_length_that_is_no_number(world: World, length: str) -> None:
    with nothing_changes():
        answer = world.client.post(FAPSHI, b"{}", "application/json", CONTENT_LENGTH=length)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_query_of_more_fields_than_anybody_reads(world: World) -> None:
    with nothing_changes():
        answer = world.send("GET", f"{CAMPAY}?{'a=1&' * 2000}")

    assert code_of(answer) == (400, "rejected")


@pytest.mark.parametrize("gateway", ["stripe", "paypal", "wallet", "FAPSHI", "x" * 200])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_gateway_that_is_not_there(world: World, method: str, gateway: str) -> None:
    with nothing_changes():
        answer = world.send(method, f"/webhooks/{gateway}/", PAID, x_wh_secret=SECRET)

    assert code_of(answer) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD"])
def test_a_method_that_no_gateway_uses(world: World, method: str) -> None:
    with nothing_changes():
        assert world.send(method, FAPSHI, PAID, x_wh_secret=SECRET).status_code == 405


def test_a_gateway_that_posts_does_not_get(world: World) -> None:
    with nothing_changes():
        answer = world.send("GET", f"{FAPSHI}?transId=abCD123456", x_wh_secret=SECRET)

    assert code_of(answer) == (400, "rejected")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_campay_gets_and_posts(world: World, method: str) -> None:
    fields = signed()
    query = "&".join(f"{name}={value}" for name, value in fields.items())

    answer = world.send(method, CAMPAY if method == "POST" else f"{CAMPAY}?{query}", fields)

    assert (answer.status_code, answer.content) == (200, b"")
    event = WebhookEvent.objects.get()
    assert (event.gateway, event.transaction_id, event.word, event.state) == (
        "campay",
        TRANSACTION,
        "SUCCESSFUL",
        "NEW",
    )


def test_an_event_for_a_payment_that_we_do_not_know_is_kept(world: World) -> None:
    answer = fapshi(world)

    assert (answer.status_code, answer.content) == (200, b"")
    event = WebhookEvent.objects.get()
    assert (event.gateway, event.transaction_id, event.reference) == ("fapshi", "abCD123456", "nobody's")
    assert event.next_look_at is not None


@pytest.mark.invariant("INV-2")
def test_an_event_that_comes_again_is_kept_once(world: World) -> None:
    fapshi(world)

    with nothing_changes():
        answers = [fapshi(world) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_another_fact_about_the_same_payment_is_kept_too(world: World) -> None:
    for word in ("PENDING", "SUCCESSFUL", "FAILED"):
        assert fapshi(world, {**PAID, "status": word}).status_code == 200

    assert WebhookEvent.objects.count() == 3


@pytest.mark.invariant("INV-2")
def test_what_a_webhook_says_settles_nothing_by_itself(world: World) -> None:
    payment = make_payment(state="PENDING")  # type: ignore[arg-type]
    attempt = make_attempt(payment)

    fapshi(world, {**PAID, "transId": attempt.transaction_id, "externalId": str(attempt.reference)})

    assert fresh(payment).state == "PENDING"


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "☃" * 40_000, "a" * 5000])
def test_odd_text_is_kept_or_refused_but_never_breaks_anything(world: World, odd: str) -> None:
    answer = fapshi(world, {**PAID, "externalId": odd, "status": odd, "payerName": odd})

    assert answer.status_code in {200, 413}
    assert (answer.status_code == 413) == (len(json.dumps(odd)) > 21_000)


def test_the_secret_is_not_kept(world: World) -> None:
    world.send("POST", CAMPAY, signed())

    assert "ey" not in json.dumps(WebhookEvent.objects.get().payload)
