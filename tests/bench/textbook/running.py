"""The textbook service as processes, on the servers of our stack: a database and a Redis number of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

from choptym.local.ports import HOST, free_port
from choptym.local.role import PROJECT, launched
from tests.bench.goods import LINES, PRICE_MINOR, STOCK, Database
from tests.bench.hooks import Captured

NAME = "choptym_bench_textbook"
REDIS_NUMBER = 5
READY_SECONDS = 60
SECRET = "textbook-secret"
# As many as ours has; more processes were slower on two cores.
WEB = ("--workers", "2", "--blocking-threads", "8", "--backlog", "2048", "--no-ws", "--no-access-log")


class Textbook:
    """Web and workers run when it is entered; nothing of it when it is left."""

    def __init__(self, database_url: str, redis_url: str, sink: str, logs: Path, *, workers: int) -> None:
        self.web_port = free_port()
        self._server = database_url
        self._logs = logs
        self._workers = workers
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.bench.textbook.settings",
            "TEXTBOOK_DATABASE_URL": urlunsplit(urlsplit(database_url)._replace(path=f"/{NAME}")),
            "TEXTBOOK_REDIS_URL": urlunsplit(urlsplit(redis_url)._replace(path=f"/{REDIS_NUMBER}")),
            "TEXTBOOK_WEBHOOK_SECRET": SECRET,
            "TEXTBOOK_SMS_URL": f"{sink}/sms/{{to}}",
        }

    def __enter__(self) -> Self:
        self._make_tables()
        try:
            self._start("textbook-web", "granian", "--interface", "wsgi", "tests.bench.textbook.wsgi:application",
                        "--host", HOST, "--port", str(self.web_port), *WEB)  # fmt: skip
            self._start("textbook-worker", "celery", "-A", "tests.bench.textbook.celery", "worker", "-l", "WARNING",
                        "-P", "prefork", "-c", str(self._workers), "--without-gossip", "--without-mingle")  # fmt: skip
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """By process group, and wait."""
        if hasattr(self, "database"):
            self.database.close()
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.web_port}/webhooks/razorpay/"

    @property
    def pids(self) -> Mapping[str, int]:
        return {name: process.pid for name, process in self._processes.items()}

    def make_waiting(self, count: int, *, dishes: int) -> list[Captured]:
        """The same goods as ours has, in these tables."""
        values = {"count": count, "dishes": dishes, "lines": LINES, "price": PRICE_MINOR, "stock": STOCK}
        rows = self.database.execute(_GOODS, values).fetchall()
        self.database.execute("ANALYZE")
        return [Captured(transaction, "", amount, number) for number, transaction, amount in rows]

    def told(self) -> int:
        """How many customers have their message."""
        row = self.database.execute("SELECT count(*) FROM textbook_notification WHERE sent_at IS NOT NULL").fetchone()
        return int(row[0]) if row else 0

    def _make_tables(self) -> None:
        with psycopg.connect(self._server, autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {NAME}")
        command = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "-v", "0"]
        subprocess.run(command, cwd=PROJECT, env=self._environment, check=True)
        self.database: Database = psycopg.connect(self._environment["TEXTBOOK_DATABASE_URL"], autocommit=True)

    def _start(self, name: str, *command: str) -> None:
        with (self._logs / f"{name}.log").open("w") as log:
            self._processes[name] = subprocess.Popen(
                launched((sys.executable, "-m", *command), None, signal.SIGTERM),
                cwd=PROJECT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_until_ready(self) -> None:
        """The web answers; the workers take what comes whenever they are there."""
        end = time.monotonic() + READY_SECONDS
        while True:
            with suppress(requests.RequestException):
                if requests.get(self.url, timeout=5).status_code:
                    return
            if time.monotonic() > end:
                raise TimeoutError("the textbook service does not answer")
            time.sleep(0.2)


_GOODS = """
    WITH dish AS (
        INSERT INTO textbook_product (name, price, stock_on_hand, stock_reserved, stock_sold)
        SELECT 'dish ' || number, %(price)s, %(stock)s, %(stock)s, 0 FROM generate_series(1, %(dishes)s) number
        RETURNING id
    ), placed_dish AS (
        SELECT id, row_number() OVER (ORDER BY id) AS place FROM dish
    ), person AS (
        INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
                               date_joined)
        SELECT 'buyer' || gen_random_uuid(), '!', false, false, true, '', '', '', now()
        FROM generate_series(1, %(count)s) RETURNING id
    ), bought AS (
        INSERT INTO textbook_order (user_id, state, total, created_at)
        SELECT id, 'placed', %(lines)s * %(price)s, now() FROM person RETURNING id, user_id, total
    ), wallet AS (
        INSERT INTO textbook_wallet (user_id, balance) SELECT id, 0 FROM person
    ), line AS (
        SELECT bought.id AS order_id, bought.user_id, placed_dish.id AS product_id
        FROM bought, generate_series(0, %(lines)s - 1) number
             JOIN placed_dish ON true
        WHERE placed_dish.place = 1 + (bought.id * 7 + number) %% %(dishes)s
    ), item AS (
        INSERT INTO textbook_orderitem (order_id, product_id, quantity, state)
        SELECT order_id, product_id, 1, 'reserved' FROM line
    ), cart AS (
        INSERT INTO textbook_cartitem (user_id, product_id, quantity) SELECT user_id, product_id, 1 FROM line
    )
    INSERT INTO textbook_payment (user_id, order_id, transaction_id, phone, amount, state, created_at)
    SELECT user_id, id, 'order_' || lpad(id::text, 14, '0'), '677' || lpad((id %% 1000000)::text, 6, '0'), total,
           'pending', now()
    FROM bought RETURNING id, transaction_id, amount
"""
