"""What customers do, and the end that each of it must come to whoever dies on the way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from tests.failpoints.bench import PATIENCE_SECONDS, Bench, held_back
from tests.flows.ends import Purchase, attempts, entries, press, stock
from tests.live import eventually

Began = float
Tale = Callable[[Bench, Began], None]


def pays(bench: Bench, began: Began, method: str = "fapshi", price: int = 2500) -> None:
    bench.paid(bench.buy(method, price=price), began)


def pays_much(bench: Bench, began: Began) -> None:
    pays(bench, began, price=6000)


def pays_little(bench: Bench, began: Began) -> None:
    pays(bench, began, price=1000)


def pays_signed(bench: Bench, began: Began) -> None:
    """The gateway's own word settles."""
    pays(bench, began, "razorpay")


def pays_on_a_page(bench: Bench, began: Began) -> None:
    """The customer presses the button on the gateway's own page."""
    purchase = bench.buy(link=True)
    shown = purchase.wait("PENDING", seconds=PATIENCE_SECONDS)
    if shown["link"]:
        press("pay", shown["link"], purchase.customer)
        bench.paid(purchase, began)
    else:  # it was in the answer that died with the process, and Fapshi does not tell it again: they begin anew
        _cancel(bench, purchase, began)


def pays_by(method: str) -> Tale:
    """Through each of the gateways: they differ in what a lost call means."""

    def story(bench: Bench, began: Began) -> None:
        purchase = bench.buy(method)
        if method == "campay":
            _settle_or_give_up(bench, purchase, began)
        else:
            bench.paid(purchase, began)

    return story


def _settle_or_give_up(bench: Bench, purchase: Purchase, began: Began) -> None:
    """CamPay never proves that a lost call was not executed: such a payment waits until it expires."""
    body = purchase.wait("SETTLED", "REQUESTED", seconds=PATIENCE_SECONDS)
    end = time.monotonic() + 25
    while body["status"] != "SETTLED" and time.monotonic() < end:
        time.sleep(0.2)
        body = purchase.customer.get(f"/api/payments/{purchase.payment}/")
    if body["status"] == "REQUESTED" and bench.live.books("campay", purchase.customer.phone) == []:
        purchase.move_time("expires_at")
        bench.not_paid(purchase, began, "EXPIRED", "expired")
    else:
        bench.paid(purchase, began)


def pays_late(bench: Bench, began: Began) -> None:
    """Asked about while it is open, because no webhook tells."""
    purchase = bench.unlucky(webhook_lost_rate=1, approval_delay_ms=2500)
    purchase.wait("PENDING", "SETTLED", seconds=PATIENCE_SECONDS)
    purchase.move_time("next_check_at")
    bench.paid(purchase, began)


def pays_unheard(bench: Bench, began: Began) -> None:
    """Nobody rings for the webhook, for the question, for the message: the sweepers find the rows."""
    for bell in ("payments.tasks.process_events:fapshi", "payments.tasks.confirm_payments:fapshi"):
        bench.silence(bell)
    purchase = bench.unlucky(approval_delay_ms=300)
    for bell in (
        *("payments.tasks.process_events:fapshi", "payments.tasks.confirm_payments:fapshi"),
        "notifications.tasks.deliver_notifications",
    ):
        bench.silence(bell)
    bench.paid(purchase, began)


def answer_is_lost(bench: Bench, began: Began) -> None:
    bench.paid(bench.unlucky(times=1, timeout_after_capture_rate=1, webhook_lost_rate=1), began)


def answer_comes_last(bench: Bench, began: Began) -> None:
    """A webhook has told of the money before the answer to the charge is here."""
    purchase = bench.unlucky(answer_held_ms=1000)
    purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
    time.sleep(1.5)  # the answer is here by now, if anybody is left who waits for it
    bench.paid(purchase, began)


def call_is_lost(bench: Bench, began: Began) -> None:
    bench.paid(bench.unlucky(times=1, reset_rate=1), began)


def gateway_is_busy(bench: Bench, began: Began) -> None:
    bench.paid(bench.unlucky("razorpay", times=1, busy_rate=1), began)


