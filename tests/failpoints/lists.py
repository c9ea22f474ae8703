"""A day of a gateway's lists: compared by workers, and what members of staff do about it."""

from tests.failpoints.bench import PATIENCE_SECONDS, Bench
from tests.failpoints.staff import Tale, press, settled
from tests.flows.ends import Purchase, entries
from tests.live import eventually


def day_is_compared(method: str) -> Tale:
    """Money that nothing else told of is found in the gateway's list."""

    def story(bench: Bench, began: float) -> None:
        purchase = bench.unlucky(method, webhook_lost_rate=1, approval_delay_ms=1500)
        purchase.wait("PENDING", "SETTLED", seconds=PATIENCE_SECONDS)
        bench.live.change("UPDATE payments_payment SET next_check_at = NULL WHERE id = %s", purchase.payment)
        eventually(lambda: _assert_collected(bench, purchase), seconds=PATIENCE_SECONDS)
        ask_for_today(bench, method)
        bench.paid(purchase, began)
        _day_ends(bench, method)

    return story


def fee_is_in_the_bill(bench: Bench, began: float) -> None:
    """Only the settlement tells what the gateway kept."""
    purchase = settled(bench, "cashfree")
    ask_for_today(bench, "cashfree")
    eventually(lambda: _assert_fee(bench, purchase), seconds=PATIENCE_SECONDS)
    _day_ends(bench, "cashfree")


def _assert_fee(bench: Bench, purchase: Purchase) -> None:
    assert [kind for kind, *_ in entries(bench.live, purchase.payment)].count("fee") == 1


def _assert_collected(bench: Bench, purchase: Purchase) -> None:
    assert [one["state"] for one in bench.live.books(purchase.method, purchase.customer.phone)] == ["collected"]


def ask_for_today(bench: Bench, method: str) -> None:
    """A second look would come a minute later: as if it had passed, when there is one."""
    press(bench, f"ask_for_day('{method}', datetime.now(UTC).date(), **who)")


def _day_ends(bench: Bench, method: str) -> None:
    eventually(lambda: _assert_day_ended(bench, method), seconds=PATIENCE_SECONDS)


def _assert_day_ended(bench: Bench, method: str) -> None:
    statement = """
        UPDATE payments_reconciliation SET next_attempt_at = now()
        WHERE gateway = %s AND state = 'QUEUED' AND begun_at IS NULL AND next_attempt_at > now()
    """
    bench.live.change(statement, method)
    states = bench.live.column("SELECT state FROM payments_reconciliation WHERE gateway = %s ORDER BY day DESC", method)
    assert states[0] == "FINISHED"


def lists_are_not_to_be_had(bench: Bench, began: float) -> None:
    bench.live.control("PATCH", "campay", {"outage": True})
    try:
        ask_for_today(bench, "campay")
        eventually(lambda: _assert_put_off(bench), seconds=PATIENCE_SECONDS)
    finally:
        bench.live.control("PATCH", "campay", {"outage": False})
    _day_ends(bench, "campay")


def _assert_put_off(bench: Bench) -> None:
    query = "SELECT problem <> '' FROM payments_reconciliation WHERE gateway = 'campay' ORDER BY day DESC LIMIT 1"
    assert bench.live.column(query) == [True]


def is_begun_too_often(bench: Bench, began: float) -> None:
    """Then a day is given up, and asked for again by somebody."""
    ask_for_today(bench, "campay")
    statement = "UPDATE payments_reconciliation SET attempts_made = 50, state = 'QUEUED', next_attempt_at = now() "
    statement += "WHERE gateway = 'campay' AND day = (now() AT TIME ZONE 'UTC')::date"
    _day_ends(bench, "campay")
    bench.live.change(statement)
    eventually(lambda: _assert_given_up(bench), seconds=PATIENCE_SECONDS)
    ask_for_today(bench, "campay")
    _day_ends(bench, "campay")


def _assert_given_up(bench: Bench) -> None:
    query = "SELECT state FROM payments_reconciliation WHERE gateway = 'campay' ORDER BY day DESC LIMIT 1"
    assert bench.live.column(query) == ["FAILED"]


_BREAK = """
day = ask_for_day("fapshi", datetime.now(UTC).date())
attempt = PaymentAttempt.objects.get(payment=payment_id, state="PAID")
fee = attempt.payment.fee_minor
told = dict(our_minor=fee, our_currency="XAF", their_minor=fee + 1, their_currency="XAF", reference=key.hex)
say(ReconciliationBreak.objects.create(reconciliation=day, kind="FEE", attempt=attempt, **told).pk)
"""


def fee_is_corrected(bench: Bench, began: float) -> None:
    purchase = settled(bench, "fapshi")
    found = press(bench, _BREAK, purchase.payment, is_staff=False)
    press(bench, f"correct_fee({found}, **who)", purchase.payment)
    eventually(lambda: _assert_corrected(bench, purchase), seconds=PATIENCE_SECONDS)


def _assert_corrected(bench: Bench, purchase: Purchase) -> None:
    fees = [amount for kind, _, _, amount in entries(bench.live, purchase.payment) if kind.startswith(("fee", "1"))]
    assert sum(fees) == 151
    assert bench.live.column("SELECT fee_minor FROM payments_payment WHERE id = %s", purchase.payment) == [151]


def break_is_closed(bench: Bench, began: float) -> None:
    purchase = settled(bench, "fapshi")
    found = press(bench, _BREAK, purchase.payment, is_staff=False)
    press(bench, f"close_break({found}, **who)", purchase.payment)
    assert bench.live.column("SELECT state FROM payments_reconciliationbreak WHERE id = %s", int(found)) == ["CLOSED"]
