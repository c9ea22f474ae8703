"""What one payment costs that `make bench` does not tell: a JSON line for take.py, from a stack of its own.

Log, commits, rows and disk are PostgreSQL's own counts before and after so many payments, commands are those of Redis;
what is done while nobody pays is taken off. Then what a commit costs alone and beside others, and a look at a payment.
"""

import json
import sys
import threading
import time
from collections.abc import Mapping

import psycopg
import redis

from tests.bench.checkouts import Menus, make_requests, open_shops, pay
from tests.bench.cpu import Meter
from tests.bench.load import Load, Request
from tests.bench.ours import Ours, Progress

NAME = "capacity_costs"
PAYMENTS, WARM_UP = 800, 300
IDLE_SECONDS = 10
LOOKS = 1_500
COMMITS, COMMITTERS = 300, 16
# PostgreSQL's processes hand in their counts once a second at most.
COUNTED_AFTER_SECONDS = 2.0
COUNTED = ("wal_bytes", "commits", "transactions", "redis_commands")


def measure(say: Progress) -> str:
    with Ours(say) as ours:
        menus = open_shops(ours)
        pay(ours, menus, WARM_UP)
        idle = _idle(ours)
        return json.dumps({"bench": NAME, "idle": idle, **_payments(ours, menus, idle), **_rest(ours)})


def _idle(ours: Ours) -> dict[str, float]:
    """By second, when nobody pays."""
    before = _counts(ours)
    time.sleep(IDLE_SECONDS)
    after = _counts(ours)
    passed = after["at"] - before["at"]
    return {
        name: round((after[name] - before[name]) / passed, 1) for name in ("wal_bytes", "commits", "redis_commands")
    }


def _payments(ours: Ours, menus: Menus, idle: Mapping[str, float]) -> dict[str, object]:
    # pay() fills the carts first, by SQL. That is no cost of a payment: it is done once more alone, and taken off.
    begun = _counts(ours)
    make_requests(ours, menus, PAYMENTS, hot=False)
    before, rows_before = _counts(ours), _rows(ours)
    run = pay(ours, menus, PAYMENTS)
    after, rows_after = _counts(ours), _rows(ours)
    passed = (after["at"] - before["at"]) - (before["at"] - begun["at"])
    found = {
        name: (after[name] - before[name] - (before[name] - begun[name]) - idle.get(name, 0) * passed) / run.payments
        for name in (*COUNTED, "disk_bytes")
    }
    rows = {name: round((rows_after[name] - rows_before.get(name, 0)) / run.payments, 2) for name in rows_after}
    return {
        **{name: round(value, 1) for name, value in found.items()},
        "rows": {name: each for name, each in sorted(rows.items()) if each >= 0.1 and not name.startswith(PREPARED)},
        "problems": list(run.problems),
    }


# Made by SQL before the first checkout.
PREPARED = ("auth_user", "authtoken_token", "orders_cartitem")


def _rest(ours: Ours) -> dict[str, object]:
    return {"look_ms": _look(ours), "commit": _commits(ours), "connections": int(ours.number(_CONNECTIONS))}


_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


def _counts(ours: Ours) -> dict[str, float]:
    time.sleep(COUNTED_AFTER_SECONDS)
    with redis.Redis.from_url(ours.stack.redis_url) as server:
        commands = server.info("stats")["total_commands_processed"]
    return {
        "at": time.monotonic(),
        "wal_bytes": ours.number("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"),
        # Only who writes is given a number, and only who writes waits for the disk.
        "commits": ours.number("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"),
        "transactions": ours.number("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"),
        "disk_bytes": ours.number("SELECT pg_database_size(current_database())"),
        "redis_commands": float(commands),
    }


def _rows(ours: Ours) -> dict[str, float]:
    """Ever inserted, by table."""
    return dict(ours.database.execute("SELECT relname, n_tup_ins::float FROM pg_stat_user_tables").fetchall())


def _look(ours: Ours) -> dict[str, float]:
    """CPU of one look of a customer at their payment, by process, in milliseconds."""
    rows = ours.database.execute(
        "SELECT payment.id, key FROM payments_payment payment JOIN authtoken_token token USING (user_id) LIMIT %s",
        [LOOKS],
    ).fetchall()
    looks = [
        Request("GET", f"{ours.stack.web}/api/payments/{payment}/", {"Authorization": f"Token {token}"}, "")
        for payment, token in rows
    ]
    meter = Meter({name: ours.stack.pids[name] for name in ("web", "postgres", "redis")})
    began = time.monotonic()
    with Load(looks, connections=8) as load:
        told = load.told()
    passed = time.monotonic() - began
    assert not told.answers.failed, told.answers.counts
    return {name: round(1000 * share * passed / len(looks), 3) for name, share in meter.shares().items()}


def _commits(ours: Ours) -> dict[str, float]:
    """A commit of one row that waits for the disk: its milliseconds alone, and how many a second beside others."""
    ours.database.execute("CREATE TABLE bench_commits (id int)")
    alone = _commit_often(ours.stack.database_url)
    began = time.monotonic()
    others = [
        threading.Thread(target=_commit_often, args=(ours.stack.database_url,), daemon=True) for _ in range(COMMITTERS)
    ]
    for other in others:
        other.start()
    for other in others:
        other.join()
    together = COMMITTERS * COMMITS / (time.monotonic() - began)
    ours.database.execute("DROP TABLE bench_commits")
    return {"alone_ms": round(1000 * alone / COMMITS, 2), "together_per_second": round(together)}


def _commit_often(database_url: str) -> float:
    with psycopg.connect(database_url, autocommit=True, prepare_threshold=0) as database:
        began = time.monotonic()
        for number in range(COMMITS):
            database.execute("INSERT INTO bench_commits VALUES (%s)", [number])
        return time.monotonic() - began


def say_progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
