"""What members of staff do, and what workers do for them, with the ends that it must come to.

They press the button again when their process dies: what was done is then refused, or found done.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests

from tests.failpoints.bench import PATIENCE_SECONDS, Bench, Patient, held_back
from tests.flows.ends import Purchase, attempts, entries, stock
from tests.live import PASSWORD, eventually

Tale = Callable[[Bench, float], None]

_PRESS = """
import uuid
from datetime import UTC, datetime
from django.contrib.auth.models import User
from django.utils import timezone
from choptym.lib.errors import NotAllowed
from choptym.lib.money import Money
from payments.gateways import get_gateway
from payments.gateways.base import CollectRequest, RefundOutcome, RefundRequest, RefundStatus
from payments.gateways.facts_json import dump_refund
from payments.models import *
from payments.bulk_upload import discard_upload, start_upload, upload_file
from payments.credit import credit_wallet
from payments.credit_surplus import credit_surplus
from payments.reconciliation.ask import ask_for_day
from payments.reconciliation.close import close_break
from payments.reconciliation.correct import correct_fee
from payments.refund import refund_payment, resolve_refund
from payments.refunds.write import Wish
from payments.replay import replay_dead_letter
from payments.review import accept_payment, fail_payment
who = dict(actor_id=User.objects.get(username="admin").pk, reason="it is right so")
payment_id, key = {payment}, uuid.UUID("{key}")
try:
{code}
except NotAllowed as error:
    say(error.code)
"""


def press(bench: Bench, code: str, payment: int = 0, *, key: uuid.UUID | None = None, is_staff: bool = True) -> str:
    """`code` in a process of the stack. With `is_staff` false: by the gateway, or the world; nobody dies then."""
    lines = "\n".join(f"    {line}" for line in code.strip().splitlines())
    text = _PRESS.format(payment=payment, key=key or uuid.uuid4(), code=lines)
    return bench.press(text, dies=is_staff)


def admin_of(bench: Bench) -> Patient:
    body = {"username": "admin", "password": PASSWORD}
    one = Patient(bench.live, 0, "admin", "", "")
    one.token = requests.post(f"{bench.live.stack.web}/api/auth/token/", json=body, timeout=10).json()["token"]
    return one


# --- refunds ---


def settled(bench: Bench, method: str = "razorpay") -> Purchase:
    purchase = bench.buy(method)
    purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
    return purchase


def gives_back(bench: Bench, began: float) -> None:
    purchase = settled(bench)
    _ask_over_http(bench, purchase)
    given_once(bench, purchase, "REFUNDED", 2000)


def _ask_over_http(bench: Bench, purchase: Purchase) -> None:
    wish, key = {"amount_minor": 2000, "reason": "cold soup"}, {"Idempotency-Key": str(uuid.uuid4())}
    answer = admin_of(bench).call("POST", f"/api/payments/{purchase.payment}/refunds/", wish, **key)
    assert answer.status_code == 202, answer.text


def gives_back_at(method: str) -> Tale:
    def story(bench: Bench, began: float) -> None:
        purchase = settled(bench, method)
        _ask_over_http(bench, purchase)
        given_once(bench, purchase, "REFUNDED", 2000)

    return story


def gives_back_unheard(bench: Bench, began: float) -> None:
    """Nobody rings: the sweeper finds the refund."""
    purchase = settled(bench)
    bench.silence("payments.tasks.send_refunds:razorpay")
    _ask_over_http(bench, purchase)
    given_once(bench, purchase, "REFUNDED", 2000)


def gives_back_and_hears_nothing(bench: Bench, began: float) -> None:
    """The answer is lost: the gateway is asked what became of it."""
    purchase = settled(bench, "cashfree")
    bench.live.turn("cashfree", purchase.customer.phone, times=1, timeout_after_capture_rate=1, webhook_lost_rate=1)
    _ask_over_http(bench, purchase)
    given_once(bench, purchase, "REFUNDED", 2000)


def gives_back_by_hand(bench: Bench, began: float) -> None:
    purchase = settled(bench)
    wish = "Wish(reason='cold soup', amount_minor=2000, reference=key)"
    press(bench, f"refund_payment(payment_id, {wish}, actor_id=who['actor_id'])", purchase.payment)
    given_once(bench, purchase, "REFUNDED", 2000)


def calls_a_refund_off(bench: Bench, began: float) -> None:
    purchase = settled(bench, "cashfree")
    with held_back(bench, "cashfree"):
        _ask_over_http(bench, purchase)
        refund = bench.live.column("SELECT id FROM payments_refund WHERE payment_id = %s", purchase.payment)[0]
        press(bench, f"resolve_refund({refund}, was_given=False, **who)", purchase.payment)
    given_once(bench, purchase, "FAILED", 2000)


def gateway_gives_back(bench: Bench, began: float) -> None:
    """Begun on the gateway's own pages: we hear of it."""
    purchase = settled(bench)
    _give_back_there(bench, purchase.payment)
    given_once(bench, purchase, "REFUNDED", 2000)


