"""The tally while everybody writes: exact at every moment, whoever folds, and from the moment it was made."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from threading import Event

import pytest
from django.db import connection, transaction

from payments.close import close_unpaid
from payments.locks import lock_payments
from payments.models import Payment, Tally, TallyStep
from payments.settle import settle_batch
from payments.states import PaymentState
from payments.tally import fold
from payments.tally.fold import fold_tally
from payments.tally.locks import fold_steps
from payments.tally.read import read_counts
from tests.factories import make_payment, make_pending, paid
from tests.payments.test_tally import assert_exact
from tests.races.track import at_once, slowed

MIGRATION = import_module("payments.migrations.0020_tally")
TURNS = 12


def fail(payment: Payment) -> None:
    with transaction.atomic():
        [locked] = lock_payments([payment.pk])
        close_unpaid(locked, PaymentState.FAILED, code="refused")


def fail_and_think_better_of_it(payment: Payment) -> None:
    with transaction.atomic():
        [locked] = lock_payments([payment.pk])
        close_unpaid(locked, PaymentState.FAILED, code="refused")
        transaction.set_rollback(True)


def in_turn(*actions: Callable[[], object]) -> None:
    for action in actions:
        action()


@pytest.mark.invariant("INV-3")
def test_every_reader_sees_every_payment_once_while_they_end_and_two_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "STEPS", 2)
    settled, failed, late, spared = ([make_pending()[0] for _ in range(TURNS)] for _ in range(4))
    for payment in late:
        fail(payment)
    everything, over, seen = Payment.objects.count(), Event(), []

    def look() -> None:
        while not over.is_set():
            seen.append(sum(read_counts().by_state.values()))

    def keep_folding() -> int:
        folded = 0
        while not over.is_set():
            folded += fold_tally(seconds=0.05)
        return folded

    def end() -> None:
        results = at_once(
            lambda: in_turn(*(partial(settle_batch, [paid(payment)]) for payment in settled)),
            lambda: in_turn(*(partial(fail, payment) for payment in failed)),
            lambda: settle_batch([paid(payment) for payment in late]),
            lambda: in_turn(*(partial(fail_and_think_better_of_it, payment) for payment in spared)),
        )
        over.set()
        assert results == [None] * 4

    outcome = at_once(end, look, keep_folding, keep_folding)

    assert outcome[:2] == [None, None]
    assert len(seen) > 5
    assert set(seen) == {everything}
    assert sum(outcome[2:]) > 0
    assert_exact()


def test_two_that_fold_at_once_fold_no_step_twice() -> None:
    for _ in range(20):
        make_payment(state=PaymentState.SETTLED)
    waiting = TallyStep.objects.count()

    with slowed("payments_tallystep", "DELETE"):
        folded = at_once(*(partial(fold_steps, 15) for _ in range(4)))

    assert sum(folded) == waiting
    assert TallyStep.objects.count() == 0
    assert_exact()


def test_a_folder_that_dies_has_folded_nothing() -> None:
    make_payment(state=PaymentState.SETTLED)
    waiting, totals = TallyStep.objects.count(), list(Tally.objects.order_by("pk").values())

    with transaction.atomic():
        fold_steps(1000)
        transaction.set_rollback(True)

    assert (TallyStep.objects.count(), list(Tally.objects.order_by("pk").values())) == (waiting, totals)
    assert_exact()


@pytest.fixture
def without_tally() -> Iterator[None]:
    """As before the migration. Whatever happens, there is a tally again in the end."""
    with connection.cursor() as cursor:
        cursor.execute(MIGRATION.UNDO + "; TRUNCATE payments_tally, payments_tallystep")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname = 'tally_update'")
        if cursor.fetchone()[0] == 0:
            make_tally()


def make_tally() -> None:
    """What the migration does, in one transaction as there."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in MIGRATION.Migration.operations[-1].sql:
            cursor.execute(statement)


def test_the_migration_misses_nothing_that_ends_while_it_runs(without_tally: None) -> None:
    ending = [make_pending()[0] for _ in range(3 * TURNS)]
    begun = Event()

    def end(payments: list[Payment]) -> None:
        for payment in payments:
            with transaction.atomic():
                [locked] = lock_payments([payment.pk])
                close_unpaid(locked, PaymentState.FAILED, code="refused")
                begun.set()
                time.sleep(0.02)  # not committed yet: the migration may not count it, nor miss it

    def migrate() -> None:
        begun.wait(10)
        make_tally()

    results = at_once(migrate, *(partial(end, ending[number::3]) for number in range(3)))

    assert results == [None] * 4
    assert TallyStep.objects.count() > 0, "all had ended before the migration"
    assert Tally.objects.get(gateway="fapshi", priority=1, state="FAILED", was_retried=False).count > 0
    assert_exact()
