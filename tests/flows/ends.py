"""How a purchase can end, in every place that must agree.

Payment, tries at the gateway, order, its items, stock, cart, books, wallet, the gateway's books, messages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from psycopg import sql

from tests.live import CURRENCIES, PATIENCE_SECONDS, TIMEOUT_SECONDS, Customer, Live, eventually

STOCK = 10
# What the sandbox keeps, where the gateway tells it: Cashfree does so only when it pays out.
FEE_BASIS_POINTS = {"fapshi": 300, "campay": 200, "razorpay": 236}


@dataclass
class Purchase:
    """An order of a product that nobody else buys, and its payment."""

    live: Live
    customer: Customer
    method: str
    product: int
    quantity: int
    amount: int
    payment: int
    order: int

    @property
    def currency(self) -> str:
        return CURRENCIES[self.method]

    def wait(self, *until: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        return self.customer.wait(self.payment, *until, seconds=seconds)

    def move_time(self, column: str) -> None:
        """As if the time that stands in this column of the payment had come."""
        now = sql.SQL("UPDATE payments_payment SET {} = now() WHERE id = %s").format(sql.Identifier(column))
        self.live.database.execute(now, [self.payment])

    def gateway_id(self) -> str:
        """The id by which the sandbox knows the only transaction of this customer's phone."""
        eventually(self._assert_one_entry)
        return str(self.live.books(self.method, self.customer.phone)[0]["gateway_id"])

    def _assert_one_entry(self) -> None:
        assert len(self.live.books(self.method, self.customer.phone)) == 1


def buy(
    live: Live,
    method: str = "fapshi",
    *,
    customer: Customer | None = None,
    price_minor: int = 2500,
    quantity: int = 2,
    **body: Any,
) -> Purchase:
    """Check out a new product; the payment is under way."""
    customer = customer or live.payer(method)
    product = live.product(stock=STOCK, price_minor=price_minor, currency=CURRENCIES[method])
    payment = customer.pay(method, product, quantity, **body)
    order = live.column("SELECT order_id FROM payments_payment WHERE id = %s", payment)[0]
    return Purchase(live, customer, method, product, quantity, price_minor * quantity, payment, int(order))


def unlucky(live: Live, method: str = "fapshi", *, times: int | None = None, **knobs: Any) -> Purchase:
    """Check out with these knobs of the sandbox turned for this purchase only."""
    customer = live.payer(method)
    live.turn(method, customer.phone, times=times, **knobs)
    return buy(live, method, customer=customer)


