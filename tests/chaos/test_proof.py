"""The proof sees what it is there to see: each break is made on purpose, and named."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from choptym.local.errors import StackError
from tests.chaos.faults import FAULTS
from tests.chaos.load import Tally
from tests.chaos.patience import eventually
from tests.chaos.proof import prove, unpaid_since
from tests.chaos.run import run_fault
from tests.chaos.test_faults import silent
from tests.chaos.weather import weather
from tests.chaos.world import World, turned

SETTLED_AT_FAPSHI = """
    SELECT payment.id FROM payments_payment payment JOIN payments_paymentattempt attempt ON payment_id = payment.id
    WHERE payment.state = 'SETTLED' AND attempt.gateway = 'fapshi' AND attempt.state = 'PAID' AND NOT by_link
    ORDER BY payment.id DESC LIMIT 1
"""


@pytest.fixture
def settled(world: World) -> int:
    """A payment that was settled, with money that the sandbox's Fapshi took."""
    if not world.rows(SETTLED_AT_FAPSHI):
        run_fault(world, FAULTS["calm"], payments=20, per_second=10, show=silent)
    return world.number(SETTLED_AT_FAPSHI)


@contextmanager
def changed(world: World, do: str, undo: str, payment: int) -> Iterator[None]:
    """The tables say something else while the block runs; no trigger of ours is in the way."""
    world.change("SET session_replication_role = replica", do.format(payment))
    try:
        yield
    finally:
        world.change(undo.format(payment), "SET session_replication_role = DEFAULT")


BREAKS = {
    "money that no book of ours holds": (
        "UPDATE payments_payment SET state = 'FAILED', settled_at = NULL WHERE id = {}",
        "UPDATE payments_payment SET state = 'SETTLED', settled_at = now() WHERE id = {}",
    ),
    "a customer whom nobody told": (
        "UPDATE notifications_notification SET kind = 'nothing' WHERE about = 'payment:{}' AND kind <> 'nothing'",
        """UPDATE notifications_notification SET kind = (
               SELECT CASE WHEN order_id IS NULL THEN 'wallet_topped_up' ELSE 'payment_settled' END
               FROM payments_payment WHERE id = {0})
           WHERE about = 'payment:{0}' AND kind = 'nothing'""",
    ),
    "a message that never arrived": (
        "UPDATE notifications_notification SET address = '670000000' WHERE about = 'payment:{}' AND channel = 'sms'",
        """UPDATE notifications_notification SET address = (SELECT phone FROM payments_payment WHERE id = {0})
           WHERE about = 'payment:{0}' AND channel = 'sms'""",
    ),
    "a customer who paid twice": (
        "UPDATE payments_paymentattempt SET state = 'SURPLUS' WHERE payment_id = {} AND state = 'PAID'",
        "UPDATE payments_paymentattempt SET state = 'PAID' WHERE payment_id = {} AND state = 'SURPLUS'",
    ),
    "a payment that does not end": (
        """UPDATE payments_payment SET state = 'PENDING', settled_at = NULL, finished_at = NULL,
               next_check_at = now() + interval '1 hour', expires_at = now() + interval '1 hour' WHERE id = {}""",
        """UPDATE payments_payment SET state = 'SETTLED', settled_at = now(), finished_at = now(), next_check_at = NULL
           WHERE id = {}""",
    ),
}

# Of these the sandbox has the money, and no book of ours.
MONEY = {"money that no book of ours holds", "a payment that does not end"}
TWICE = {"a customer who paid twice"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BREAKS)
def test_a_break_in_the_tables_is_named(world: World, settled: int, name: str) -> None:
    do, undo = BREAKS[name]

    with changed(world, do, undo, settled):
        broken = prove(world, _promised(world, settled), after=settled - 1)

    assert broken.breaks != []
    assert (broken.lost, broken.doubled) == (int(name in MONEY), int(name in TWICE))


