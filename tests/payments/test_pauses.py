"""A worker that was paused between its claim and its call: others act for it by then, so it must send nothing."""

import pytest
from django.db import connection

from payments.charge import charge_payment
from tests.factories import fresh, make_payment
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.tricks import booked

pytestmark = pytest.mark.django_db

PAUSE = """
CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(%(seconds)s); RETURN NEW; END $$;
CREATE TRIGGER pause BEFORE INSERT ON payments_paymentattempt FOR EACH ROW EXECUTE FUNCTION pause();
"""


# What others do while the worker sleeps: its try is proved absent, and a second one begins.
TAKEN_OVER = """
CREATE FUNCTION take_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number = 1 THEN
        UPDATE payments_paymentattempt SET state = 'ABSENT' WHERE id = NEW.id;
        INSERT INTO payments_paymentattempt (payment_id, number, reference, gateway, state, transaction_id, link,
            instructions, collected_currency, started_at, request, response, problem)
        VALUES (NEW.payment_id, 2, gen_random_uuid(), NEW.gateway, 'STARTED', '', '', '', '', now(), '{}', '{}', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER take_over AFTER INSERT ON payments_paymentattempt FOR EACH ROW EXECUTE FUNCTION take_over();
"""


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize(("pause", "state", "calls"), [("1.2", "NOT_SENT", 0), ("0", "ACCEPTED", 1)])
def test_who_was_paused_after_the_claim_sends_nothing(
    gateway_sandbox: Sandbox, pause: str, state: str, calls: int
) -> None:
    """The call may take one second, counted from before the claim; the control run is not paused."""
    payment = make_payment()
    with connection.cursor() as cursor:
        cursor.execute(PAUSE.replace("%(seconds)s", pause))

    with switched_on(gateway_sandbox.url, FAPSHI_TOTAL_TIMEOUT_SECONDS="1"):
        charge_payment(payment.pk)

    attempt = payment.attempts.get()
    assert attempt.state == state
    assert len(booked(gateway_sandbox, payment)) == calls
    assert fresh(payment).state == ("PENDING" if calls else "QUEUED")


@pytest.mark.invariant("INV-2")
@pytest.mark.parametrize("attempts_made", [1, 3])
def test_who_wakes_when_a_second_try_is_under_way_leaves_the_payment_alone(
    silent_gateways: None, attempts_made: int
) -> None:
    """Its call is not sent; neither queueing the payment anew nor failing it is its business any more."""
    payment = make_payment(attempts_made=attempts_made - 1)
    with connection.cursor() as cursor:
        cursor.execute(TAKEN_OVER)

    charge_payment(payment.pk)

    assert list(payment.attempts.order_by("number").values_list("state", flat=True)) == ["ABSENT", "STARTED"]
    row = fresh(payment)
    assert (row.state, row.attempts_made) == ("REQUESTED", attempts_made)
    assert row.next_check_at is not None
