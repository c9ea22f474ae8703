"""The database: killed, away, silent, out of connections, locked, read-only."""

import contextlib
import random
import signal
import time

import psycopg
from psycopg import sql

from choptym.local import processes
from choptym.local.errors import StackError
from tests.chaos.faults.base import Fault, away, last, rest, standing_still, times
from tests.chaos.faults.processes import end
from tests.chaos.patience import eventually
from tests.chaos.times import POOL_SIZE
from tests.chaos.world import World

AWAY_SECONDS = 15
EXHAUSTED_SECONDS = 10
SESSION_WITHIN_SECONDS = 30
# Below what a statement waits for its lock, and above: both must be lived through.
LOCKED_SECONDS = (3, 8)
TIMES = 2
_MOST_WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' GROUP BY application_name
    ORDER BY count(*) DESC LIMIT 1
"""


def kill(world: World, chance: random.Random) -> None:
    """`kill -9` of the server, and recovery from its log."""
    for _ in times(world, TIMES):
        rest(world, chance, 1, 3)
        end(world, ["postgres"], signal.SIGKILL)
        _wait_for(world)


def kill_a_backend(world: World, chance: random.Random) -> None:
    """`kill -9` of one session: the server ends all others and recovers."""
    for _ in times(world, TIMES):
        rest(world, chance, 1, 3)
        processes.send(_session(world, "worker-confirm"), signal.SIGKILL)
        time.sleep(0.5)
        _wait_for(world)


def take_away(world: World, _chance: random.Random) -> None:
    """Stopped in good order; 15 seconds later it is started again."""
    away(world, "postgres", signal.SIGINT, AWAY_SECONDS)
    _wait_for(world)


def freeze(world: World, _chance: random.Random) -> None:
    """Every process of the server stands still for 15 seconds: connections stay open, and nothing is answered."""
    main = world.stack.pids["postgres"]
    backends = [pid for (pid,) in world.rows("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")]
    with standing_still([main, *backends]):
        last(world, AWAY_SECONDS)
    _wait_for(world)


def exhaust(world: World, _chance: random.Random) -> None:
    """Others take every connection that the server has left, and those of ours are ended: none can be had."""
    held: list[psycopg.Connection[tuple[object, ...]]] = []
    end_at = time.monotonic() + EXHAUSTED_SECONDS * world.form.scale
    with psycopg.connect(world.stack.database_url, autocommit=True) as chief, contextlib.ExitStack() as stack:
        chief.execute("SET application_name = 'chaos'")
        while time.monotonic() < end_at:
            chief.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name NOT IN ('chaos', '')
                """
            )
            try:
                while True:
                    connection = psycopg.connect(world.stack.database_url, application_name="chaos", connect_timeout=5)
                    held.append(stack.enter_context(contextlib.closing(connection)))
            except psycopg.OperationalError:
                time.sleep(0.2)
    if not held:
        raise StackError("not one connection could be taken")


def lock_tables(world: World, _chance: random.Random) -> None:
    """A careless person holds the payments, once for less and once for longer than a statement waits for its lock.

    Every connection of a pool comes to wait, so the next thread waits for one: that, too, for longer than it may.
    """
    for seconds in LOCKED_SECONDS:
        with psycopg.connect(world.stack.database_url) as person:
            person.execute("LOCK TABLE payments_payment IN ACCESS EXCLUSIVE MODE")
            most = _most_waiting(person, seconds)
            person.rollback()
        time.sleep(2)
    if most < POOL_SIZE:
        raise StackError(f"only {most} connections of a process came to wait: no pool was exhausted")


def _most_waiting(person: psycopg.Connection[tuple[object, ...]], seconds: float) -> int:
    """Of the processes of one name, at any time within these seconds: a statement that gives up leaves its place."""
    counts = [0]
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        time.sleep(0.2)
        person.execute("SELECT pg_stat_clear_snapshot()")  # or the transaction sees what it saw at first
        counts += [int(str(row[0])) for row in person.execute(_MOST_WAITING)]
    return max(counts)


def make_read_only(world: World, chance: random.Random) -> None:
    """As after a failover to a server that is still a replica: every write is refused, sessions stay open."""
    _set_read_only(world, "on")
    try:
        rest(world, chance, 8, 12)
    finally:
        _set_read_only(world, "off")


def _session(world: World, role: str) -> int:
    """The backend of one of this process's sessions, as soon as it has any: what was broken before has ended them."""
    pids: list[int] = []

    def has_one() -> bool:
        rows = world.rows("SELECT pid FROM pg_stat_activity WHERE application_name = %s LIMIT 1", role)
        pids.extend(pid for (pid,) in rows)
        return pids != []

    if not eventually(has_one, SESSION_WITHIN_SECONDS):
        raise StackError(f"{role} has no session")
    return pids[0]


def _set_read_only(world: World, value: str) -> None:
    with psycopg.connect(world.stack.database_url, autocommit=True) as chief:
        chief.execute("SET default_transaction_read_only = off")
        chief.execute(sql.SQL("ALTER SYSTEM SET default_transaction_read_only = {}").format(sql.Literal(value)))
        chief.execute("SELECT pg_reload_conf()")


def _wait_for(world: World) -> None:
    def is_back() -> bool:
        try:
            with psycopg.connect(world.stack.database_url, connect_timeout=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    if not eventually(is_back, 60, every=0.1):
        raise StackError("PostgreSQL did not come back.")


FAULTS = (
    Fault("postgres_killed", "kill -9 of PostgreSQL, twice, and recovery", kill, needs="postgres", repeats=True),
    Fault(
        "postgres_backend_killed",
        "kill -9 of one session, twice: all are ended",
        kill_a_backend,
        needs="postgres",
        repeats=True,
    ),
    Fault("postgres_stopped", "PostgreSQL is stopped for 15 s", take_away, needs="postgres", repeats=True),
    Fault("postgres_frozen", "PostgreSQL answers nothing for 15 s", freeze, needs="postgres", repeats=True),
    Fault(
        "connections_exhausted",
        "no connection to the database is to be had for 10 s",
        exhaust,
        needs="postgres",
        repeats=True,
    ),
    Fault(
        "pool_exhausted", "the table of payments is locked: every pooled connection waits", lock_tables, repeats=True
    ),
    Fault("postgres_read_only", "every write is refused for 10 s", make_read_only, needs="postgres", repeats=True),
)
