"""One time for all processes: the database's, read now and then and carried on by a clock that no change of time moves.

A machine's wall clock may be an hour off, or jump. What is written to a row, or held against a row's time, is therefore
never the wall clock's; nor is anything that decides about money. See docs/adr/0033-one-time-the-databases.md.
"""

import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import Error, connection
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout

from choptym.lib.deadline import moment

# So old a reading is made anew by whoever asks next; so soon after a failure it is tried again.
READ_AGAIN_SECONDS = 10.0
# A reading that took longer is made again: its answer may be as old as it took.
SHORT_SECONDS = 0.02
MOST_TRIES = 3
# How far two clocks that are both kept right drift apart, at most (500 parts in a million: the kernel's own bound).
DRIFT = 0.0005


@dataclass(frozen=True, slots=True)
class Reading:
    """What the database's clock said. By now it may be later than that, by as much as the question took."""

    at: datetime
    moment: float  # when the answer was here: so a time that is carried on is never ahead of the database's
    took_seconds: float

    def carried_on(self) -> datetime:
        return self.at + timedelta(seconds=moment() - self.moment)

    def doubt_seconds(self) -> float:
        """How far it may be off by now."""
        return self.took_seconds + (moment() - self.moment) * DRIFT


_began = Reading(datetime.now(UTC), moment(), 0.0)  # the wall clock's: only until the database has been asked
_reading: Reading | None = None
_asks_again_at = float("-inf")
_lock = threading.Lock()


def now() -> datetime:
    """The database's time, never ahead of it. Asks at most once in ten seconds, and gives the connection back.

    Also within a transaction: it is the time of the call, not of the transaction's beginning. While the database is
    away the last reading is carried on. Raises what a query raises when there has been none, or in a transaction.
    """
    if _reading is None:
        with _lock:
            if _reading is None:
                _read()
    elif moment() >= _asks_again_at and not _is_broken() and _lock.acquire(blocking=False):
        try:
            _read()
        except (Error, PoolTimeout):
            if connection.in_atomic_block:  # broken with it: its owner must hear of that
                raise
        finally:
            _lock.release()
    return known()


def known() -> datetime:
    """The same without asking, for threads that may not use the database.

    As long as this process has read nothing it is the time of the process's start, carried on.
    """
    return (_reading or _began).carried_on()


def is_known() -> bool:
    """Whether this process has ever heard the database's time."""
    return _reading is not None


def steady() -> datetime:
    """A time that only ever goes on, at an even pace, for what is done every so often. It may be wrong."""
    return _began.carried_on()


def forget() -> None:
    """Ask at the next call of now()."""
    global _reading, _asks_again_at
    with _lock:
        _reading, _asks_again_at = None, float("-inf")


def _is_broken() -> bool:
    """Whether this thread's transaction has failed already: nothing can be asked in it."""
    given = connection.connection
    return given is not None and given.info.transaction_status == TransactionStatus.INERROR


def _read() -> None:
    global _reading, _asks_again_at  # noqa: PLW0603 - one clock per process
    _asks_again_at = moment() + READ_AGAIN_SECONDS
    _reading = _better(_ask(), _reading)


def _better(new: Reading, last: Reading | None) -> Reading:
    """The new one, unless the last is still surer and the two agree.

    If they do not, the server's own clock was set, or ours stood still with the machine.
    """
    if last is None or new.took_seconds <= last.doubt_seconds():
        return new
    apart = abs((new.carried_on() - last.carried_on()).total_seconds())
    return new if apart > new.doubt_seconds() + last.doubt_seconds() else last


def _ask() -> Reading:
    """The shortest of a few questions."""
    is_borrowed = connection.connection is None and not connection.in_atomic_block
    readings: list[Reading] = []
    try:
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        while len(readings) < MOST_TRIES and all(one.took_seconds > SHORT_SECONDS for one in readings):
            readings.append(_ask_once())
    finally:
        if is_borrowed:  # perhaps by one who goes on to wait for the network: others need the connection
            connection.close()
    return min(readings, key=lambda one: one.took_seconds)


def _ask_once() -> Reading:
    # Not through a cursor of Django's: it is no query of the caller's, and none that counts as such.
    began = moment()
    with connection.wrap_database_errors:
        [(at,)] = connection.connection.execute("SELECT clock_timestamp()").fetchall()
    ended = moment()
    return Reading(at.astimezone(UTC), ended, ended - began)


def _begin_child() -> None:
    """The lock may be held by a thread that was not forked with us."""
    global _lock  # noqa: PLW0603 - one clock per process
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_begin_child)