@pytest.mark.timeout(300)
def test_what_is_whole_is_left_alone(world: World, settled: int) -> None:
    whole = prove(world, _promised(world, settled), after=settled - 1)

    assert (whole.breaks, whole.lost, whole.doubled) == ([], 0, 0)


def test_a_promise_that_was_not_kept_is_lost(world: World, settled: int) -> None:
    tally = _promised(world, settled)
    tally.promised["another key"] = 10**9

    assert prove(world, tally, after=settled - 1).lost == 1


def test_a_payment_that_nobody_asked_for_is_doubled(world: World, settled: int) -> None:
    tally = _promised(world, settled)
    tally.promised.popitem()

    assert prove(world, tally, after=settled - 1).doubled == 1


def test_a_refund_that_was_promised_and_is_not_there_is_lost(world: World, settled: int) -> None:
    tally = _promised(world, settled)
    tally.refunds[settled] = 10**9

    refused = prove(world, tally, after=settled - 1)

    assert refused.lost == 1
    assert refused.breaks == [f"refund {10**9} of payment {settled} is not there"]


def test_after_the_recovery_people_pay_or_it_is_said(world: World, settled: int) -> None:
    """At least one at each gateway that was used. Who came later is chance, so one gateway is looked at."""
    last = world.number("SELECT max(id) FROM payments_payment")
    assert unpaid_since(world, last) == ["nobody came to pay after the recovery"]

    gateway = world.rows("SELECT gateway FROM payments_payment WHERE id = %s", settled)[0][0]
    nothing = f"nothing was paid by {gateway} after the recovery"
    since = f"gateway = '{gateway}' AND id >= {settled}"
    do = f"UPDATE payments_payment SET state = 'EXPIRED', settled_at = NULL WHERE state = 'SETTLED' AND {since}"  # noqa: S608
    undo = f"UPDATE payments_payment SET state = 'SETTLED', settled_at = now() WHERE state = 'EXPIRED' AND {since}"  # noqa: S608
    assert nothing not in unpaid_since(world, settled - 1)
    with changed(world, do, undo, settled):
        assert nothing in unpaid_since(world, settled - 1)


def test_gateways_that_do_not_lie_are_noticed(world: World) -> None:
    world.check_weather()
    with turned(world, ["campay"], webhook_lost_rate=0.0), pytest.raises(StackError, match="campay"):
        world.check_weather()


def test_money_that_was_taken_twice_is_doubled(world: World, settled: int) -> None:
    [(reference, phone, amount)] = world.rows(
        """
        SELECT attempt.reference::text, payment.phone, payment.amount_minor FROM payments_payment payment
        JOIN payments_paymentattempt attempt ON payment_id = payment.id AND attempt.state = 'PAID' WHERE payment.id = %s
        """,
        settled,
    )
    fine = dict.fromkeys(("refusal_rate", "error_rate", "error_after_capture_rate", "timeout_after_capture_rate"), 0)
    world.control("PATCH", "fapshi", {"phones": {phone: {"knobs": fine, "times": None}}})
    requests.post(
        f"{world.stack.sandbox}/fapshi/direct-pay",
        json={"amount": amount, "phone": phone, "externalId": reference},
        headers={"apiuser": "sandbox-user", "apikey": "FAK_TEST_sandbox"},
        timeout=30,
    ).raise_for_status()
    entries = f"fapshi/books?reference={reference}&state=collected"
    assert eventually(lambda: len(world.control("GET", entries)["entries"]) == 2, 30)

    verdict = prove(world, _promised(world, settled), after=settled - 1)

    assert verdict.doubled == 1
    world.control("POST", "reset", {"seed": world.seed, "knobs": weather()})


def _promised(world: World, first: int) -> Tally:
    """As if customers had been told of this payment and of every later one."""
    ids = world.rows("SELECT id FROM payments_payment WHERE id >= %s", first)
    return Tally(promised={str(payment): payment for (payment,) in ids})
