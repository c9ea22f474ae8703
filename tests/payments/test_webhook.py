"""The webhook door: many events by one statement, and the short way to it."""

import json
from collections.abc import Sequence
from typing import cast

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.utils.translation import activate, get_language
from psycopg_pool import PoolTimeout

from payments.models import WebhookEvent
from payments.webhook import Row, _insert, _stored
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import CREDENTIALS

pytestmark = pytest.mark.django_db


def row(key: str, gateway: str = "fapshi") -> Row:
    return {
        "gateway": gateway,
        "key": key,
        "transaction_id": f"transaction {key}",
        "reference": "reference",
        "word": "SUCCESSFUL",
        "payload": {"is": "told"},
        "facts": {},
    }


def stored() -> Sequence[tuple[str, str, str]]:
    return list(WebhookEvent.objects.order_by("pk").values_list("gateway", "key", "state"))


def test_several_are_stored_by_one_statement() -> None:
    assert _insert([row("b"), row("a"), row("a", "campay")]) == {"fapshi", "campay"}

    assert stored() == [("campay", "a", "NEW"), ("fapshi", "a", "NEW"), ("fapshi", "b", "NEW")]
    event = WebhookEvent.objects.get(key="b")
    assert (event.transaction_id, event.reference, event.word) == ("transaction b", "reference", "SUCCESSFUL")
    assert (event.payload, event.facts, event.looks) == ({"is": "told"}, {}, 0)
    assert event.next_look_at is not None


def test_only_a_gateway_with_something_new_is_rung_for() -> None:
    _insert([row("a"), row("a", "campay")])

    assert _insert([row("a"), row("b", "campay"), row("b", "campay")]) == {"campay"}
    assert len(stored()) == 3


def test_one_that_the_database_refuses_does_not_stop_the_next() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        _stored.call(row("x" * 201))

    _stored.call(row("good"))
    assert [key for _, key, _ in stored()] == ["good"]


def _post(path: str, **headers: str) -> HttpResponse:
    body = {"transId": "abCD123456", "status": "SUCCESSFUL", "amount": 2500}
    headers = {"x-wh-secret": CREDENTIALS["FAPSHI_WEBHOOK_SECRET"], **headers}
    with switched_on():
        answer = Client(raise_request_exception=False).post(
            path, json.dumps(body), content_type="application/json", headers=headers
        )
    return cast("HttpResponse", answer)


def test_the_way_to_the_door_is_short() -> None:
    answer = _post("/webhooks/fapshi/", accept_language="fr", cookie="sessionid=somebody")

    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == "0"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    # What the middlewares add that are left out.
    assert {"Vary", "Content-Language", "X-Frame-Options"} & set(answer.headers) == set()


@pytest.mark.parametrize("path", ["/webhooks/fapshi", "/webhooks/", "/webhooks/a/b/", "/api/webhooks/fapshi/"])
def test_what_is_not_the_door_goes_the_long_way(path: str) -> None:
    answer = _post(path)

    assert answer.status_code in {301, 404}
    assert "Content-Language" in answer.headers
    assert stored() == []


def test_who_asks_for_another_host_is_refused() -> None:
    activate("fr")  # as whoever was served by this thread before

    answer = _post("/webhooks/fapshi/", host="elsewhere.example")

    assert (answer.status_code, get_language()) == (400, "en")
    assert stored() == []


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, PoolTimeout])
def test_while_the_database_is_away_the_gateway_is_asked_to_come_again(error: type[Exception]) -> None:
    def fail(_execute: object, sql: str, *_: object) -> None:
        if "webhookevent" in sql:
            raise error

    with connection.execute_wrapper(fail):
        answer = _post("/webhooks/fapshi/")

    assert (answer.status_code, json.loads(answer.content)["code"]) == (503, "unavailable")


def test_what_is_malformed_is_refused_on_the_short_way_too() -> None:
    answer = _post("/webhooks/fapshi/?a=%00")

    assert (answer.status_code, json.loads(answer.content)["code"]) == (400, "bad_request")


def test_the_words_are_not_in_the_language_of_whom_the_thread_served_before() -> None:
    activate("fr")

    answer = _post("/webhooks/fapshi/", **{"x-wh-secret": "wrong"}, accept_language="fr")

    assert answer.status_code == 401
    assert get_language() == "en"
