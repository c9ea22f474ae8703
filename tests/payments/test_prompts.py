"""What customers are to do now, read with their payments: who polls costs one statement."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from choptym.lib.snapshot import Snapshot
from payments.models import Payment, PaymentAttempt
from payments.progress import line
from payments.prompts import Prompt, prompts_of, read_payment
from payments.serializers import show_payment
from payments.states import AttemptState, PaymentState
from payments.stats import counts, flow
from tests.factories import make_payment, make_pending, make_user

pytestmark = pytest.mark.django_db


def prompted(user: User) -> Payment:
    payment, attempt = make_pending(user=user)
    PaymentAttempt.objects.filter(pk=attempt.pk).update(instructions="*126#", link="https://pay.example/1")
    return payment


def poll(payment: Payment) -> tuple[dict[str, Any], list[str]]:
    """The body, and the statements that it took."""
    token, _ = Token.objects.get_or_create(user=payment.user)
    with CaptureQueriesContext(connection) as asked:
        body = APIClient().get(f"/api/payments/{payment.pk}/", headers={"Authorization": f"Token {token.key}"}).json()
    return body, [query["sql"] for query in asked]


@pytest.fixture
def figures_at_hand() -> Iterator[None]:
    """Those that are read once a second for all who look."""
    figures: tuple[Snapshot[Any], ...] = (line, flow, counts)
    for one in figures:
        one.put(one.get())
    yield
    for one in figures:
        one.forget()


@pytest.mark.usefixtures("figures_at_hand")
@pytest.mark.parametrize("state", [PaymentState.QUEUED, PaymentState.PENDING])
def test_a_look_at_a_payment_takes_one_statement(state: PaymentState) -> None:
    user = make_user()
    payment = prompted(user) if state == PaymentState.PENDING else make_payment(user=user)

    body, statements = poll(payment)

    assert len(statements) == 1
    assert body["instructions"] == ("*126#" if state == PaymentState.PENDING else "")


def test_a_prompt_is_told_while_the_customer_is_asked_and_not_after() -> None:
    user = make_user()
    payment = prompted(user)
    asked = read_payment(payment.pk, user_id=user.pk)
    PaymentAttempt.objects.filter(payment=payment).update(state=AttemptState.NOT_PAID)

    assert asked == (payment, Prompt("*126#", "https://pay.example/1"))
    assert read_payment(payment.pk, user_id=user.pk) == (payment, Prompt())


@pytest.mark.invariant("INV-10")
def test_nobody_reads_the_payment_of_somebody_else() -> None:
    payment = prompted(make_user())

    assert read_payment(payment.pk, user_id=make_user().pk) is None


def test_the_prompts_of_many_are_one_query_and_those_of_who_waits_are_none() -> None:
    user = make_user()
    pending, queued = [prompted(user) for _ in range(3)], make_payment(user=user)

    with CaptureQueriesContext(connection) as asked:
        found = prompts_of([*pending, queued])
        assert prompts_of([queued]) == {}

    assert len(asked) == 1
    assert found == {payment.pk: Prompt("*126#", "https://pay.example/1") for payment in pending}


def test_read_with_its_payment_or_not_a_prompt_is_shown_alike() -> None:
    user = make_user()
    found = read_payment(prompted(user).pk, user_id=user.pk)
    assert found is not None
    payment, prompt = found

    told, alone = show_payment(payment, "en", prompt), show_payment(payment)

    assert {**told, "eta_seconds": 0} == {**alone, "eta_seconds": 0}
