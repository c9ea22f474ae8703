"""The gateway's id of a try: learned once, and never taken from another try."""

import pytest

from payments.attempts import learn_transaction
from payments.models import PaymentAttempt
from tests.factories import fresh, make_pending

pytestmark = pytest.mark.django_db


def attempt_known_as(transaction_id: str) -> PaymentAttempt:
    _, attempt = make_pending(gateway="razorpay", currency="INR")
    PaymentAttempt.objects.filter(pk=attempt.pk).update(gateway="razorpay", transaction_id=transaction_id)
    return attempt


def test_it_is_learned_once() -> None:
    attempt = attempt_known_as("")

    learn_transaction(attempt.pk, "order_first")
    learn_transaction(attempt.pk, "order_second")

    assert fresh(attempt).transaction_id == "order_first"


def test_the_order_behind_a_link_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    attempt = attempt_known_as("plink_one")

    learn_transaction(attempt.pk, "order_behind_it")

    assert fresh(attempt).transaction_id == "plink_one"
    assert caplog.records == []


def test_an_id_that_another_try_has_stays_there_and_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    attempt_known_as("order_one")
    attempt = attempt_known_as("")

    learn_transaction(attempt.pk, "order_one")

    assert fresh(attempt).transaction_id == ""
    assert [record.levelname for record in caplog.records] == ["ERROR"]
