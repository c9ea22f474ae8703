"""What becomes of accepted charges tells of their operators; what the throttle does is a metric."""

import pytest
from prometheus_client import generate_latest

from payments.confirm import confirm_batch
from payments.metrics import QUEUE_REGISTRY
from payments.throttle.figures import CLOSED, OPEN, read_figures
from tests.factories import make_phone
from tests.payments.gateways.sandbox import Sandbox
from tests.payments.throttle.limits import limited
from tests.payments.tricks import charged, turned, wait_until_booked

pytestmark = pytest.mark.django_db


@pytest.mark.invariant("INV-9")
def test_an_operator_that_does_not_answer_is_found_by_what_became_of_its_charges(sandbox: Sandbox) -> None:
    with turned(sandbox, "fapshi", operator_down="mtn"), limited(PAYMENT_CIRCUIT_LEAST_CALLS=2):
        for operator in ("mtn", "orange", "mtn"):
            payment = charged(sandbox, phone=make_phone(operator))
            wait_until_booked(sandbox, payment, "failed" if operator == "mtn" else "collected")
        confirm_batch("fapshi")

    circuits = read_figures().circuits
    assert (circuits["fapshi", "mtn"], circuits["fapshi", "orange"], circuits["fapshi", ""]) == (OPEN, CLOSED, CLOSED)
    shown = generate_latest(QUEUE_REGISTRY).decode()
    assert 'choptym_circuit_open{gateway="fapshi",operator="mtn"} 1.0' in shown
    assert 'choptym_admitted_total{gateway="fapshi"} 3.0' in shown
    assert 'choptym_calls_in_flight{gateway="fapshi",side="charge"} 0.0' in shown


def test_a_customer_who_says_no_is_no_sign_of_illness(sandbox: Sandbox) -> None:
    with limited(PAYMENT_CIRCUIT_LEAST_CALLS=2):
        for _ in range(3):
            payment = charged(sandbox, knobs={"refusal_rate": 1})
            wait_until_booked(sandbox, payment, "failed")
        confirm_batch("fapshi")

    assert set(read_figures().circuits.values()) == {CLOSED}