def _give_back_there(bench: Bench, payment: int) -> None:
    code = """
attempt = PaymentAttempt.objects.get(payment=payment_id, state="PAID")
get_gateway("razorpay").refund(RefundRequest(str(key), attempt.transaction_id, Money(2000, "INR"), "their own wish"))
"""
    press(bench, code, payment, is_staff=False)


def spent_money_goes_back(bench: Bench, began: float) -> None:
    """The gateway gives back what the customer has spent: set aside, until staff have put something into the wallet."""
    customer = bench.customer("razorpay")
    topup = customer.top_up(5_000, "razorpay")
    bench.payments.add(topup)
    customer.wait(topup, "SETTLED", seconds=PATIENCE_SECONDS)
    purchase = bench.buy("wallet", customer=customer, currency="INR")
    purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
    _give_back_there(bench, topup)
    eventually(lambda: _assert_letters(bench, topup, 1), seconds=PATIENCE_SECONDS)
    gift, key = f"credit_wallet(user_id={customer.id}, money=Money(2000, 'INR'), key=key, **who)", uuid.uuid4()
    press(bench, gift, key=key)
    replays(bench, topup)
    back = Purchase(bench.live, customer, "razorpay", purchase.product, 2, 5_000, topup, 0)
    given_once(bench, back, "REFUNDED", 2000)
    eventually(lambda: _assert_letters(bench, topup, 0), seconds=PATIENCE_SECONDS)
    assert bench.live.balance(customer, "INR") == 0


def _assert_letters(bench: Bench, payment: int, count: int) -> None:
    query = "SELECT count(*) FROM payments_deadletter WHERE payment_id = %s AND replayed_at IS NULL"
    assert bench.live.column(query, payment) == [count]


def replays(bench: Bench, payment: int) -> None:
    """Every letter that is open, until none is; what a death has left open too."""
    code = """
for letter in DeadLetter.objects.filter(payment=payment_id, replayed_at=None):
    replay_dead_letter(letter.pk, **who)
"""
    press(bench, code, payment)


def given_once(bench: Bench, purchase: Purchase, state: str, amount: int) -> None:
    """One row, and at the gateway what it says."""
    eventually(lambda: _assert_given(bench, purchase, state, amount), seconds=PATIENCE_SECONDS)


def _assert_given(bench: Bench, purchase: Purchase, state: str, amount: int) -> None:
    live = bench.live
    query = "SELECT amount_minor, state FROM payments_refund WHERE payment_id = %s ORDER BY id"
    assert live.rows(query, purchase.payment) == [(amount, state)]
    books = live.control("GET", f"{purchase.method}/books?phone={purchase.customer.phone}")["entries"]
    given = [amount] if state == "REFUNDED" else []
    assert [one["amount_minor"] for one in books if one["state"] == "paid_back"] == given


# --- what cannot be booked, and what contradicts us ---


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
        eventually(lambda: _assert_letters(bench, purchase.payment, 1), seconds=PATIENCE_SECONDS)
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
    eventually(lambda: _assert_letters(bench, purchase.payment, 1), seconds=PATIENCE_SECONDS)
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
    bench.not_paid(purchase, "FAILED", "not_collected")


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
    _assert_letters(bench, purchase.payment, 0)


def gives_a_gift(bench: Bench, began: float) -> None:
    customer, key = bench.customer(), uuid.uuid4()
    press(bench, f"credit_wallet(user_id={customer.id}, money=Money(700, 'XAF'), key=key, **who)", key=key)
    eventually(lambda: _assert_gift(bench, customer, key), seconds=PATIENCE_SECONDS)


def _assert_gift(bench: Bench, customer: Patient, key: uuid.UUID) -> None:
    assert bench.live.balance(customer) == 700
    assert bench.live.column("SELECT count(*) FROM wallets_entry WHERE reason = %s", f"credit:{key}") == [1]


# --- files of many ---


def credits_many(bench: Bench, began: float) -> None:
    """More lines than one chunk takes."""
    customer = bench.customer()
    lines = "".join(f"{customer.name},{amount},XAF,a gift\n" for amount in range(101, 113))
    upload = _upload(bench, "CREDITS", f"customer,amount,currency,reason\n{lines}")
    press(bench, f"start_upload({upload}, **who)")
    eventually(lambda: _assert_finished(bench, upload, "DONE"), seconds=PATIENCE_SECONDS)
    assert bench.live.balance(customer) == sum(range(101, 113))


