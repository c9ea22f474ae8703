"""What members of staff do, and what workers do for them, with the ends that it must come to.

They press the button again when their process dies: what was done is then refused, or found done.
"""

import uuid
from collections.abc import Callable

import requests

from tests.failpoints.bench import PATIENCE_SECONDS, Bench, Patient, held_back
from tests.flows.ends import Purchase
from tests.live import PASSWORD, eventually

Tale = Callable[[Bench, float], None]

_PRESS = """
import uuid
from datetime import UTC, datetime
from django.contrib.auth.models import User
from django.utils import timezone
from choptym.lib.errors import NotAllowed
from choptym.lib.money import Money
from notifications.send_again import send_again
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


def gives_back_unheard(bench: Bench, began: float) -> None:
    """Nobody rings: the sweeper finds the refund."""
    purchase = settled(bench)
    bench.silence("payments.tasks.send_refunds:razorpay")
    _ask_over_http(bench, purchase)
    given_once(bench, purchase, "REFUNDED", 2000)


def gives_back_and_hears_nothing(bench: Bench, began: float) -> None:
    """The answer is lost, and no webhook comes: the gateway is asked what became of it."""
    purchase = settled(bench, "cashfree")
    bench.live.turn("cashfree", purchase.customer.phone, times=1, timeout_after_capture_rate=1, webhook_lost_rate=1)
    _ask_over_http(bench, purchase)
    given_once(bench, purchase, "REFUNDED", 2000, is_told=False)


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
    eventually(lambda: assert_letters(bench, topup, 1), seconds=PATIENCE_SECONDS)
    gift, key = f"credit_wallet(user_id={customer.id}, money=Money(2000, 'INR'), key=key, **who)", uuid.uuid4()
    press(bench, gift, key=key)
    replays(bench, topup)
    back = Purchase(bench.live, customer, "razorpay", purchase.product, 2, 5_000, topup, 0)
    given_once(bench, back, "REFUNDED", 2000)
    eventually(lambda: assert_letters(bench, topup, 0), seconds=PATIENCE_SECONDS)
    assert bench.live.balance(customer, "INR") == 0


def assert_letters(bench: Bench, payment: int, count: int) -> None:
    query = "SELECT count(*) FROM payments_deadletter WHERE payment_id = %s AND replayed_at IS NULL"
    assert bench.live.column(query, payment) == [count]


def replays(bench: Bench, payment: int) -> None:
    """Every letter that is open, until none is; what a death has left open too."""
    code = """
for letter in DeadLetter.objects.filter(payment=payment_id, replayed_at=None):
    replay_dead_letter(letter.pk, **who)
"""
    press(bench, code, payment)


def given_once(bench: Bench, purchase: Purchase, state: str, amount: int, *, is_told: bool = True) -> None:
    """One row, and at the gateway what it says. Not `is_told`: its webhook is lost, so it is asked about in the end."""
    eventually(lambda: _assert_given(bench, purchase, state, amount, is_told=is_told), seconds=PATIENCE_SECONDS)


def _assert_given(bench: Bench, purchase: Purchase, state: str, amount: int, *, is_told: bool) -> None:
    live = bench.live
    if not is_told:  # that is after an hour at last: as if it had passed
        due = "UPDATE payments_refund SET next_attempt_at = now() WHERE payment_id = %s AND state = 'PENDING'"
        live.change(due, purchase.payment)
    query = "SELECT amount_minor, state FROM payments_refund WHERE payment_id = %s ORDER BY id"
    assert live.rows(query, purchase.payment) == [(amount, state)]
    books = live.control("GET", f"{purchase.method}/books?phone={purchase.customer.phone}")["entries"]
    given = [amount] if state == "REFUNDED" else []
    assert [one["amount_minor"] for one in books if one["state"] == "paid_back"] == given
