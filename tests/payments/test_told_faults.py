"""What signed events say, when it cannot be read or booked, when we die half-way, and when there is much of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.events import LOOK_AGAIN_SECONDS
from payments.gateways.base import Event, Outcome, Status
from payments.gateways.facts_json import dump_facts
from payments.match import match_batch
from payments.models import DeadLetter, PaymentAttempt, WebhookEvent
from payments.strangers import look_up_strangers
from tests.factories import a_while_ago, fresh
from tests.payments.books import entries_of, told
from tests.payments.signed import assert_matched, india_on, make_asked, said, take_up, tell
from wallets.prove import find_breaks

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def india() -> Iterator[None]:
    """Nobody listens at the gateways: whatever settles here settles without a question."""
    with india_on():
        yield


@pytest.mark.parametrize(
    "facts",
    [
        {"status": {"outcome": "paid"}},
        {"status": {"outcome": "sideways", "transaction_id": "x", "reference": "", "money": None}},
        {"status": {**dump_facts(Event("", "", status=Status(Outcome.PAID, "x", "", None)))["status"], "new": 1}},
        {"verdict": {}},
        ["status"],
        "paid",
    ],
)
def test_facts_that_cannot_be_read_wait_and_hold_nobody_up(facts: object) -> None:
    payment, attempt = make_asked()
    other, other_attempt = make_asked()
    odd, good = tell(attempt, facts=facts), tell(other_attempt)

    match_batch("razorpay")

    assert (fresh(other).state, fresh(payment).state) == ("SETTLED", "PENDING")
    assert_matched(good, other)
    assert (fresh(odd).state, fresh(odd).payment_id) == ("PARKED", None)
    assert fresh(payment).next_check_at is not None  # asked about meanwhile
    for _ in LOOK_AGAIN_SECONDS:
        WebhookEvent.objects.filter(pk=odd.pk).update(next_look_at=a_while_ago())
        look_up_strangers("razorpay")
    assert (fresh(odd).state, fresh(odd).problem) == ("UNCLAIMED", "says something that this release cannot read")


def test_a_parked_event_that_can_be_read_later_settles_then() -> None:
    payment, attempt = make_asked()
    event = tell(attempt, facts={"verdict": {}})
    match_batch("razorpay")

    WebhookEvent.objects.filter(pk=event.pk).update(
        facts=dump_facts(Event("", "", status=said(attempt))), next_look_at=a_while_ago()
    )
    look_up_strangers("razorpay")

    assert fresh(payment).state == "SETTLED"
    assert_matched(event, payment)


def test_money_that_cannot_be_booked_is_set_aside_and_the_rest_goes_on() -> None:
    asked = [make_asked() for _ in range(5)]
    bad, bad_attempt = asked[2]
    PaymentAttempt.objects.filter(pk=bad_attempt.pk).update(transaction_id="")
    for payment, attempt in asked:
        status = said(attempt, transaction_id="x" * 101) if payment == bad else said(attempt)
        tell(attempt, status, transaction_id=status.transaction_id[:100])

    match_batch("razorpay")

    assert [fresh(payment).state for payment, _ in asked] == ["SETTLED"] * 2 + ["PENDING"] + ["SETTLED"] * 2
    assert (fresh(bad).next_check_at, DeadLetter.objects.get().payment_id) == (None, bad.pk)
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"MATCHED"}


@pytest.mark.invariant("INV-1")
def test_a_lock_that_is_not_to_be_had_leaves_the_event_to_be_told_again_soon() -> None:
    payment, attempt = make_asked()
    event = tell(attempt)
    no_lock = "RAISE EXCEPTION 'no lock' USING ERRCODE = '55P03'"
    with broken("notifications_notification", "INSERT", no_lock), pytest.raises(OperationalError):
        match_batch("razorpay")

    row = fresh(event)
    assert (row.state, row.looks, fresh(payment).state) == ("NEW", 0, "PENDING")
    assert row.next_look_at is not None
    assert (row.next_look_at - timezone.now()).total_seconds() < 2
    take_up("razorpay")
    assert fresh(payment).state == "SETTLED"
    assert_matched(event, payment)


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
def test_dying_between_booking_and_marking_books_once() -> None:
    payment, attempt = make_asked()
    event = tell(attempt)
    with broken("payments_webhookevent", "UPDATE OF state", "RETURN NULL"):  # what we did last never came about
        match_batch("razorpay")
    assert (fresh(event).state, fresh(payment).state) == ("NEW", "SETTLED")
    before = (entries_of(payment), told(payment))

    take_up("razorpay")

    assert_matched(event, payment)
    assert (entries_of(payment), told(payment), fresh(payment).state) == (*before, "SETTLED")
    assert find_breaks() == {}


@contextmanager
def broken(table: str, at: str, how: str) -> Iterator[None]:
    """A database that does this instead of writing to this table, until the block ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE FUNCTION break_down() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {how}; END$$;
            CREATE TRIGGER break_down BEFORE {at} ON {table} FOR EACH ROW EXECUTE FUNCTION break_down();
            """
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION break_down() CASCADE")


def test_a_hundred_events_take_no_more_queries_than_ten() -> None:
    with override_settings(PAYMENT_BATCH_SIZE=100):
        few, many = _queries_for(10), _queries_for(100)

    assert many <= few + 2, (few, many)


def _queries_for(number: int) -> int:
    asked = [make_asked() for _ in range(number)]
    for _, attempt in asked:
        tell(attempt)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert match_batch("razorpay") == number
    assert {fresh(payment).state for payment, _ in asked} == {"SETTLED"}
    return len(queries)


def test_settlement_keeps_to_the_size_of_its_batches() -> None:
    for _, attempt in [make_asked() for _ in range(5)]:
        tell(attempt)

    with override_settings(PAYMENT_BATCH_SIZE=2), CaptureQueriesContext(connection) as queries:
        match_batch("razorpay")

    assert sum("INSERT INTO wallets_entry" in query["sql"] for query in queries) == 3
