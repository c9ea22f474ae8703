"""A stack whose every secret is planted, and a run in which much goes wrong."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import redis
import requests
from psycopg import sql

from tests.flows.ends import buy
from tests.hostile.planted import ADDRESSES, SECRET_NAMES, UNUSED, Values, planted
from tests.live import PASSWORD, TIMEOUT_SECONDS, Customer, Live, eventually, running_stack, side_by_side

NAME = "planted"
DATABASE_PASSWORD, REDIS_PASSWORD = planted("database password"), planted("redis password")
FLOWER_LOGIN = ("operator", planted("flower password"))
GUESS = planted("guessed password")
# Six that pay at Cameroon's gateways, two in India; the last of each kind do not get through.
PHONES = ("673914862", "698273145", "675820493", "677391528", "699482716", "671958324", "9871630524", "9187254036")
MAILS = [
    f"planted.{word}.person@planted-mail.example" for word in ("ama", "bih", "che", "dua", "eka", "fru", "gia", "hel")
]
UNREACHABLE = "127.0.0.1:9"
_number = count(1)


def environment() -> dict[str, str]:
    given = {name: planted(name) for name in SECRET_NAMES if name not in ADDRESSES | UNUSED}
    return given | {
        "DJANGO_SETTINGS_MODULE": "choptym.settings",  # the tests' own have a key and a log level
        "SECRET_KEY": given["SECRET_KEY"] + "-and-long-enough-to-be-one",
        "FLOWER_BASIC_AUTH": ":".join(FLOWER_LOGIN),
        "SMS_URL": f"json://planted:{planted('SMS_URL')}@{UNREACHABLE}/sms/{{to}}",
        "PUSH_URL": f"json://planted:{planted('PUSH_URL')}@{UNREACHABLE}/push/{{to}}",
        "ALERT_URLS": f"json://planted:{planted('ALERT_URLS')}@{UNREACHABLE}/alerts/operators",
        "LOG_LEVEL": "DEBUG",
        "PAYMENT_QUEUE_ALERT_THRESHOLD": "1",
    }


@contextmanager
def planted_servers() -> Iterator[dict[str, str]]:
    """A login of its own at PostgreSQL and Redis, each with a planted password."""
    admin = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    _drop(admin)
    admin.execute(sql.SQL("CREATE ROLE planted SUPERUSER LOGIN PASSWORD {}").format(DATABASE_PASSWORD))
    admin.execute("CREATE DATABASE planted OWNER planted")
    broker = redis.Redis.from_url(os.environ["REDIS_URL"])
    broker.acl_setuser(
        "planted", enabled=True, passwords=[f"+{REDIS_PASSWORD}"], keys=["*"], channels=["*"], categories=["+@all"]
    )
    database = _with_login(os.environ["DATABASE_URL"], "planted", DATABASE_PASSWORD, "/planted")
    try:
        yield {
            "DATABASE_URL": database,
            "REDIS_URL": _with_login(os.environ["REDIS_URL"], "planted", REDIS_PASSWORD, "/7"),
        }
    finally:
        broker.acl_deluser("planted")
        _drop(admin)
        admin.close()


def _drop(admin: "psycopg.Connection[Any]") -> None:
    admin.execute("DROP DATABASE IF EXISTS planted WITH (FORCE)")
    admin.execute("DROP ROLE IF EXISTS planted")


def _with_login(url: str, user: str, password: str, path: str) -> str:
    host = urlsplit(url).netloc.rpartition("@")[2]
    return urlunsplit(urlsplit(url)._replace(netloc=f"{user}:{quote(password)}@{host}", path=path))


class World:
    """The stack, the customers by what becomes of them, and all that was planted."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.values = Values(
            secrets={name: planted(name) for name in SECRET_NAMES if name not in ADDRESSES | UNUSED}
            | {name: planted(name) for name in ("SMS_URL", "PUSH_URL", "ALERT_URLS")}
            | {"database": DATABASE_PASSWORD, "redis": REDIS_PASSWORD, "flower": FLOWER_LOGIN[1], "guess": GUESS},
            phones={phone: phone for phone in PHONES},
            mails={mail: mail for mail in MAILS} | {"push token": planted("push token")},
        )
        self.customers = [self._customer(*one) for one in zip(PHONES, MAILS, strict=True)]

    def _customer(self, phone: str, mail: str) -> Customer:
        customer = replace(self.live.customer(), phone=phone)
        self.live.change("UPDATE auth_user SET email = %s WHERE id = %s", mail, customer.id)
        self.live.change(
            """
            INSERT INTO notifications_preference (user_id, language, by_sms, by_email, push_token)
            VALUES (%s, 'en', true, true, %s)
            """,
            customer.id,
            planted("push token"),
        )
        self.values.secrets[f"token of {phone}"] = customer.token
        return customer

    def run(self) -> None:
        """Good payments and bad ones, strangers at every door, and a database that goes away."""
        ends = [*self.well(), *self.badly()]
        self.knock()
        self.lose_the_database()
        for customer, payment, until in ends:
            customer.wait(payment, *until, seconds=40)
        self.break_a_page()

    def well(self) -> Iterator[tuple[Customer, int, tuple[str, ...]]]:
        for customer, method in zip(
            self.customers[:2] + self.customers[6:], ("fapshi", "campay", "razorpay", "cashfree"), strict=True
        ):
            yield customer, buy(self.live, method, customer=customer).payment, ("SETTLED",)

    def badly(self) -> Iterator[tuple[Customer, int, tuple[str, ...]]]:
        refused, garbage, unbooked, lost = self.customers[2:6]
        self.live.turn("fapshi", refused.phone, refusal_rate=1)
        self.live.turn("campay", garbage.phone, html_error_rate=1, times=2)
        self.live.turn("fapshi", lost.phone, timeout_after_capture_rate=1, times=1, timeout_hold_ms=200)
        self.live.change(
            f"""
            ALTER TABLE payments_payment ADD CONSTRAINT planted
            CHECK (phone <> '{unbooked.phone}' OR state <> 'SETTLED') NOT VALID
            """
        )
        yield refused, buy(self.live, "fapshi", customer=refused).payment, ("FAILED",)
        yield (
            garbage,
            buy(self.live, "campay", customer=garbage).payment,
            ("REQUESTED",),
        )  # whether it paid, no one knows
        yield lost, buy(self.live, "fapshi", customer=lost).payment, ("SETTLED",)
        booked_never = buy(self.live, "fapshi", customer=unbooked).payment
        eventually(lambda: self._assert_set_aside(booked_never))

    def _assert_set_aside(self, payment: int) -> None:
        assert self.live.column("SELECT 1 FROM payments_deadletter WHERE payment_id = %s", payment)

    def knock(self) -> None:
        """Whatever a stranger may send, with phones and secrets in it."""
        phone, web = PHONES[0], self.live.stack.web
        for gateway in ("fapshi", "campay", "razorpay", "cashfree", "none"):
            body = {"phone": phone, "email": MAILS[0], "secret": GUESS, "transId": phone, "status": "SUCCESSFUL"}
            self._send(
                "POST",
                f"{web}/webhooks/{gateway}/",
                json=body,
                headers={"x-wh-secret": GUESS, "x-webhook-signature": GUESS, "x-razorpay-signature": GUESS},
            )
            self._send("POST", f"{web}/webhooks/{gateway}/", data=f"{{{phone}".encode())
            self._send("GET", f"{web}/webhooks/{gateway}/", params={"signature": GUESS, "phone_number": phone})
        for name in (MAILS[0], phone, "admin"):
            self._send("POST", f"{web}/api/auth/token/", json={"username": name, "password": GUESS})
            staff = requests.Session()
            staff.get(f"{web}/admin/login/", timeout=TIMEOUT_SECONDS)
            form = {"username": name, "password": GUESS, "csrfmiddlewaretoken": staff.cookies["csrftoken"]}
            staff.post(f"{web}/admin/login/", data=form, timeout=TIMEOUT_SECONDS)
            self._send("POST", f"{web}/admin/login/", data=form)  # without its cookie
        self._send("GET", f"{self.live.stack.flower}/api/workers", auth=("operator", GUESS))
        self._send("GET", f"{web}/api/payments/", headers={"Authorization": f"Token {GUESS}"})
        self._send("GET", f"{web}/{phone}", headers={"Host": f"{phone}.example"})
        first = self.customers[0]
        for body in (
            {"method": phone, "phone": MAILS[0]},
            {"method": "fapshi", "phone": f"{phone}1"},
            {phone: MAILS[0]},
        ):
            first.call("POST", "/api/checkout/", body, **{"Idempotency-Key": f"key-{next(_number)}"})
            first.call("POST", "/api/wallet/topups/", body, **{"Idempotency-Key": f"key-{next(_number)}"})

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        return requests.request(method, url, timeout=TIMEOUT_SECONDS, allow_redirects=False, **options)

    def lose_the_database(self) -> None:
        """Every connection is cut, and for a moment the password is another one."""
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
            admin.execute("ALTER ROLE planted PASSWORD 'another'")
            try:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'planted'")
                end = time.monotonic() + 1.5
                while time.monotonic() < end:
                    for customer in self.customers[:3]:
                        with suppress(requests.RequestException):
                            customer.call("GET", "/api/payments/")
            finally:
                admin.execute(sql.SQL("ALTER ROLE planted PASSWORD {}").format(DATABASE_PASSWORD))
        self.live.database.close()
        self.live.connect()
        eventually(self._assert_is_back)

    def _assert_is_back(self) -> None:
        assert self.customers[0].call("GET", "/api/payments/").status_code == 200

    def break_a_page(self) -> None:
        """A fault of ours: a table that is not there. What the callers were told is kept."""
        staff = self.staff()
        self.live.change("ALTER TABLE orders_shop RENAME TO orders_shop_elsewhere")
        try:
            self.faults = {
                address: staff.get(f"{self.live.stack.web}{address}", timeout=TIMEOUT_SECONDS)
                for address in ("/api/products/", "/admin/orders/shop/")
            }
            self.customers[0].call("POST", "/api/cart/", {"product": 1, "quantity": 1})
        finally:
            self.live.change("ALTER TABLE orders_shop_elsewhere RENAME TO orders_shop")

    def staff(self, role: str = "") -> requests.Session:
        """A member of staff who is logged in at the admin; without a role a superuser."""
        web, name = self.live.stack.web, f"staff{next(_number)}" if role else "admin"
        if role:
            user = self.live.column(
                """
                INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name,
                                       email, date_joined)
                SELECT %s, password, false, true, true, '', '', '', now() FROM auth_user WHERE username = 'admin'
                RETURNING id
                """,
                name,
            )[0]
            self.live.change(
                "INSERT INTO auth_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = %s",
                user,
                role,
            )
        session = requests.Session()
        session.get(f"{web}/admin/login/", timeout=TIMEOUT_SECONDS)
        form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        answer = session.post(f"{web}/admin/login/", data=form, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        assert answer.status_code == 302, answer.status_code
        self.values.secrets[f"session of {name}"] = session.cookies["sessionid"]
        return session


@contextmanager
def planted_world() -> Iterator[World]:
    with planted_servers() as addresses, running_stack(NAME, side_by_side, **environment(), **addresses) as live:
        world = World(live)
        world.run()
        yield world
