"""What cannot be booked, what contradicts us, and how members of staff end it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from tests.failpoints.bench import PATIENCE_SECONDS, Bench, Patient
from tests.failpoints.staff import assert_letters, press, replays, settled
from tests.flows.ends import Purchase, attempts, entries, stock
from tests.live import eventually


@contextmanager
def refusing_to_settle(bench: Bench, phone: str) -> Iterator[None]:
    """The database refuses to settle what this phone pays, for a reason of its own."""
    name = f"refuse_{phone}"
    bench.live.change(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'integrity_constraint_violation'; END $$;
        CREATE TRIGGER {name} BEFORE UPDATE ON payments_payment FOR EACH ROW
        WHEN (NEW.phone = '{phone}' AND NEW.state = 'SETTLED') EXECUTE FUNCTION {name}()
        """
    )
    try:
        yield
    finally:
        bench.live.change(f"DROP TRIGGER {name} ON payments_payment; DROP FUNCTION {name}()")


def cannot_be_settled(bench: Bench, began: float) -> None:
    """Set aside, mended and replayed; its try had no id of the gateway's yet."""
    customer = bench.customer("razorpay")
    bench.live.turn("razorpay", customer.phone, times=1, timeout_after_capture_rate=1)
    with refusing_to_settle(bench, customer.phone):
        purchase = bench.buy("razorpay", customer=customer)
        eventually(lambda: assert_letters(bench, purchase.payment, 1), seconds=PATIENCE_SECONDS)
        eventually(lambda: _assert_matched(bench, purchase), seconds=PATIENCE_SECONDS)
    replays(bench, purchase.payment)
    bench.paid(purchase, began)


def _assert_matched(bench: Bench, purchase: Purchase) -> None:
    query = "SELECT count(*) FROM payments_webhookevent WHERE payment_id = %s AND state = 'MATCHED'"
    assert bench.live.column(query, purchase.payment)[0] >= 1


def cannot_be_taken_up(bench: Bench, began: float) -> None:
    """A letter that says something of a refund of nothing that we know: replayed, it stays open with the reason."""
    purchase = settled(bench)
    code = """
said = dump_refund(RefundStatus(RefundOutcome.DONE, "rfnd_unknown", "", Money(100, "INR"), transaction_id="order_no"))
DeadLetter.objects.create(payment_id=payment_id, reason="a test", facts=[{"gateway": "razorpay", **said}])
"""
    press(bench, code, purchase.payment, is_staff=False)
    replays(bench, purchase.payment)
    eventually(lambda: assert_letters(bench, purchase.payment, 1), seconds=PATIENCE_SECONDS)
    bench.live.change("UPDATE payments_deadletter SET replayed_at = now() WHERE payment_id = %s", purchase.payment)
    bench.paid(purchase, began)


def gives_back_what_is_not_ours(bench: Bench, began: float) -> None:
    """A signed event about a refund of which we know nothing waits, and harms nobody."""
    purchase = settled(bench)
    code = """
status = RefundStatus(RefundOutcome.DONE, "rfnd_" + key.hex, "", Money(100, "INR"), transaction_id="order_no")
said = dump_refund(status)
WebhookEvent.objects.create(gateway="razorpay", key=key.hex, facts=said, next_look_at=timezone.now())
"""
    key = uuid.uuid4()
    press(bench, code, key=key, is_staff=False)
    eventually(lambda: _assert_parked(bench, key.hex), seconds=PATIENCE_SECONDS)
    bench.paid(purchase, began)


def _assert_parked(bench: Bench, key: str) -> None:
    assert bench.live.column("SELECT state FROM payments_webhookevent WHERE key = %s", key) == ["PARKED"]


def takes_more(bench: Bench, began: float) -> None:
    """The gateway collects too much: a person lets it pay the order, and the rest is in the wallet."""
    purchase = bench.unlucky("fapshi", wrong_amount_rate=1, wrong_amount_delta_minor=500)
    purchase.wait("REVIEW", seconds=PATIENCE_SECONDS)
    press(bench, "accept_payment(payment_id, **who)", purchase.payment)
    eventually(lambda: _assert_accepted(bench, purchase), seconds=PATIENCE_SECONDS)


def _assert_accepted(bench: Bench, purchase: Purchase) -> None:
    posted = {(kind, amount) for kind, _, _, amount in entries(bench.live, purchase.payment) if kind != "fee"}
    assert posted == {("capture", 5500), ("sale", 5000)}
    assert bench.live.balance(purchase.customer) == 500
    assert stock(purchase) == (8, 0, 2)


def was_never_collected(bench: Bench, began: float) -> None:
    """A review of which a person finds that nothing was collected at all."""
    purchase = bench.unlucky(never_approve_rate=1)
    purchase.wait("PENDING", seconds=PATIENCE_SECONDS)
    now = "state = 'PAID', collected_minor = 5500, collected_currency = 'XAF', ended_at = now()"
    bench.live.change(f"UPDATE payments_paymentattempt SET {now} WHERE payment_id = %s", purchase.payment)  # noqa: S608
    bench.live.change(
        "UPDATE payments_payment SET state = 'REVIEW', finished_at = now(), next_check_at = NULL WHERE id = %s",
        purchase.payment,
    )
    press(bench, "fail_payment(payment_id, **who)", purchase.payment)
    bench.not_paid(purchase, began, "FAILED", "not_collected")


def takes_it_twice(bench: Bench, began: float) -> None:
    """A try that was proved never to have charged has done so after all, and nobody can read how much."""
    purchase = bench.unlucky(times=1, reset_rate=1)
    purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
    bench.live.turn("fapshi", purchase.customer.phone, webhook_lost_rate=1, approval_delay_ms=0)
    code = """
attempt = PaymentAttempt.objects.filter(payment=payment_id, state="ABSENT").earliest("number")
payment = attempt.payment
try:
    get_gateway("fapshi").collect(CollectRequest(str(attempt.reference), payment.amount, payment.phone, "again"))
finally:
    DeadLetter.objects.create(payment_id=payment_id, reason="a second time, and how much cannot be read")
"""
    press(bench, code, purchase.payment, is_staff=False)
    [late] = bench.live.column(
        "SELECT min(id) FROM payments_paymentattempt WHERE payment_id = %s AND state = 'ABSENT'", purchase.payment
    )
    press(bench, f"credit_surplus({late}, money=Money(5000, 'XAF'), **who)", purchase.payment)
    eventually(lambda: _assert_surplus(bench, purchase), seconds=PATIENCE_SECONDS)


def _assert_surplus(bench: Bench, purchase: Purchase) -> None:
    assert sorted(set(attempts(bench.live, purchase.payment)) - {"ABSENT"}) == ["PAID", "SURPLUS"]
    assert bench.live.balance(purchase.customer) == 5000
    assert stock(purchase) == (8, 0, 2)
    assert_letters(bench, purchase.payment, 0)


def gives_a_gift(bench: Bench, began: float) -> None:
    customer, key = bench.customer(), uuid.uuid4()
    press(bench, f"credit_wallet(user_id={customer.id}, money=Money(700, 'XAF'), key=key, **who)", key=key)
    eventually(lambda: _assert_gift(bench, customer, key), seconds=PATIENCE_SECONDS)


def _assert_gift(bench: Bench, customer: Patient, key: uuid.UUID) -> None:
    assert bench.live.balance(customer) == 700
    assert bench.live.column("SELECT count(*) FROM wallets_entry WHERE reason = %s", f"credit:{key}") == [1]
