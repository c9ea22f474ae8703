"""A flash sale: a backlog at one gateway, which drops to a fifth of what it takes and comes back. A stack of its own.

What is measured, by the sandbox's own count: calls that it took (charges and questions together, for they share its
limit; a refused one is not taken), against what it would have taken in the same time.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.live import Live, eventually, running_stack

FULL, LOW = 40, 8  # calls a second; the account's limit is set far above, so that what it takes is unknown to us
LIMIT = 80
USUAL_SECONDS, DROP_SECONDS, REACTION_SECONDS, RECOVERY_SECONDS = 6, 20, 5, 30
WINDOW_SECONDS = 4
BACKLOG = 1200


@dataclass(frozen=True)
class Count:
    at: float
    taken: int
    refused: int
    charges: int


@pytest.fixture(scope="module")
def rush() -> Iterator[Live]:
    with running_stack("flash_sale", REDIS_URL="", PAYMENT_PROFILES="true", FAPSHI_RATE_PER_SECOND=str(LIMIT)) as live:
        yield live


def count(live: Live) -> Count:
    books = live.control("GET", "fapshi/books?limit=0")
    charges = sum(total["entries"] for kind, total in books["totals"].items() if kind.startswith("collection."))
    refused = books["turned_away"]
    return Count(time.monotonic(), books["calls"] - refused, refused, charges)


def per_second(before: Count, after: Count) -> float:
    return (after.taken - before.taken) / (after.at - before.at)


def seen_for(live: Live, seconds: float) -> float:
    before = count(live)
    time.sleep(seconds)
    return per_second(before, count(live))


def make_backlog(live: Live, length: int) -> None:
    """Wallet top-ups, as the API writes them: rows that are due. The sweeper finds them."""
    customer = live.customer()
    live.change(
        """
        INSERT INTO payments_payment
            (user_id, kind, gateway, by_link, phone, amount_minor, currency, priority, state, failure_code, problem,
             attempts_made, checks_made, queued_at, next_attempt_at, expires_at)
        SELECT %s, 'TOPUP', 'fapshi', false, %s, 1000, 'XAF', 1, 'QUEUED', '', '', 0, 0, now(), now(),
               now() + interval '30 minutes'
        FROM generate_series(1, %s)
        """,
        customer.id,
        customer.phone,
        length,
    )


@pytest.mark.alone
@pytest.mark.timeout(240)  # a minute where the machine has time for it
def test_a_gateway_that_drops_to_a_fifth_is_used_to_nine_tenths_and_is_back_within_30_seconds(
    rush: Live, tell: Callable[..., None]
) -> None:
    rush.control("PATCH", "fapshi", {"rate_limit_per_second": FULL, "latency_ms": 50})
    make_backlog(rush, BACKLOG)
    eventually(lambda: _assert_flowing(rush), seconds=30)
    time.sleep(USUAL_SECONDS)
    rush.control("PATCH", "fapshi", {"rate_limit_per_second": LOW})
    time.sleep(REACTION_SECONDS)
    before = count(rush)
    dropped = seen_for(rush, DROP_SECONDS - REACTION_SECONDS)
    after = count(rush)
    rush.control("PATCH", "fapshi", {"rate_limit_per_second": FULL})
    returned, windows = time.monotonic(), [0.0]
    while max(windows) < 0.9 * FULL and time.monotonic() - returned < RECOVERY_SECONDS:
        windows.append(seen_for(rush, WINDOW_SECONDS))

    assert after.charges > before.charges, "not only questions"
    assert rush.column("SELECT flash_sale_since IS NOT NULL FROM payments_steering") == [True]
    assert rush.column("SELECT count(*) FROM payments_payment WHERE state IN ('FAILED', 'EXPIRED', 'REVIEW')") == [0]
    seconds = time.monotonic() - returned
    tell(
        proof="flash sale", taken_per_second=dropped, of=LOW, back_to=max(windows), of_full=FULL, within_seconds=seconds
    )
    assert dropped >= 0.9 * LOW, (before, after)
    assert max(windows) >= 0.9 * FULL, windows


def _assert_flowing(live: Live) -> None:
    assert count(live).taken > 2 * FULL
