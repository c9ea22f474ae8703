"""A stack with bad weather and many customers, seen from outside: through its tables, its sandbox and its processes."""

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import redis
import requests

from choptym.local.environment import PASSWORD
from choptym.local.errors import StackError
from choptym.local.role import PROJECT
from choptym.local.stack import Stack
from tests.chaos.clocks import Clocks
from tests.chaos.times import WHOLE, Form
from tests.chaos.weather import weather

ROOT = PROJECT / ".local" / "chaos"
TIMEOUT_SECONDS = 30
CUSTOMERS = 1500
# A server that is broken on purpose is asked again for so long.
PATIENCE_SECONDS = 90


@dataclass(slots=True)
class Customer:
    """Who buys: one purchase at a time."""

    number: int
    token: str
    has_leftovers: bool = False  # something of an earlier purchase may lie in the cart

    def phone(self, currency: str) -> str:
        """A number of their own, of MTN or Orange in turn; in India ten digits."""
        if currency == "INR":
            return f"98{self.number:08d}"
        return f"{'677' if self.number % 2 else '699'}{self.number:06d}"


class World:
    """Everything runs when it is entered, and nothing of it when it is left."""

    def __init__(
        self,
        seed: int,
        *,
        form: Form = WHOLE,
        root: Path = ROOT,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.seed = seed
        self.form = form
        given: Mapping[str, str] = os.environ if environ is None else environ
        self._owns_data = not given.get("DATABASE_URL", "").strip()
        self.clocks = Clocks(root / "clock-ahead-seconds")
        self.stack = Stack(root, {**form.settings, **given}, self.clocks.started_as)
        self.customers: list[Customer] = []
        self.staff_token = ""
        self._database: psycopg.Connection[tuple[Any, ...]] | None = None

    def __enter__(self) -> Self:
        if self._owns_data:
            shutil.rmtree(self.stack.root, ignore_errors=True)  # the same seed, the same world
        self.stack.start()
        try:
            self.control("POST", "reset", {"seed": self.seed, "knobs": weather()})
            self.customers = self._make_customers()
            self.staff_token = self._log_in("admin")
        except BaseException:
            self.stack.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forget_connection()
        self.stack.stop()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds; asked again while the server is away."""
        found: list[tuple[Any, ...]] = self._patiently(lambda database: database.execute(query, values).fetchall())
        return found

    def change(self, *statements: str) -> None:
        """Run these, each by itself, in one session."""

        def act(database: psycopg.Connection[tuple[Any, ...]]) -> None:
            for statement in statements:
                database.execute(statement)

        self._patiently(act)

    def number(self, query: str, *values: object) -> int:
        """The one number that a query finds."""
        return int(self.rows(query, *values)[0][0] or 0)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Tell the sandbox, or ask it."""
        url = f"{self.stack.sandbox}/control/{path}"
        response = requests.request(method, url, json=body, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        return response.json()

    def check_weather(self) -> None:
        """Raises StackError when a gateway does not lie as it should: what is proved would mean less."""
        for gateway, knobs in weather().items():
            turned_to = self.control("GET", gateway)
            if wrong := {name: turned_to[name] for name, value in knobs.items() if turned_to[name] != value}:
                raise StackError(f"{gateway} is set to {wrong}")

    def redis(self) -> "redis.Redis":
        """A client of the broker, for the orders that break it."""
        return redis.Redis.from_url(self.stack.redis_url, socket_timeout=10, socket_connect_timeout=5)

    def _patiently(self, act: Callable[[psycopg.Connection[tuple[Any, ...]]], Any]) -> Any:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                if self._database is None:
                    self._database = psycopg.connect(self.stack.database_url, autocommit=True, connect_timeout=5)
                return act(self._database)
            except psycopg.OperationalError:
                self._forget_connection()
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def _forget_connection(self) -> None:
        if self._database is not None:
            with contextlib.suppress(psycopg.Error):
                self._database.close()
        self._database = None

    def _make_customers(self) -> list[Customer]:
        """Made by SQL: logging in is not what is tried here. Every fourth is told by e-mail too."""
        made = self.rows(
            """
            WITH people AS (
                INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name,
                                       email, date_joined)
                SELECT 'chaos' || number, '!', false, false, true, '', '', 'chaos' || number || '@choptym.example',
                       now()
                FROM generate_series(1, %s) number
                RETURNING id, substr(username, 6)::int AS number
            ), tokens AS (
                INSERT INTO authtoken_token (key, user_id, created)
                SELECT md5(id || %s), id, now() FROM people RETURNING user_id, key
            ), wishes AS (
                INSERT INTO notifications_preference (user_id, language, by_sms, by_email, push_token)
                SELECT id, 'fr', true, true, '' FROM people WHERE number %% 4 = 0
            )
            SELECT number, key FROM people JOIN tokens ON user_id = people.id ORDER BY number
            """,
            CUSTOMERS,
            uuid.uuid4().hex,
        )
        return [Customer(number, token) for number, token in made]

    def _log_in(self, name: str) -> str:
        body = {"username": name, "password": PASSWORD}
        response = requests.post(f"{self.stack.web}/api/auth/token/", json=body, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        return str(response.json()["token"])


@contextlib.contextmanager
def turned(world: World, gateways: Iterable[str], **knobs: Any) -> Iterator[None]:
    """These knobs of these gateways are turned while the block runs; afterwards they are as they were."""
    before = {gateway: world.control("GET", gateway) for gateway in gateways}
    for gateway in before:
        world.control("PATCH", gateway, knobs)
    try:
        yield
    finally:
        for gateway, was in before.items():
            world.control("PATCH", gateway, {name: was[name] for name in knobs})
