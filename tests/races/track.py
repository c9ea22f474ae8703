"""Running things at once, and slowing tables down."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from wallets.models import Account, Entry


def at_once(*actions: Callable[[], object]) -> list[Any]:
    """What each action returned or raised, each run in a thread with a connection of its own, from one signal."""
    signal = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            signal.wait(10)
            return action()
        except Exception as error:  # noqa: BLE001 - what it raised is what the test looks at
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))


@contextmanager
def slowed(table: str, event: str, *, seconds: float = 0.15) -> Iterator[None]:
    """Let every statement that does this to the table take so long, before it does it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TRIGGER race_slow BEFORE {event} ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION race_sleep('{seconds}')"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER race_slow ON {table}")


@contextmanager
def without(drop: str, restore: str) -> Iterator[None]:
    """Take something away from the database for a control run. What it would refuse must be gone again afterwards."""
    with connection.cursor() as cursor:
        cursor.execute(drop)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(restore)


def in_transaction(action: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with transaction.atomic():
            return action()

    return run


def meeting(number: int) -> Callable[[], None]:
    """Something that returns once so many have called it: all have read before the first one writes."""
    barrier, have_met = threading.Barrier(number), threading.Event()

    def meet() -> None:
        if not have_met.is_set():
            barrier.wait(5)
            have_met.set()

    return meet


def wallet_is_true(user_id: int) -> bool:
    """Whether the stored balance is the sum of the entries."""
    account = Account.objects.get(user_id=user_id, currency="XAF")
    entries: Sequence[Entry] = [*Entry.objects.filter(credit=account), *Entry.objects.filter(debit=account)]
    total = sum(entry.amount_minor if entry.credit_id == account.pk else -entry.amount_minor for entry in entries)
    return total == account.balance_minor
