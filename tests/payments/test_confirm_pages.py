"""A payment page whose address was in an answer that got lost: where the gateway shows it again, its payer gets it."""

from collections.abc import Iterator

import pytest

from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.models import Payment, PaymentAttempt
from payments.serializers import show_payment
from tests.factories import fresh
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.signed import INDIANS, india_on, make_indian
from tests.payments.tricks import due, turn

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("gateway", INDIANS)]


@pytest.fixture
def india(gateway_sandbox: Sandbox) -> Iterator[Sandbox]:
    with india_on(gateway_sandbox.url):
        yield gateway_sandbox


def asked(sandbox: Sandbox, gateway: str, **knobs: object) -> Payment:
    payment = make_indian(gateway, by_link=True)
    turn(sandbox, payment, **knobs)
    charge_payment(payment.pk)
    due(payment)
    return fresh(payment)


def test_the_page_of_a_lost_answer_is_shown(india: Sandbox, gateway: str) -> None:
    payment = asked(india, gateway, error_after_capture_rate=1, never_approve_rate=1)
    assert (payment.state, payment.attempts.get().link) == ("REQUESTED", "")

    confirm_batch(gateway)

    page = payment.attempts.get().link
    assert page.startswith(india.url)
    assert (fresh(payment).state, show_payment(fresh(payment))["link"]) == ("PENDING", page)


def test_a_page_that_is_known_stays(india: Sandbox, gateway: str) -> None:
    payment = asked(india, gateway)
    PaymentAttempt.objects.filter(payment=payment).update(link="https://gateway.example/first")

    confirm_batch(gateway)

    assert (fresh(payment).state, payment.attempts.get().link) == ("PENDING", "https://gateway.example/first")
