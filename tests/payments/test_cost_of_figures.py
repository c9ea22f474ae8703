"""What is asked every second costs the same with 200,000 ended payments as with 2,000."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from payments import flow, overview, waits
from payments.states import PaymentState
from payments.tally.read import read_counts
from tests.factories import make_payment, make_pending, make_topup

pytestmark = pytest.mark.django_db

FEW, MANY, WAITING = 2_000, 200_000, 200
BACK_FILL = import_module("payments.migrations.0020_tally").BACK_FILL

PAST = """
    INSERT INTO payments_payment (user_id, kind, gateway, by_link, phone, amount_minor, currency, priority, state,
                                  failure_code, problem, attempts_made, checks_made, queued_at, next_attempt_at,
                                  requested_at, pending_at, expires_at, finished_at, settled_at)
    SELECT user_id, kind, (ARRAY['fapshi', 'campay', 'razorpay', 'cashfree'])[1 + n %% 4], false, '677000001', 500,
           'XAF', 1 + n %% 3, CASE WHEN n %% 10 = 0 THEN 'FAILED' ELSE 'SETTLED' END, '', '', 1 + (n %% 20 = 0)::int, 3,
           ended - interval '9 s', ended - interval '9 s', ended - interval '8 s', ended - interval '7 s', ended, ended,
           CASE WHEN n %% 10 <> 0 THEN ended END
    FROM (SELECT user_id, kind FROM payments_payment WHERE kind = 'TOPUP' LIMIT 1) one,
         (SELECT n, now() - make_interval(secs => 100000 + n) AS ended FROM generate_series(1, %s) n) past
"""


@pytest.fixture
def live_ones() -> None:
    """A few that wait, and a few that ended within the window."""
    for number in range(WAITING // 2):
        make_payment(priority=1 + number % 3)
        make_pending()
    make_topup()
    for _ in range(10):
        make_payment(state=PaymentState.SETTLED, pending_at=None)


def add_past(number: int) -> None:
    """So many ended payments, counted as the migration counts them: through the trigger it would take a minute."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL statement_timeout = 0")
        cursor.execute("ALTER TABLE payments_payment DISABLE TRIGGER USER")
        cursor.execute(PAST, [number])
        cursor.execute("TRUNCATE payments_tally, payments_tallystep; " + BACK_FILL)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE payments_payment ENABLE TRIGGER USER")
        cursor.execute("ANALYZE payments_payment; ANALYZE payments_tally; ANALYZE payments_tallystep")


READERS: dict[str, Callable[[], object]] = {
    "counts": read_counts,
    "flow": flow.read_flow,
    "spread": flow.read_spread,
    "waits": waits.read_waits,
    "overview": overview.read_overview,
}


class Watch:
    """The plan of every SELECT that is run meanwhile, as PostgreSQL ran it."""

    def __init__(self) -> None:
        self.plans: list[dict[str, Any]] = []

    def __call__(self, execute: Any, query: str, values: Any, many: bool, context: dict[str, Any]) -> Any:
        with connection.connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query, values)
            self.plans.append(cursor.fetchone()[0][0])
        return execute(query, values, many, context)

    def nodes(self) -> Iterator[dict[str, Any]]:
        waiting = [plan["Plan"] for plan in self.plans]
        while waiting:
            node = waiting.pop()
            waiting += node.get("Plans", [])
            yield node

    @property
    def pages(self) -> int:
        return sum(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] for plan in self.plans)


def watched(read: Callable[[], object]) -> Watch:
    watch = Watch()
    with connection.execute_wrapper(watch):
        read()
    assert watch.plans
    return watch


def test_no_figure_looks_at_the_payments_that_have_ended(live_ones: None) -> None:
    add_past(FEW)
    few = {name: watched(read).pages for name, read in READERS.items()}
    told = read_counts()
    assert told.total("SETTLED", "FAILED") == FEW + 10
    add_past(MANY - FEW)

    many = {name: watched(read) for name, read in READERS.items()}

    scans = {
        name: [node["Node Type"] for node in watch.nodes() if node.get("Relation Name") == "payments_payment"]
        for name, watch in many.items()
    }
    assert all(scans.values())
    assert {name: types for name, types in scans.items() if "Seq Scan" in types} == {}
    # In pages, because times differ from run to run: a few for each payment that waits, of thousands that there are.
    pages = {name: (few[name], watch.pages) for name, watch in many.items()}
    assert {name: both for name, both in pages.items() if both[1] > 1.5 * both[0] + 2 * WAITING} == {}
    assert read_counts().total("SETTLED", "FAILED") == MANY + 10
