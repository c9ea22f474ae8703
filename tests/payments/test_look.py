"""A look at a payment, the short way: it answers what the long way does, and nothing that this refuses."""

from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings
from django.utils.translation import activate
from rest_framework.authtoken.models import Token
from rest_framework.settings import api_settings

from payments.models import Payment
from payments.refund import refund_payment
from payments.refunds.write import Wish
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.brokers import without_redis
from tests.factories import make_attempt, make_payment, make_pending, make_topup, make_user, paid
from tests.payments.staff import make_staff

pytestmark = pytest.mark.django_db

# The long way has a query, of which nobody takes notice.
LONG = "?long"


def look(client: Client, payment: Payment, way: str = "", user: User | None = None, **headers: str) -> Any:
    token, _ = Token.objects.get_or_create(user=user or payment.user)
    headers = {"Authorization": f"Token {token.key}", **{name.replace("_", "-"): to for name, to in headers.items()}}
    return client.get(f"/api/payments/{payment.pk}/{way}", headers={name: to for name, to in headers.items() if to})


def is_short(response: object) -> bool:
    """The framework's own answers know what they were made of."""
    return not hasattr(response, "accepted_renderer")


def settled() -> Payment:
    payment, _ = make_pending()
    settle_batch([paid(payment)])
    return payment


def refunded() -> Payment:
    payment = settled()
    staff = make_staff("finance").pk
    refund_payment(payment.pk, Wish(reason="cold", asked_by_id=staff), actor_id=staff)
    return payment


def prompted() -> Payment:
    payment, attempt = make_pending()
    type(attempt).objects.filter(pk=attempt.pk).update(instructions="*126#", link="https://pay.example/1")
    return payment


def failed() -> Payment:
    payment = make_payment(state=PaymentState.FAILED, failure_code="declined")
    make_attempt(payment, AttemptState.NOT_PAID)
    return payment


@pytest.mark.parametrize("make", [make_payment, prompted, settled, refunded, failed, make_topup])
@pytest.mark.parametrize("language", ["", "fr", "fr-CM,fr;q=0.9,en;q=0.5", "sw"])
def test_both_ways_answer_alike(client: Client, make: Any, language: str) -> None:
    payment = make()
    for _ in range(3):  # the guess of the rest may have gone on by a second
        short, long = (look(client, payment, way, Accept_Language=language) for way in ("", LONG))
        if short.content == long.content:
            break

    assert (is_short(short), is_short(long)) == (True, False)
    assert (short.status_code, short.content) == (long.status_code, long.content)
    assert dict(short.headers) == dict(long.headers)
    assert short.resolver_match.route == long.resolver_match.route, "by which they are counted"


def switched_off() -> User:
    return make_user(is_active=False)


@pytest.mark.parametrize(("who", "status"), [(make_user, 404), (switched_off, 401)])
def test_of_others_and_to_those_who_are_switched_off_nothing_is_shown(client: Client, who: Any, status: int) -> None:
    user = who()
    payment = make_payment()
    if not user.is_active:
        Payment.objects.filter(pk=payment.pk).update(user=user)

    response = look(client, payment, user=user)

    assert (response.status_code, is_short(response)) == (status, False)
    assert payment.phone not in response.content.decode()


@pytest.mark.parametrize("token", ["", "Token", "Token nobodys", "Bearer {}", "Token {} {}", "token {}", "Token {}x"])
def test_an_odd_token_goes_the_long_way(client: Client, token: str) -> None:
    payment = make_payment()
    key = Token.objects.create(user=payment.user).key

    responses = [look(client, payment, way, Authorization=token.replace("{}", key)) for way in ("", LONG)]

    assert [is_short(response) for response in responses] == [False, False]
    assert responses[0].status_code == responses[1].status_code
    assert responses[0].content == responses[1].content or responses[0].status_code == 200


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), ("text/html", 406), ("text/html, */*", 200)])
def test_what_a_client_accepts(client: Client, accept: str, status: int) -> None:
    assert look(client, make_payment(), Accept=accept).status_code == status


def test_who_accepts_nothing_is_told_so_on_both_ways(client: Client) -> None:
    payment = make_payment()
    token, _ = Token.objects.get_or_create(user=payment.user)
    headers = {"Authorization": f"Token {token.key}", "Accept": ""}

    statuses = [client.get(f"/api/payments/{payment.pk}/{way}", headers=headers).status_code for way in ("", LONG)]

    assert statuses == [406, 406]


def test_looks_are_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {**api_settings.DEFAULT_THROTTLE_RATES, "read": "0/hour"}
    monkeypatch.setattr(api_settings, "DEFAULT_THROTTLE_RATES", rates)

    response = look(client, make_payment())

    assert (response.status_code, is_short(response)) == (429, False)
    assert int(response.headers["Retry-After"]) > 0


def test_without_redis_customers_still_see_where_their_payment_stands(client: Client) -> None:
    with without_redis():
        assert look(client, make_payment()).status_code == 200


def test_while_the_database_does_not_answer_the_customer_is_told_to_come_back(client: Client) -> None:
    with psycopg.connect(**connection.get_connection_params()) as other, connection.cursor() as cursor:
        other.execute("LOCK TABLE authtoken_token")
        cursor.execute("SET LOCAL lock_timeout = '100ms'")
        response = client.get("/api/payments/1/", headers={"Authorization": f"Token {'a' * 40}"})

    assert is_short(response)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["Retry-After"] == "2"


@override_settings(ALLOWED_HOSTS=["shop.example"])
def test_another_host_is_refused(client: Client) -> None:
    activate("fr")  # as whoever was served by this thread before

    response = look(client, make_payment(), Accept_Language="en")

    assert (response.status_code, response.headers["Content-Language"]) == (400, "en")
    assert response.json()["message"] == look(client, make_payment(), LONG, Accept_Language="en").json()["message"]
