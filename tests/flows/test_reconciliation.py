"""A day's lists and the workers: what every other road has lost is found and booked."""

from datetime import UTC, datetime

import pytest

from tests.flows.ends import Purchase, assert_paid, unlucky
from tests.live import Live, eventually


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("method", ["fapshi", "campay"])
def test_money_that_no_webhook_told_of_and_nobody_asks_about_is_booked(live: Live, method: str) -> None:
    purchase = unlucky(live, method, webhook_lost_rate=1, approval_delay_ms=2500)
    purchase.wait("PENDING")
    live.change("UPDATE payments_payment SET next_check_at = NULL WHERE id = %s", purchase.payment)
    eventually(lambda: _assert_collected(purchase))
    assert purchase.wait("PENDING")["status"] == "PENDING"

    _ask_for_today(live, method)
    purchase.wait("SETTLED")
    assert_paid(purchase)

    _ask_for_today(live, method)
    eventually(lambda: _assert_mended(purchase))


def _ask_for_today(live: Live, gateway: str) -> None:
    """As a member of staff would; the sweeper tells a worker of it."""
    live.change(
        """
        INSERT INTO payments_reconciliation (gateway, day, state, is_complete, lines_seen, lines_matched, lines_done,
                                             fees_booked, runs, attempts_made, rechecks, asked_at, next_attempt_at,
                                             problem)
        VALUES (%s, %s, 'QUEUED', false, 0, 0, 0, 0, 0, 0, 0, now(), now(), '')
        ON CONFLICT (gateway, day) DO UPDATE SET state = 'QUEUED', next_attempt_at = now(), begun_at = NULL
        """,
        gateway,
        datetime.now(UTC).date(),
    )


def _assert_collected(purchase: Purchase) -> None:
    [entry] = purchase.live.books(purchase.method, purchase.customer.phone)
    assert entry["state"] == "collected"


def _assert_mended(purchase: Purchase) -> None:
    found = purchase.live.rows(
        """
        SELECT found.kind, found.state FROM payments_reconciliationbreak found
        JOIN payments_paymentattempt attempt ON attempt.id = found.attempt_id WHERE attempt.payment_id = %s
        """,
        purchase.payment,
    )
    assert found == [("MISSING_HERE", "MENDED")]