def open_page(link: str) -> str:
    """The gateway's page, as a browser gets it."""
    response = requests.get(link, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    assert response.status_code == 200, response.text
    return response.text


def press(action: str, link: str, customer: Customer) -> None:
    """Press a button ("pay" or "decline") on the gateway's page."""
    form = {"action": action, "phone": customer.phone}
    response = requests.post(link, data=form, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    assert response.status_code == 303, response.text


def attempts(live: Live, payment: int) -> list[str]:
    return live.column("SELECT state FROM payments_paymentattempt WHERE payment_id = %s ORDER BY number", payment)


def entries(live: Live, payment: int) -> set[tuple[str, str, str, int]]:
    """(what for, from, to, amount) of everything that this payment posted."""
    rows = live.rows(
        """
        SELECT reason, debit.name, credit.name, amount_minor FROM wallets_entry entry
        JOIN wallets_account debit ON debit.id = entry.debit_id JOIN wallets_account credit ON credit.id = credit_id
        WHERE reason LIKE %s
        """,
        f"payment:{payment}:%",
    )
    found = {(reason.rsplit(":", 1)[1], debit, credit, amount) for reason, debit, credit, amount in rows}
    assert len(found) == len(rows)
    return found


def capture_entries(customer: Customer, method: str, amount: int) -> set[tuple[str, str, str, int]]:
    """What is posted when a gateway has collected: gross to the customer, and what the gateway keeps."""
    posted = {("capture", f"gateway:{method}", f"customer:{customer.id}", amount)}
    if method in FEE_BASIS_POINTS:
        fee = -(-amount * FEE_BASIS_POINTS[method] // 10_000)
        posted.add(("fee", f"fees:{method}", f"gateway:{method}", fee))
    return posted


def stock(purchase: Purchase) -> tuple[int, int, int]:
    """On hand, reserved, sold."""
    query = "SELECT stock_on_hand, stock_reserved, stock_sold FROM orders_product WHERE id = %s"
    [(on_hand, reserved, sold)] = purchase.live.rows(query, purchase.product)
    return on_hand, reserved, sold


def assert_paid(
    purchase: Purchase,
    *,
    tries: Sequence[str] = ("PAID",),
    attempts_made: int | None = None,
    may_be_told_twice: Callable[[], bool] = lambda: False,
    told: Sequence[str] = ("payment_settled",),
) -> None:
    """Settled exactly once, everywhere."""
    live, customer = purchase.live, purchase.customer
    made = len(tries) if attempts_made is None else attempts_made
    assert _payment(purchase) == ("SETTLED", "", made)
    assert attempts(live, purchase.payment) == list(tries)
    sale = ("sale", f"customer:{customer.id}", "sales", purchase.amount)
    expected = {*capture_entries(customer, purchase.method, purchase.amount), sale}
    # Cashfree's fee is told by its settlements: it is there if a reconciliation came by, every ten minutes.
    found = {entry for entry in entries(live, purchase.payment) if entry[1] != "fees:cashfree"}
    assert found == expected, found ^ expected
    assert live.collected(purchase.payment) == [purchase.amount]
    assert _order(purchase) == ("PAID", "SOLD")
    assert stock(purchase) == (STOCK - purchase.quantity, 0, purchase.quantity)
    assert purchase.product not in customer.cart()
    assert _held_lines(purchase) == 0
    assert live.balance(customer, purchase.currency) == 0
    assert_told(live, purchase.payment, customer.phone, *told, may_be_twice=may_be_told_twice)


def assert_on_again(purchase: Purchase, *earlier: str) -> None:
    """The money came when the order was gone, and everything for it was still there: it is paid all the same."""
    assert_paid(purchase, told=(*earlier, "payment_settled_late"))
    query = "SELECT cancelled_at IS NOT NULL FROM orders_order WHERE id = %s"
    assert purchase.live.column(query, purchase.order) == [True]


def assert_not_paid(
    purchase: Purchase,
    state: str,
    code: str,
    *,
    tries: Sequence[str],
    attempts_made: int | None = None,
    may_be_told_twice: Callable[[], bool] = lambda: False,
) -> None:
    """Ended with no money moved; the reservation is released, the cart is back."""
    live, customer = purchase.live, purchase.customer
    assert _payment(purchase) == (state, code, len(tries) if attempts_made is None else attempts_made)
    assert attempts(live, purchase.payment) == list(tries)
    assert entries(live, purchase.payment) == set()
    assert live.collected(purchase.payment) == []
    assert_released(purchase)
    assert customer.cart() == {purchase.product: purchase.quantity}
    assert live.balance(customer, purchase.currency) == 0
    kinds = {"FAILED": ("payment_failed",), "EXPIRED": ("payment_expired",), "CANCELLED": ()}
    told = ("payment_not_collected",) if code == "not_collected" else kinds[state]
    assert_told(live, purchase.payment, customer.phone, *told, may_be_twice=may_be_told_twice)


def assert_in_wallet(purchase: Purchase, *earlier: str, tries: Sequence[str] = ("PAID",)) -> None:
    """The money came when the order was gone: it is in the wallet and the customer, told `earlier` things, knows."""
    live, customer = purchase.live, purchase.customer
    assert _payment(purchase) == ("SETTLED", "", len(tries))
    assert attempts(live, purchase.payment) == list(tries)
    assert entries(live, purchase.payment) == capture_entries(customer, purchase.method, purchase.amount)
    assert live.collected(purchase.payment) == [purchase.amount]
    assert_released(purchase)
    assert live.balance(customer, purchase.currency) == purchase.amount
    assert_told(live, purchase.payment, customer.phone, *earlier, "wallet_credited")


def assert_released(purchase: Purchase) -> None:
    assert _order(purchase) == ("CANCELLED", "RELEASED")
    assert stock(purchase) == (STOCK, 0, 0)
    assert _held_lines(purchase) == 0


def assert_reserved(purchase: Purchase) -> None:
    """Nothing is decided: the order keeps what it reserved."""
    assert _order(purchase) == ("PLACED", "RESERVED")
    assert stock(purchase) == (STOCK - purchase.quantity, purchase.quantity, 0)
    assert purchase.product not in purchase.customer.cart()
    assert entries(purchase.live, purchase.payment) == set()


def assert_told(
    live: Live, payment: int, address: str, *kinds: str, may_be_twice: Callable[[], bool] = lambda: False
) -> None:
    """These kinds of message, each written once and really sent once; twice where the sender died meanwhile.

    `may_be_twice` is asked anew at each look, for a sender may die while we wait.
    """
    eventually(lambda: _assert_sent(live, payment, address, kinds, most=2 if may_be_twice() else 1))


def _assert_sent(live: Live, payment: int, address: str, kinds: Sequence[str], *, most: int) -> None:
    query = "SELECT kind, state FROM notifications_notification WHERE about = %s ORDER BY id"
    assert live.rows(query, f"payment:{payment}") == [(kind, "SENT") for kind in kinds]
    assert len(kinds) <= len(live.messages(address)) <= len(kinds) * most


def _payment(purchase: Purchase) -> tuple[str, str, int]:
    query = "SELECT state, failure_code, attempts_made FROM payments_payment WHERE id = %s"
    [(state, code, made)] = purchase.live.rows(query, purchase.payment)
    return state, code, made


def _order(purchase: Purchase) -> tuple[str, str]:
    query = """
        SELECT orders.state, item.state FROM orders_order orders JOIN orders_orderitem item ON order_id = orders.id
        WHERE orders.id = %s
    """
    shown = purchase.customer.get(f"/api/orders/{purchase.order}/")["status"]
    [(state, item)] = purchase.live.rows(query, purchase.order)
    assert shown == state
    return state, item


def _held_lines(purchase: Purchase) -> int:
    return int(purchase.live.column("SELECT count(*) FROM orders_cartitem WHERE order_id = %s", purchase.order)[0])