def gateway_refuses_us(bench: Bench, began: Began) -> None:
    """Our own fault, so it is tried again."""
    bench.paid(bench.unlucky(times=1, ip_refused=True), began)


def refused_at_once(bench: Bench, began: Began) -> None:
    customer = bench.customer()
    bench.live.change("UPDATE auth_user SET email = 'no address' WHERE id = %s", customer.id)
    bench.not_paid(bench.buy(customer=customer), began, "FAILED", "refused")


def nothing_is_open(bench: Bench, began: Began) -> None:
    """Due, and there is nothing to ask about."""
    customer = bench.customer()
    bench.live.change("UPDATE auth_user SET email = 'no address' WHERE id = %s", customer.id)
    purchase = bench.buy(customer=customer)
    purchase.wait("FAILED", seconds=PATIENCE_SECONDS)
    purchase.move_time("next_check_at")
    eventually(lambda: _assert_asked_no_more(bench, purchase), seconds=PATIENCE_SECONDS)
    bench.not_paid(purchase, began, "FAILED", "refused")


def _assert_asked_no_more(bench: Bench, purchase: Purchase) -> None:
    assert bench.live.column("SELECT next_check_at FROM payments_payment WHERE id = %s", purchase.payment) == [None]


def declined(bench: Bench, began: Began) -> None:
    bench.not_paid(bench.unlucky(refusal_rate=1), began, "FAILED", "declined")


def expires(bench: Bench, began: Began) -> None:
    purchase = bench.unlucky(never_approve_rate=1)
    purchase.wait("PENDING", seconds=PATIENCE_SECONDS)
    purchase.move_time("expires_at")
    bench.not_paid(purchase, began, "EXPIRED", "expired")


def page_expires(bench: Bench, began: Began) -> None:
    """The hosted page is closed by the question after it."""
    purchase = bench.buy(customer=bench.customer(), link=True)
    purchase.wait("PENDING", seconds=PATIENCE_SECONDS)
    purchase.move_time("expires_at")
    bench.not_paid(purchase, began, "EXPIRED", "expired")
    purchase.move_time("next_check_at")
    eventually(lambda: _assert_closed(bench, purchase), seconds=PATIENCE_SECONDS)


def _assert_closed(bench: Bench, purchase: Purchase) -> None:
    assert attempts(bench.live, purchase.payment)[-1] == "NOT_PAID"


def cancelled(bench: Bench, began: Began) -> None:
    purchase = bench.unlucky(never_approve_rate=1)
    purchase.wait("PENDING", seconds=PATIENCE_SECONDS)
    _cancel(bench, purchase, began)


def _cancel(bench: Bench, purchase: Purchase, began: Began) -> None:
    answer = purchase.customer.call("POST", f"/api/payments/{purchase.payment}/cancel/")
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    bench.not_paid(purchase, began, "CANCELLED", "cancelled")


def row_is_held(bench: Bench, began: Began) -> None:
    """Somebody holds the payment's row for longer than a worker waits for a lock."""
    purchase = bench.unlucky(approval_delay_ms=4000)
    purchase.wait("PENDING", "SETTLED", seconds=PATIENCE_SECONDS)
    with holding(bench, "payments_payment", purchase.payment):
        purchase_due = (
            "UPDATE payments_webhookevent SET next_look_at = now() WHERE state = 'NEW' AND gateway = 'fapshi'"
        )
        for _ in range(11):
            time.sleep(1)
            bench.live.change(purchase_due)
    bench.paid(purchase, began)


def stock_is_held(bench: Bench, began: Began) -> None:
    """Somebody holds the product's row for longer than settlement waits for a lock: the question is given back."""
    purchase = bench.unlucky(webhook_lost_rate=1, approval_delay_ms=300)
    purchase.wait("PENDING", "SETTLED", seconds=PATIENCE_SECONDS)
    with holding(bench, "orders_product", purchase.product):
        for _ in range(8):
            if attempts(bench.live, purchase.payment) != ["PAID"]:
                purchase.move_time("next_check_at")
            time.sleep(1)
    bench.paid(purchase, began)


