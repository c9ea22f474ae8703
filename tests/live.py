"""The stack under test, seen from outside: customers over HTTP, the sandbox's knobs, the tables through SQL."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

from choptym.local.environment import PASSWORD
from choptym.local.role import Role
from choptym.local.stack import Stack
from tests.servers import servers

# Short times, so that what takes minutes in life takes seconds here; every one is a setting, none a special case.
QUICK = {
    "PAYMENT_RETRY_DELAY": "300",
    "PAYMENT_LEASE_SECONDS": "6",
    "FAPSHI_TOTAL_TIMEOUT_SECONDS": "3",
    "FAPSHI_READ_TIMEOUT_SECONDS": "2",
    "FAPSHI_ABSENCE_PROVES_AFTER_SECONDS": "6",
    "CAMPAY_TOTAL_TIMEOUT_SECONDS": "3",
    "CAMPAY_READ_TIMEOUT_SECONDS": "2",
    "RAZORPAY_TOTAL_TIMEOUT_SECONDS": "3",
    "RAZORPAY_READ_TIMEOUT_SECONDS": "2",
    "RAZORPAY_ABSENCE_PROVES_AFTER_SECONDS": "6",
    "CASHFREE_TOTAL_TIMEOUT_SECONDS": "3",
    "CASHFREE_READ_TIMEOUT_SECONDS": "2",
    "CASHFREE_ABSENCE_PROVES_AFTER_SECONDS": "6",
    # Tests that break a gateway must not close it to their neighbours.
    **{f"{name}_RATE_PER_SECOND": "500" for name in ("FAPSHI", "CAMPAY", "RAZORPAY", "CASHFREE")},
    "PAYMENT_CIRCUIT_LEAST_CALLS": "10000",
    "ALERT_CHECK_SECONDS": "2",
    "WORKER_CANARY_SECONDS": "1",
    "WORKER_SILENT_AFTER_SECONDS": "3",
}
# Each gateway with what it collects in.
CURRENCIES = {"fapshi": "XAF", "campay": "XAF", "razorpay": "INR", "cashfree": "INR"}
METHODS = tuple(CURRENCIES)
# How numbers begin, by who carries them; the rest counts up. In India all pay by UPI.
NUMBERS = {"mtn": "677{:06d}", "orange": "699{:06d}", "upi": "9876{:06d}"}
# Who asks the gateways to collect.
CHARGERS = ("worker-charge", "worker-high")
TIMEOUT_SECONDS = 10
# What is sure to come is waited for, however busy the machine is.
PATIENCE_SECONDS = 40
ENDED = ("SETTLED", "FAILED", "EXPIRED", "CANCELLED", "REVIEW")


@dataclass
class Customer:
    """A customer with a phone of their own, talking to the API."""

    live: "Live"
    id: int
    name: str
    phone: str
    token: str
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        return self.session.request(
            method,
            f"{self.live.stack.web}{path}",
            json=body,
            headers={"Authorization": f"Token {self.token}", **headers},
            timeout=TIMEOUT_SECONDS,
        )

    def get(self, path: str) -> Any:
        response = self.call("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def put_into_cart(self, product: int, quantity: int = 1) -> dict[str, Any]:
        response = self.call("POST", "/api/cart/", {"product": product, "quantity": quantity})
        assert response.status_code == 201, response.text
        return dict(response.json())

    def check_out(self, method: str = "fapshi", *, key: str | None = None, **body: Any) -> requests.Response:
        wish = {"method": method, "phone": self.phone, **body}
        return self.call("POST", "/api/checkout/", wish, **{"Idempotency-Key": key or str(uuid.uuid4())})

    def pay(self, method: str = "fapshi", product: int | None = None, quantity: int = 1, **body: Any) -> int:
        """Put something into the cart, check out, and return the payment's id."""
        self.put_into_cart(product or self.live.products[0], quantity)
        response = self.check_out(method, **body)
        assert response.status_code == 202, response.text
        return int(response.json()["payment"]["id"])

    def top_up(self, amount_minor: int, method: str = "fapshi") -> int:
        """Start putting money into the wallet, and return the payment's id."""
        money = {"amount_minor": amount_minor, "currency": CURRENCIES[method]}
        wish = {"method": method, "phone": self.phone, **money}
        response = self.call("POST", "/api/wallet/topups/", wish, **{"Idempotency-Key": str(uuid.uuid4())})
        assert response.status_code == 202, response.text
        return int(response.json()["payment"]["id"])

    def cart(self) -> dict[int, int]:
        """Quantity by product of what lies in the cart."""
        return {line["product"]: line["quantity"] for line in self.get("/api/cart/")}

    def wait(self, payment: int, *until: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Follow a payment until it has ended, or is in one of the states `until`."""
        wanted = until or ENDED
        end = time.monotonic() + seconds
        while True:
            body = dict(self.get(f"/api/payments/{payment}/"))
            if body["status"] in wanted:
                return body
            assert time.monotonic() < end, f"after {seconds} s: {body}"
            time.sleep(0.05)


class Live:
    """The running stack, and what a test needs of it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._numbers = count(1)
        self.connect()
        self.products = self.column(
            """
            SELECT id FROM orders_product WHERE shop_id = (SELECT min(id) FROM orders_shop WHERE currency = 'XAF')
            ORDER BY price_minor
            """
        )

    def connect(self) -> None:
        """Also again, after the server was restarted."""
        self.database = psycopg.connect(self.stack.database_url, autocommit=True)

    def column(self, query: str, *values: object) -> list[Any]:
        """The first column of what a query finds."""
        return [row[0] for row in self.rows(query, *values)]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.database.execute(query, values).fetchall()

    def change(self, statement: str, *values: object) -> int:
        return self.database.execute(statement, values).rowcount

    def customer(self, operator: str = "mtn") -> Customer:
        """A customer whom no other test knows, with a phone number of their own ("upi": in India)."""
        number = next(self._numbers)
        name = f"test{number}"
        phone = NUMBERS[operator].format(number)
        user = self.column(
            """
            INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
                                   date_joined)
            SELECT %s, password, false, false, true, '', '', %s, now() FROM auth_user WHERE username = 'customer1'
            RETURNING id
            """,
            name,
            f"{name}@choptym.example",
        )[0]
        token = uuid.uuid4().hex
        self.change("INSERT INTO authtoken_token (key, user_id, created) VALUES (%s, %s, now())", token, user)
        return Customer(self, int(user), name, phone, token)

    def payer(self, method: str) -> Customer:
        """A customer who can pay by this method."""
        return self.customer("upi" if CURRENCIES[method] == "INR" else "mtn")

    def product(self, *, stock: int = 1000, price_minor: int = 2500, currency: str = "XAF") -> int:
        """A product of the first shop of this currency that no other test buys."""
        return int(
            self.column(
                """
                INSERT INTO orders_product
                    (shop_id, name, price_minor, is_active, stock_start, stock_on_hand, stock_reserved, stock_sold)
                SELECT min(id), %s, %s, true, %s, %s, 0, 0 FROM orders_shop WHERE currency = %s RETURNING id
                """,
                f"dish {uuid.uuid4()}",
                price_minor,
                stock,
                stock,
                currency,
            )[0]
        )

    def turn(self, gateway: str, phone: str, *, times: int | None = None, **knobs: Any) -> None:
        """Set knobs of the sandbox for one phone only, so that tests do not meet."""
        self.control("PATCH", gateway, {"phones": {phone: {"knobs": knobs, "times": times}}})

    def control(self, method: str, path: str, body: object = None) -> Any:
        url = f"{self.stack.sandbox}/control/{path}"
        response = requests.request(method, url, json=body, timeout=TIMEOUT_SECONDS)
        assert response.ok, response.text
        return response.json()

    def books(self, gateway: str, phone: str) -> list[dict[str, Any]]:
        """What the sandbox believes it did for this phone."""
        return [entry for entry in self.control("GET", f"{gateway}/books")["entries"] if entry["phone"].endswith(phone)]

    def collected(self, payment: int) -> list[int]:
        """The amounts that the sandbox believes it collected for any try of this payment."""
        query = "SELECT gateway, reference::text FROM payments_paymentattempt WHERE payment_id = %s"
        found = [self.control("GET", f"{gateway}/books?reference={ref}") for gateway, ref in self.rows(query, payment)]
        entries = [entry for books in found for entry in books["entries"]]
        return [entry["amount_minor"] for entry in entries if entry["state"] == "collected"]

    def messages(self, phone: str) -> list[dict[str, Any]]:
        """What was really sent to this phone, or e-mail address."""
        sent = requests.get(f"{self.stack.sink}/messages.json", timeout=TIMEOUT_SECONDS).json()["messages"]
        return [message for message in sent if message["to"].endswith(phone)]

    def balance(self, customer: Customer, currency: str = "XAF") -> int:
        accounts = customer.get("/api/wallet/")["accounts"]
        return sum(int(account["balance_minor"]) for account in accounts if account["currency"] == currency)

    @contextmanager
    def frozen(self, *roles: str) -> Iterator[None]:
        """These processes stand still (SIGSTOP) while the block runs."""
        pids = [self.stack.pids[role] for role in roles]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def kill(self, role: str) -> None:
        """kill -9, and return when the supervisor has started another one."""
        pid = self.stack.pids[role]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: self._assert_other(role, pid))

    def _assert_other(self, role: str, pid: int) -> None:
        assert self.stack.pids.get(role) not in {None, pid}, f"{role} was not started again"


