"""What a migration that waits for a table does to everybody, and what ours does instead."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, connections

from payments.management.commands.migrate import LOCK_WAIT_MS, PAUSE_SECONDS

READER_SECONDS = 3.0
# What payments themselves wait for a lock (choptym/settings/database.py), here shorter: to be seen sooner.
PATIENCE_MS = 1500
# One wait for us, and a machine that has much to do.
NOTICED_SECONDS = LOCK_WAIT_MS / 1000 + 0.5
MIGRATION = "0026_asked_at"
UNDONE = """
    ALTER TABLE payments_payment DROP COLUMN asked_at;
    DELETE FROM django_migrations WHERE app = 'payments' AND name >= '0026'
"""
A_PAYMENT_MOVES = "UPDATE payments_payment SET problem = problem WHERE id = 0"


def test_a_migration_that_waits_for_a_reader_stops_every_payment(copy: str) -> None:
    with ThreadPoolExecutor(1) as thread, reading("payments_payment"):
        altering = thread.submit(alter_and_wait, copy)
        wait_until_it_waits()

        with session() as payment, pytest.raises(psycopg.errors.LockNotAvailable):
            payment.execute(A_PAYMENT_MOVES)

        assert not altering.done()


def test_our_migrate_gives_way_and_comes_back_when_the_reader_has_gone(copy: str) -> None:
    with session() as undo:
        undo.execute(UNDONE)
    said = StringIO()
    with ThreadPoolExecutor(2) as threads, paying() as waits:
        with reading("payments_payment"):
            migrating = threads.submit(in_thread, lambda: call_command("migrate", "payments", MIGRATION, stdout=said))
            time.sleep(READER_SECONDS)
            assert not migrating.done()
        migrating.result(timeout=PAUSE_SECONDS + 10)

    assert "the table is in use" in said.getvalue()
    assert has_column("asked_at")
    assert len(waits) > 100
    assert max(waits) < NOTICED_SECONDS


def test_our_migrate_gives_up_in_the_end_and_leaves_nothing_half_done(copy: str) -> None:
    with session() as undo:
        undo.execute(UNDONE)

    with reading("payments_payment"), pytest.raises(Exception, match="lock timeout"):
        call_command("migrate", "payments", MIGRATION, give_up_after=0.1, stdout=StringIO())

    assert not has_column("asked_at")


def test_an_index_that_was_never_finished_is_dropped_before_the_next_try(copy: str) -> None:
    with session() as other:
        for name in ("a", "b"):
            values = "INSERT INTO payments_job (name, slot_at, problem, runs) VALUES (%s, now(), '', 0)"
            other.execute(values, [name])
        with pytest.raises(psycopg.errors.UniqueViolation):
            other.execute("CREATE UNIQUE INDEX CONCURRENTLY never_finished ON payments_job (problem)")
    assert index_exists("never_finished")

    call_command("migrate", verbosity=0, stdout=StringIO())

    assert not index_exists("never_finished")


def test_who_comes_after_a_migration_waits_for_locks_as_always(copy: str) -> None:
    before = lock_timeout()

    call_command("migrate", verbosity=0)

    assert lock_timeout() == before


@contextmanager
def session() -> Iterator[psycopg.Connection]:
    """Somebody else, connected to the same database."""
    settings = connection.settings_dict
    address = psycopg.conninfo.make_conninfo(
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
        options=f"-c lock_timeout={PATIENCE_MS}",
    )
    with psycopg.connect(address, autocommit=True) as other:
        yield other


@contextmanager
def reading(table: str) -> Iterator[None]:
    """A report that takes long: it only reads, and its transaction stays open."""
    with session() as reader, reader.transaction():
        reader.execute(psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(table)))
        yield


@contextmanager
def paying() -> Iterator[list[float]]:
    """Payments that move all the time; how long each had to wait."""
    stop, waits = threading.Event(), list[float]()

    def pay() -> None:
        with session() as payment:
            while not stop.wait(0.01):
                began_at = time.monotonic()
                payment.execute(A_PAYMENT_MOVES)
                waits.append(time.monotonic() - began_at)

    with ThreadPoolExecutor(1) as thread:
        payments = thread.submit(pay)
        try:
            yield waits
        finally:
            stop.set()
            payments.result(timeout=10)


def alter_and_wait(database: str) -> None:
    """What Django's own migrate would do."""
    with session() as careless:
        careless.execute("SET lock_timeout = 0")
        careless.execute("ALTER TABLE payments_payment ADD COLUMN new integer")


def wait_until_it_waits() -> None:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
    end = time.monotonic() + 10
    with session() as watcher:
        while watcher.execute(query).fetchall() == [(0,)]:
            assert time.monotonic() < end
            time.sleep(0.02)


def in_thread(work: Callable[[], object]) -> None:
    """Django keeps a connection for each thread."""
    try:
        work()
    finally:
        connections.close_all()


def has_column(name: str) -> bool:
    query = "SELECT 1 FROM pg_attribute WHERE attrelid = 'payments_payment'::regclass AND attname = %s"
    with session() as other:
        return bool(other.execute(query, [name]).fetchall())


def index_exists(name: str) -> bool:
    with session() as other:
        return bool(other.execute("SELECT 1 FROM pg_class WHERE relname = %s", [name]).fetchall())


def lock_timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        return str(cursor.fetchone()[0])
