"""The whole API, as its document describes it and as it does not: no fault of ours, and no answer it does not name.

Strangers, a customer, and staff of every role that opens a door, each over every operation.
"""

import json
from collections.abc import Iterator

import pytest

from tests.hostile.attack import LEFT_OUT, WAIVED, Attack, all_checks, attack
from tests.hostile.bystander import assert_untouched, make_bystander
from tests.hostile.scale import SCALE, times
from tests.live import Live, eventually

pytestmark = pytest.mark.timeout(1200)

# The fuzzing alone reaches every operation; the boundaries of every field come with the long form.
PHASES = ("fuzzing",) if SCALE <= 1 else ("examples", "coverage", "fuzzing", "stateful")
CALM = "UPDATE payments_queuecontrol SET mode = 'RUN', until = NULL, max_concurrent = NULL, rate_per_second = NULL"
# To the pages of payments by link; half an hour later they would have expired by themselves.
NOBODY_COMES = "UPDATE payments_payment SET expires_at = now() WHERE by_link AND state = 'PENDING'"


@pytest.fixture
def proved(besieged: Live) -> Iterator[Live]:
    """Afterwards all comes to rest, and our books agree with themselves and with the gateways'."""
    yield besieged
    besieged.change(CALM)
    besieged.change(NOBODY_COMES)
    eventually(lambda: _assert_at_rest(besieged), seconds=60)
    proof = besieged.stack.manage("prove_money", "--json", "--sandbox", besieged.stack.sandbox)
    result = json.loads(proof.stdout)
    assert (result["lost"], result["doubled"], result["breaks"]) == (0, 0, [])


def _assert_at_rest(live: Live) -> None:
    waiting = "SELECT id, state FROM payments_payment WHERE state IN ('QUEUED', 'REQUESTED', 'PENDING')"
    assert live.rows(waiting) == []


def _token(live: Live, role: str) -> str:
    """Of somebody with this role: "" is a customer, "nobody" has none."""
    if role == "nobody":
        return ""
    customer = live.customer()
    if role:
        live.change("UPDATE auth_user SET is_staff = true WHERE id = %s", customer.id)
        groups = "INSERT INTO auth_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = %s"
        assert live.change(groups, customer.id, role) == 1
    else:
        customer.wait(customer.pay())
    return customer.token


def _besiege(live: Live, role: str) -> Attack:
    payments = live.column("SELECT id FROM payments_payment ORDER BY id LIMIT 20")
    lines = live.column("SELECT id FROM orders_cartitem ORDER BY id LIMIT 20")
    token = _token(live, role)
    ids = {"payment_id": [*payments, max(payments, default=0) + 1], "line_id": [*lines, 1], "order_id": [1, 2]}
    return attack(live.stack.web, token, examples=times(4), phases=PHASES, ids=ids)


def _assert_withstood(found: Attack) -> None:
    assert found.failures == [], "\n\n".join(found.failures[:20])
    assert len(found.document) == len(set(found.document)) > 20
    assert set(found.answers) == set(found.document), "an operation was never tried"
    assert all(answers.total() >= times(2) for answers in found.answers.values()), found.answers
    wanted = all_checks() - set(LEFT_OUT) - set(found.checks)
    # Only the stateful and boundary phases give them something to look at.
    assert wanted <= {"missing_required_header", "ensure_resource_availability", "use_after_free"}, wanted


@pytest.mark.invariant("INV-10")
@pytest.mark.parametrize("role", ["nobody", ""], ids=["a stranger", "a customer"])
def test_whatever_customers_and_strangers_send_is_answered_as_the_document_says(proved: Live, role: str) -> None:
    bystander = make_bystander(proved)

    found = _besiege(proved, role)

    _assert_withstood(found)
    assert_untouched(proved, bystander)


@pytest.mark.parametrize("role", ["finance", "operators"])
def test_whatever_staff_send_is_answered_as_the_document_says(proved: Live, role: str) -> None:
    make_bystander(proved)

    found = _besiege(proved, role)

    _assert_withstood(found)
    doors = {"finance": "/refunds/", "operators": "/api/payment/queue/"}
    refused = [name for name, answers in found.answers.items() if doors[role] in name and 403 in answers]
    assert refused == [], "the role opens its doors"


def test_every_waiver_has_a_reason_and_an_operation(besieged: Live) -> None:
    found = attack(besieged.stack.web, "", examples=1, phases=(), ids={})

    assert {operation for operation, _ in WAIVED} <= set(found.document)
    assert all(reason for reason in (*LEFT_OUT.values(), *WAIVED.values()))
    assert set(LEFT_OUT) | {check for _, check in WAIVED} <= all_checks() | {"max_response_time"}