def eventually(check: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Try an assertion until it holds."""
    end = time.monotonic() + seconds
    while True:
        try:
            check()
        except AssertionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def side_by_side(role: Role) -> Role:
    """Suites run next to each other, and the workers of one would go behind the tests of all the others."""
    return replace(role, nice=0)


@contextmanager
def running_stack(
    name: str = "flows", started_as: Callable[[Role], Role] = lambda role: role, /, **environment: str
) -> Iterator[Live]:
    """A stack on the servers of the tests, with a database and a Redis number of its own.

    What `environment` says wins: REDIS_URL="" gives the stack a Redis server of its own. `started_as` may replace
    the command of a process.
    """
    root = servers.root / name
    root.mkdir(parents=True, exist_ok=True)
    database = _fresh_database(os.environ["DATABASE_URL"], f"test_{name}")
    redis = _numbered(os.environ["REDIS_URL"], 1)
    of_the_tests = ("SECRET_KEY", "ALLOWED_HOSTS", "LOG_LEVEL")  # those of the tests' own settings
    inherited = {name: value for name, value in os.environ.items() if name not in of_the_tests}
    environ = {**inherited, **QUICK, "DATABASE_URL": database, "REDIS_URL": redis, **environment}
    with Stack(root, environ, started_as) as stack:
        live = Live(stack)
        try:
            yield live
        finally:
            live.database.close()


def _fresh_database(url: str, name: str) -> str:
    """Make an empty database of this name on the server of `url`. Returns its address."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _numbered(url: str, number: int) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


__all__ = ["PASSWORD", "Live", "eventually", "running_stack", "side_by_side"]
