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
