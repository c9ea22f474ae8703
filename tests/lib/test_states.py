"""Moves: one guarded UPDATE, and a drawing of the table."""

import pytest

from choptym.lib.states import Moves, diagram, move, sources_of
from notifications.models import NOTIFICATION_MOVES
from orders.states import ITEM_MOVES, ORDER_MOVES
from payments.states import ATTEMPT_MOVES, EVENT_MOVES, PAYMENT_MOVES, WAITING_STATES, PaymentState
from tests.factories import fresh, make_payment


@pytest.mark.django_db
@pytest.mark.parametrize("before", WAITING_STATES)
@pytest.mark.parametrize("after", WAITING_STATES)
def test_only_the_moves_of_the_table_happen(before: PaymentState, after: PaymentState) -> None:
    payment = make_payment(state=before)

    moved = move(payment, after, PAYMENT_MOVES, attempts_made=9)

    assert moved is (after in PAYMENT_MOVES[before])
    assert (payment.state, payment.attempts_made == 9) == ((after, True) if moved else (before, False))
    assert fresh(payment).state == payment.state


@pytest.mark.django_db
@pytest.mark.invariant("INV-2")
def test_the_stored_state_decides_and_not_the_one_in_memory() -> None:
    payment = make_payment()
    stale = fresh(payment)
    assert move(payment, PaymentState.REQUESTED, PAYMENT_MOVES)

    assert move(stale, PaymentState.CANCELLED, PAYMENT_MOVES, finished_at=payment.queued_at) is False

    assert (stale.state, fresh(payment).state) == ("QUEUED", "REQUESTED")


def test_names_where_a_state_may_be_reached_from() -> None:
    assert sources_of("b", {"a": {"b"}, "b": set(), "c": {"a", "b"}}) == ["a", "c"]
    assert sources_of("nowhere", {"a": {"b"}}) == []


def test_draws_the_table() -> None:
    assert diagram({"A": {"C", "B"}, "B": set(), "C": {"B"}}).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> A",
        "    A --> B",
        "    A --> C",
        "    B --> [*]",
        "    C --> B",
    ]


@pytest.mark.parametrize(
    "moves", [PAYMENT_MOVES, ATTEMPT_MOVES, EVENT_MOVES, ORDER_MOVES, ITEM_MOVES, NOTIFICATION_MOVES]
)
def test_every_table_is_closed_and_reaches_an_end(moves: Moves) -> None:
    assert {target for targets in moves.values() for target in targets} <= set(moves)
    ends = {state for state, targets in moves.items() if not targets}
    assert ends
    reaching = set(ends)
    while grown := {state for state, targets in moves.items() if targets & reaching} - reaching:
        reaching |= grown
    assert reaching == set(moves)


@pytest.mark.invariant("INV-2")
def test_money_that_is_booked_stays_booked() -> None:
    assert PAYMENT_MOVES["SETTLED"] == set()
    # A person who reads on the gateway's own pages that nothing came takes it back, before it was booked (review.py).
    assert ATTEMPT_MOVES["PAID"] == {"DISPROVED"}
    assert ORDER_MOVES["PAID"] == set()


@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("state", [state for state in PaymentState if state != PaymentState.SETTLED])
def test_money_that_arrives_can_be_booked_in_every_state(state: PaymentState) -> None:
    assert PaymentState.SETTLED in PAYMENT_MOVES[state]