@contextmanager
def holding(bench: Bench, table: str, row: int) -> Iterator[None]:
    """Its row is locked meanwhile."""
    with psycopg.connect(bench.live.stack.database_url) as connection:
        connection.execute(f"SELECT id FROM {table} WHERE id = %s FOR NO KEY UPDATE", [row])  # noqa: S608
        yield
        connection.rollback()


def with_strangers(bench: Bench, began: Began) -> None:
    """The gateway tells of somebody else's transaction too."""
    purchase = bench.unlucky(webhook_unknown_rate=1)
    bench.paid(purchase, began)
    eventually(lambda: _assert_parked(bench, began), seconds=PATIENCE_SECONDS)


def _assert_parked(bench: Bench, began: Began) -> None:
    query = """
        SELECT count(*) FROM payments_webhookevent
        WHERE gateway = 'fapshi' AND state IN ('PARKED', 'UNCLAIMED') AND looks > 1 AND received_at > to_timestamp(%s)
    """
    assert bench.live.column(query, began)[0] > 0


def pays_from_wallet(bench: Bench, began: Began) -> None:
    customer = bench.customer()
    topup = customer.top_up(10_000)
    bench.payments.add(topup)
    customer.wait(topup, "SETTLED", seconds=PATIENCE_SECONDS)
    purchase = bench.buy("wallet", customer=customer)
    purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
    eventually(lambda: _assert_paid_from_wallet(bench, purchase, 5_000, began), seconds=PATIENCE_SECONDS)


def _assert_paid_from_wallet(bench: Bench, purchase: Purchase, left: int, began: Began) -> None:
    sale = ("sale", f"customer:{purchase.customer.id}", "sales", purchase.amount)
    assert entries(bench.live, purchase.payment) == {sale}
    assert bench.live.balance(purchase.customer) == left
    assert stock(purchase) == (8, 0, 2)


def wallet_runs_dry(bench: Bench, began: Began) -> None:
    """Two orders at once from what is enough for one."""
    customer = bench.customer()
    topup = customer.top_up(6_000)
    bench.payments.add(topup)
    customer.wait(topup, "SETTLED", seconds=PATIENCE_SECONDS)
    account = bench.live.column("SELECT id FROM wallets_account WHERE name = %s", f"customer:{customer.id}")[0]
    with holding(bench, "wallets_account", account):
        purchases = [bench.buy("wallet", customer=customer) for _ in range(2)]
    for purchase in purchases:
        purchase.wait("SETTLED", "FAILED", seconds=PATIENCE_SECONDS)
    paid, refused = sorted(purchases, key=lambda one: str(one.wait("SETTLED", "FAILED")["status"]), reverse=True)
    eventually(lambda: _assert_paid_from_wallet(bench, paid, 1_000, began), seconds=PATIENCE_SECONDS)
    assert refused.wait("FAILED")["failure_code"] == "insufficient_balance"
    assert stock(refused) == (10, 0, 0)
    assert entries(bench.live, refused.payment) == set()


def wallet_is_held_back(bench: Bench, began: Began) -> None:
    """By order of a person; then it goes on."""
    customer = bench.customer()
    topup = customer.top_up(10_000)
    bench.payments.add(topup)
    customer.wait(topup, "SETTLED", seconds=PATIENCE_SECONDS)
    with held_back(bench, "wallet"):
        purchase = bench.buy("wallet", customer=customer)
        # What is held back is not even taken in hand, but for a message of the release before.
        bench.press(f"from payments.tasks import pay_from_wallet; say(pay_from_wallet.delay({purchase.payment}).id)")
        time.sleep(3)
    purchase.wait("SETTLED", seconds=PATIENCE_SECONDS)
    eventually(lambda: _assert_paid_from_wallet(bench, purchase, 5_000, began), seconds=PATIENCE_SECONDS)


def goes_to_another_gateway(bench: Bench, began: Began) -> None:
    """What waits at one gateway is moved to the next, as when the circuit of its own is open."""
    code = "from payments.locks import move_to_gateway; say(move_to_gateway({}, 'cashfree', 'razorpay'))"
    with held_back(bench, "cashfree"):
        purchase = bench.buy("cashfree")
        bench.press(code.format(purchase.payment))
    purchase.method = "razorpay"
    bench.paid(purchase, began)
