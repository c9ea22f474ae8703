"""What the races of the pairs would show if one of the guards were gone: each is taken away once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

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
Control = Callable[..., None]


@pytest.fixture
def control(world: World, migrated_database: str) -> Control:
    """Prove that `what` goes wrong in this pair without a guard, and that at the same place nothing does with it.

    `patch` takes the guard away from our code, `drop` from the database.
    """

    def prove(
        name: str, start: str, what: str, *, patch: Callable[[pytest.MonkeyPatch], None] | None = None, drop: str = ""
    ) -> None:
        [pair] = [pair for pair in all_pairs() if (pair.name, pair.start) == (name, start)]
        with broken_database(world, migrated_database, drop), pytest.MonkeyPatch.context() as patched:
            if patch is not None:
                patch(patched)
            stop, is_second, seen = find_place(world, pair, what)
        assert stop is not None, f"nowhere {what}, only {sorted(seen)}"

        assert race(world, pair, Stopped(stop, is_second=is_second)) == [], "it goes wrong with the guard, too"

    return prove


@contextmanager
def broken_database(world: World, migrated_database: str, drop: str) -> Iterator[None]:
    """For this one control: what it breaks, and what it takes away, is gone afterwards."""
    name = "test_pairs_control"
    copy_database(name, migrated_database, deadlock_timeout="50ms", synchronous_commit="off")
    try:
        with connected_to(name):
            world.forget()
            if drop:
                with connection.cursor() as cursor:
                    cursor.execute(drop)
            yield
    finally:
        drop_database(name)
        world.forget()


def find_place(world: World, pair: Pair, what: str) -> tuple[Stop | None, bool, set[str]]:
    """Where which of the two has to be stopped for this to go wrong, and what else went wrong until then."""
    seen: set[str] = set()
    for is_second in (False, True):
        for number in PLACES:
            run = Stopped(Stop(number), is_second=is_second)
            wrong = race(world, pair, run)
            if what in "\n".join(wrong):
                return Stop(number), is_second, seen
            seen |= {*wrong}
            if not run.was_reached:
                break
    return None, False, seen


def read(payment_ids: Sequence[int]) -> list[Payment]:
    """lock_payments() without the lock."""
    return list(Payment.objects.filter(pk__in=payment_ids).order_by("pk"))


def without_the_lock(patched: pytest.MonkeyPatch) -> None:
    for module in (attempts, cancel, charge, close, confirm, expire, refund_verb, review, settle):
        patched.setattr(module, "lock_payments", read, raising=False)


@pytest.mark.parametrize(
    ("name", "start", "what"),
    [
        ("answer_paid-cancel", "pending", "OperationalError: deadlock detected"),
        ("answer_paid-expiry", "pending", "OperationalError: deadlock detected"),
        ("staff_accept-staff_credit", "review", "wallets_entry_reason_key"),
    ],
)
def test_control_without_the_lock_of_the_payment(control: Control, name: str, start: str, what: str) -> None:
    control(name, start, what, patch=without_the_lock)


def test_control_without_the_guard_of_the_moves(control: Control) -> None:
    """Every state may be reached from every other: then only a check of the table keeps a settled payment settled."""

    def patch(patched: pytest.MonkeyPatch) -> None:
        patched.setattr(states, "sources_of", lambda to, moves: list(moves))

    control("answer_paid-cancel", "pending", "payment_settled_has_time", patch=patch)


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


def without_the_claim(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(charge, "claim_charge", claim_that_reads_first)


def test_control_with_a_claim_that_reads_first_two_gateways_are_asked(control: Control) -> None:
    """Without the index, too, that lets one try at a time be open."""
    what, drop = "INV-5: two tries may take the money", "DROP INDEX attempt_one_may_charge"

    control("charge-failover", "queued", what, patch=without_the_claim, drop=drop)


def test_control_with_that_claim_and_the_index_the_second_try_is_refused(control: Control) -> None:
    control("charge-failover", "queued", "attempt_one_may_charge", patch=without_the_claim)


def test_control_without_lock_and_unique_reason_money_is_booked_twice(control: Control) -> None:
    what, drop = "INV-2: SETTLED with 2 captures", "ALTER TABLE wallets_entry DROP CONSTRAINT wallets_entry_reason_key"

    control("answer_paid-answer_paid", "pending", what, patch=without_the_lock, drop=drop)


def test_control_without_the_lock_of_the_key_a_request_that_came_twice_is_refused(control: Control) -> None:
    def patch(patched: pytest.MonkeyPatch) -> None:
        patched.setattr(idempotency, "try_lock_key", lambda user_id, key: True)

    control("checkout_again-checkout_again", "cart", "empty_cart", patch=patch)
