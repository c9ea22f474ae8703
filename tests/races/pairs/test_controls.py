"""What the races of the pairs would show if one of the guards were gone: each is taken away once."""

from collections.abc import Iterator, Sequence

import pytest
from django.db import connection

from choptym.lib import states
from payments import attempts, cancel, charge, close, confirm, expire, idempotency, review, settle
from payments import refund as refund_verb
from payments.locks import Charge
from payments.models import Payment, PaymentAttempt
from tests.databases import connected_to, copy_database, drop_database
from tests.races.pairs.case import World
from tests.races.pairs.ends import Pair, all_pairs
from tests.races.pairs.races import Stopped, race
from tests.races.pairs.stops import Stop

# A few statements are enough to get past whatever a door looks at before it writes.
PLACES = range(1, 26)


@pytest.fixture
def controls(world: World, migrated_database: str) -> Iterator[World]:
    """A database for this one control: what it breaks, and what it takes away, is gone afterwards."""
    name = "test_pairs_control"
    copy_database(name, migrated_database, deadlock_timeout="50ms", synchronous_commit="off")
    with connected_to(name):
        world.forget()
        yield world
    drop_database(name)


@pytest.fixture(autouse=True)
def _the_world_is_back(world: World) -> Iterator[None]:
    yield
    world.forget()


def is_found(world: World, what: str, name: str, start: str) -> bool:
    """Whether this is what goes wrong when one of this pair is stopped at one of its first places."""
    [pair] = [pair for pair in all_pairs() if (pair.name, pair.start) == (name, start)]
    return any(
        found and what in found for is_second in (False, True) for found in _found(world, pair, is_second=is_second)
    )


def _found(world: World, pair: Pair, *, is_second: bool) -> Iterator[str]:
    for number in PLACES:
        run = Stopped(Stop(number), is_second=is_second)
        yield "\n".join(race(world, pair, run))
        if not run.was_reached:
            return


def read(payment_ids: Sequence[int]) -> list[Payment]:
    """lock_payments() without the lock."""
    return list(Payment.objects.filter(pk__in=payment_ids).order_by("pk"))


def without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (attempts, cancel, charge, close, confirm, expire, refund_verb, review, settle):
        monkeypatch.setattr(module, "lock_payments", read, raising=False)


@pytest.mark.parametrize(
    ("name", "start"),
    [("answer_paid-cancel", "pending"), ("answer_paid-expiry", "pending"), ("staff_accept-staff_credit", "review")],
)
def test_control_without_the_lock_of_the_payment(
    controls: World, monkeypatch: pytest.MonkeyPatch, name: str, start: str
) -> None:
    without_the_lock(monkeypatch)

    assert is_found(controls, "", name, start)


def test_control_without_the_guard_of_the_moves(controls: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every state may be reached from every other: then only a check of the table keeps a settled payment settled."""
    monkeypatch.setattr(states, "sources_of", lambda to, moves: list(moves))

    assert is_found(controls, "payment_settled_has_time", "answer_paid-cancel", "pending")


def claim_that_reads_first(payment_id: int, gateway: str) -> Charge | None:
    payment = Payment.objects.select_related("user").get(pk=payment_id)
    if payment.state != "QUEUED":
        return None
    Payment.objects.filter(pk=payment_id).update(state="REQUESTED", attempts_made=1)
    number = payment.attempts.count() + 1
    attempt = PaymentAttempt.objects.create(payment=payment, number=number, gateway=gateway)
    return Charge(
        payment_id, attempt.pk, str(attempt.reference), gateway, payment.by_link, payment.phone, payment.amount_minor,
        payment.currency, payment.order_id, 1, payment.user.email, payment.priority, 0.0,
    )  # fmt: skip


def test_control_with_a_claim_that_reads_first_two_gateways_are_asked(
    controls: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the index, too, that lets one try at a time be open."""
    monkeypatch.setattr(charge, "claim_charge", claim_that_reads_first)
    take_away("DROP INDEX attempt_one_may_charge")

    assert is_found(controls, "INV-5: two tries may take the money", "charge-failover", "queued")


def test_control_with_that_claim_and_the_index_the_second_try_is_refused(
    controls: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charge, "claim_charge", claim_that_reads_first)

    assert is_found(controls, "attempt_one_may_charge", "charge-failover", "queued")


def test_control_without_lock_and_unique_reason_money_is_booked_twice(
    controls: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_the_lock(monkeypatch)
    take_away("ALTER TABLE wallets_entry DROP CONSTRAINT wallets_entry_reason_key")

    assert is_found(controls, "INV-2: SETTLED with 2 captures", "answer_paid-answer_paid", "pending")


def test_control_without_the_lock_of_the_key_a_request_that_came_twice_is_refused(
    controls: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "try_lock_key", lambda user_id, key: True)

    assert is_found(controls, "empty_cart", "checkout_again-checkout_again", "cart")


def take_away(change: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change)