def _upload(bench: Bench, kind: str, text: str) -> int:
    code = f"""
stored = upload_file(kind=BulkKind("{kind}"), content={text.encode()!r}, file_name="many.csv", **who)
say(stored.upload.pk)
"""
    return int(press(bench, code))


def _assert_finished(bench: Bench, upload: int, *states: str) -> None:
    assert bench.live.column("SELECT state FROM payments_bulkupload WHERE id = %s", upload) == ["FINISHED"]
    assert set(bench.live.column("SELECT state FROM payments_bulkline WHERE upload_id = %s", upload)) == {*states}


def a_line_is_refused(bench: Bench, began: float) -> None:
    """What it would give back was given back meanwhile."""
    purchase = settled(bench, "fapshi")
    upload = _upload(bench, "REFUNDS", f"payment,amount,reason\n{purchase.payment},5000,cold soup\n")
    press(
        bench, "refund_payment(payment_id, Wish(reason='x', reference=key), actor_id=who['actor_id'])", purchase.payment
    )
    press(bench, f"start_upload({upload}, **who)")
    eventually(lambda: _assert_finished(bench, upload, "REFUSED"), seconds=PATIENCE_SECONDS)
    assert bench.live.balance(purchase.customer) == 5000


def a_file_is_discarded(bench: Bench, began: float) -> None:
    customer = bench.customer()
    upload = _upload(bench, "CREDITS", f"customer,amount,currency,reason\n{customer.name},55,XAF,a gift\n")
    press(bench, f"discard_upload({upload}, **who)")
    assert bench.live.column("SELECT state FROM payments_bulkupload WHERE id = %s", upload) == ["DISCARDED"]
    assert bench.live.balance(customer) == 0


# --- the gateways' lists ---


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


_T = "payments.tasks."
LANES: dict[str, dict[str, Tale]] = {
    # Beside those that cases.py has in these lanes.
    "refunds": {
        "call.refund": gives_back,
        "call.fetch_refund": gives_back_and_hears_nothing,
        f"task.{_T}send_refunds": gives_back,
        f"answer.{_T}send_refunds": gives_back,
        f"task.{_T}sweep_refunds": gives_back_unheard,
        "refund.claim": gives_back,
        "refund.record": gives_back,
        "refund.take_up": gives_back,
        "refund.outside": gateway_gives_back,
        "refund.outside_set_aside": spent_money_goes_back,
        "settle.set_aside": cannot_be_settled,
        "told.learn": cannot_be_settled,
        "told.ask_after_failure": gives_back_what_is_not_ours,
    },
    "staff": {
        "refund.ask": gives_back_by_hand,
        "refund.resolve": calls_a_refund_off,
        "replay": spent_money_goes_back,
        "replay.close": spent_money_goes_back,
        "replay.set_aside": cannot_be_taken_up,
        "review.decide": takes_more,
        "review.fail": was_never_collected,
        "credit": gives_a_gift,
        "credit_surplus": takes_it_twice,
        "bulk.upload": a_file_is_discarded,
        "bulk.discard": a_file_is_discarded,
        "bulk.start": credits_many,
        f"ring.{_T}work_on_bulk": credits_many,
        "reconcile.correct": fee_is_corrected,
        "reconcile.close": break_is_closed,
        "reconcile.ask": lists_are_not_to_be_had,
    },
    "bulk": {
        "bulk.claim": credits_many,
        "bulk.line": credits_many,
        "bulk.refuse": a_line_is_refused,
        "bulk.give_back": credits_many,
        "bulk.finish": credits_many,
        f"task.{_T}work_on_bulk": credits_many,
        f"answer.{_T}work_on_bulk": credits_many,
        f"task.{_T}sweep_bulk": credits_many,
    },
    "reports": {
        "take.reports": day_is_compared("fapshi"),
        "ack.reports": day_is_compared("fapshi"),
        f"task.{_T}reconcile_day": day_is_compared("fapshi"),
        f"task.{_T}sweep_reconciliations": day_is_compared("fapshi"),
        f"publish.{_T}reconcile_day": day_is_compared("fapshi"),
        "call.history": day_is_compared("fapshi"),
        "call.settlements": fee_is_in_the_bill,
        "reconcile.due_day": day_is_compared("fapshi"),
        "reconcile.claim": day_is_compared("fapshi"),
        "reconcile.extend": day_is_compared("fapshi"),
        "reconcile.record": day_is_compared("fapshi"),
        "reconcile.fees": fee_is_in_the_bill,
        "reconcile.ask_again": day_is_compared("fapshi"),
        "reconcile.refunds_due": day_is_compared("fapshi"),
        "reconcile.finish": day_is_compared("fapshi"),
        "reconcile.put_off": lists_are_not_to_be_had,
        "reconcile.give_up": is_begun_too_often,
    },
}
