"""What the gateway accepted, written down by one statement, or not at all."""

import pytest

from choptym.lib.errors import Exchange
from payments import charge as charging
from payments.accept import accept
from payments.gateways.base import Accepted
from payments.locks import Charge, claim_charge
from payments.models import Payment
from payments.states import AttemptState
from tests.factories import fresh, make_attempt, make_payment
from tests.gateways import switched_on

pytestmark = pytest.mark.django_db

EXCHANGE = Exchange(request={}, response={}, http_status=200, latency_ms=5)


def claimed() -> tuple[Payment, Charge]:
    payment = make_payment()
    charge = claim_charge(payment.pk, payment.gateway)
    assert charge is not None
    return payment, charge


def test_try_and_payment_move_together() -> None:
    payment, charge = claimed()

    assert accept(charge, Accepted(transaction_id="new", exchange=EXCHANGE), poll_seconds=5)

    attempt = payment.attempts.get()
    assert (fresh(payment).state, attempt.state, attempt.transaction_id) == ("PENDING", "ACCEPTED", "new")


def test_an_id_that_another_try_has_changes_nothing_by_itself() -> None:
    make_attempt(make_payment(), AttemptState.ACCEPTED, transaction_id="taken")
    payment, charge = claimed()

    assert not accept(charge, Accepted(transaction_id="taken", exchange=EXCHANGE), poll_seconds=5)

    attempt = payment.attempts.get()
    assert (fresh(payment).state, attempt.state, attempt.transaction_id) == ("REQUESTED", "STARTED", "")


@pytest.mark.invariant("INV-2")
def test_a_charge_whose_id_another_try_has_is_asked_about_by_its_reference() -> None:
    """The id stays with whose it is; money that comes for either is found by what we called it."""
    other = make_attempt(make_payment(), AttemptState.ACCEPTED, transaction_id="taken")
    payment, charge = claimed()

    with switched_on():
        charging._record_accepted(charge, Accepted(transaction_id="taken", exchange=EXCHANGE))

    attempt = payment.attempts.get()
    assert (fresh(payment).state, attempt.state, attempt.transaction_id) == ("PENDING", "ACCEPTED", "")
    assert fresh(payment).next_check_at is not None
    assert fresh(other).transaction_id == "taken"


@pytest.mark.parametrize("state", [AttemptState.PAID, AttemptState.NOT_PAID])
def test_a_try_that_moved_on_stays_where_it_is(state: AttemptState) -> None:
    payment, charge = claimed()
    payment.attempts.update(state=state)

    assert not accept(charge, Accepted(transaction_id="new", exchange=EXCHANGE), poll_seconds=5)

    assert (fresh(payment).state, payment.attempts.get().state) == ("REQUESTED", state)
