"""A database that takes no writes: it is away for a while, and nothing is wrong with what was asked of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.test import Client
from rest_framework.authtoken.models import Token

from payments.models import DeadLetter
from payments.settle import settle_batch
from tests.factories import fresh, make_pending, make_user, paid


@contextmanager
def read_only() -> Iterator[None]:
    """The test's transaction takes no writes while the block runs."""
    before = transaction.savepoint()
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    try:
        yield
    finally:
        transaction.savepoint_rollback(before)


@pytest.mark.django_db
def test_a_write_says_that_the_database_is_away() -> None:
    with read_only(), pytest.raises(OperationalError, match="read-only"), transaction.atomic():
        connection.cursor().execute("DELETE FROM payments_payment")


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["25P03", "25P04"])
def test_so_does_a_session_that_was_ended_because_it_stood_still(code: str) -> None:
    """How a process hears of it that was frozen in earnest: tests/races/test_frozen.py."""
    with pytest.raises(OperationalError, match="ended"), transaction.atomic():
        connection.cursor().execute(f"DO $$BEGIN RAISE EXCEPTION 'ended' USING ERRCODE = '{code}'; END$$")


@pytest.mark.django_db
def test_a_good_payment_is_not_set_aside() -> None:
    payment, attempt = make_pending()

    with read_only(), pytest.raises(OperationalError):
        settle_batch([paid(payment, attempt_id=attempt.pk)])
    assert not DeadLetter.objects.exists()
    settle_batch([paid(payment, attempt_id=attempt.pk)])

    assert fresh(payment).state == "SETTLED"


@pytest.mark.django_db
def test_a_customer_is_asked_to_come_again(client: Client, silent_gateways: None) -> None:
    user: User = make_user()
    token = Token.objects.create(user=user)

    with read_only():
        answer = client.post(
            "/api/wallet/topups/",
            {"method": "fapshi", "phone": "677000001", "amount_minor": 500, "currency": "XAF"},
            "application/json",
            headers={"Authorization": f"Token {token.key}", "Idempotency-Key": "read-only"},
        )

    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.json()["code"] == "unavailable"
    assert answer.headers["Retry-After"] == "2"
