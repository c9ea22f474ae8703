"""What a gateway accepted is written down while somebody else holds the payment: what they wrote by then counts."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from choptym.lib import clock
from choptym.lib.errors import Exchange
from payments import charge as charging
from payments.accept import accept
from payments.attempts import record_attempt
from payments.gateways.base import Accepted
from payments.locks import Charge, claim_charge, lock_payments
from payments.models import Payment
from payments.settle import settle_batch
from payments.states import AttemptState, PaymentState
from tests.factories import fresh, make_payment, paid
from tests.gateways import switched_on
from tests.live import eventually
from tests.races.track import at_once

ACCEPTED = Accepted(
    transaction_id="", link="new", exchange=Exchange(request={}, response={}, http_status=200, latency_ms=5)
)
POLL_SECONDS = 60.0
WAITS_FOR_ME = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def claimed() -> tuple[Payment, Charge]:
    payment = make_payment()
    charge = claim_charge(payment.pk, payment.gateway)
    assert charge is not None
    return payment, charge


def while_held(payment: Payment, write: Callable[[], object], act: Callable[[], object]) -> object:
    """What `act` comes to, which waits for the payment until whoever holds it has written and committed."""

    def hold() -> None:
        with transaction.atomic():
            lock_payments([payment.pk])
            eventually(_assert_somebody_waits, seconds=10)
            write()

    def come_later() -> object:
        time.sleep(0.1)
        return act()

    held, result = at_once(hold, come_later)
    assert held is None
    return result


def _assert_somebody_waits() -> None:
    with connection.cursor() as cursor:
        cursor.execute(WAITS_FOR_ME)
        assert cursor.fetchall()[0][0] == 1


def accepting(charge: Charge) -> Callable[[], object]:
    return partial(accept, charge, ACCEPTED, poll_seconds=POLL_SECONDS)


@pytest.mark.invariant("INV-2")
def test_a_check_that_was_brought_forward_meanwhile_stays_where_it_is() -> None:
    """A webhook came while the answer was written down: the gateway is to be asked now, not in a minute."""
    payment, charge = claimed()
    soon = clock.now() + timedelta(seconds=1)

    bring_forward = partial(Payment.objects.filter(pk=payment.pk).update, next_check_at=soon)
    assert while_held(payment, bring_forward, accepting(charge)) is True

    after = fresh(payment)
    assert (after.state, after.next_check_at, payment.attempts.get().state) == ("PENDING", soon, "ACCEPTED")


@pytest.mark.invariant("INV-1")
def test_a_try_that_was_taken_for_unpaid_meanwhile_is_not_taken_up_again() -> None:
    payment, charge = claimed()

    end = partial(record_attempt, charge.attempt_id, AttemptState.NOT_PAID, None)
    assert while_held(payment, end, accepting(charge)) is False

    assert (fresh(payment).state, payment.attempts.get().state) == ("REQUESTED", "NOT_PAID")


@pytest.mark.invariant("INV-1")
def test_a_payment_that_moved_on_meanwhile_stays_there_and_so_does_its_try() -> None:
    payment, charge = claimed()

    end = {"state": PaymentState.REVIEW, "finished_at": clock.now(), "next_check_at": None}
    give_up = partial(Payment.objects.filter(pk=payment.pk).update, **end)
    assert while_held(payment, give_up, accepting(charge)) is False

    assert (fresh(payment).state, payment.attempts.get().state) == ("REVIEW", "STARTED")


@pytest.mark.invariant("INV-1")
@pytest.mark.parametrize("number", range(4))
def test_money_that_is_booked_while_the_answer_is_written_down_stays_booked(number: int) -> None:
    """Both write to the payment and its try at once; whoever is first, it is settled, and the answer is kept."""
    payment, charge = claimed()
    fact = paid(payment)

    with switched_on():
        settled, recorded = at_once(partial(settle_batch, [fact]), partial(charging._record_accepted, charge, ACCEPTED))

    assert not isinstance(settled, Exception)
    assert recorded is None
    attempt = payment.attempts.get()
    assert (fresh(payment).state, attempt.state, attempt.link) == ("SETTLED", "PAID", "new")
