"""Arms failpoints on a running stack, and keeps the book of who was killed when and what was under way then."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import redis
import requests

from choptym.lib.failpoints import TAKEN, UNNAMED
from choptym.local.processes import is_alive
from choptym.local.role import PROJECT
from tests.flows.ends import STOCK, Purchase, assert_not_paid, assert_paid, attempts
from tests.live import CURRENCIES, Customer, Live, eventually

# Everything that was under way when a process died is at its end within this time.
RECOVERED_SECONDS = 60
# A case gives up long after that, so that the figure is told and not only that it was too much.
PATIENCE_SECONDS = 100


@dataclass(frozen=True, slots=True)
class Kill:
    point: str
    role: str
    pid: int
    at: float


@dataclass
class Story:
    """From before its first request until its end was seen to be right."""

    name: str
    began: float
    ended: float = 0.0


@dataclass
class Patient(Customer):
    """A customer whose app sends the same request, with the same key, until it has an answer."""

    def call(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        end = time.monotonic() + RECOVERED_SECONDS
        while True:
            try:
                answer = super().call(method, path, body, **headers)
            except requests.RequestException:
                if time.monotonic() > end:
                    raise
            else:
                if answer.status_code < 500 and (answer.status_code, _code(answer)) != (409, "still_running"):
                    return answer
                assert time.monotonic() < end, answer.text
            time.sleep(0.2)


def _code(answer: requests.Response) -> str:
    try:
        return str(answer.json().get("code", ""))
    except (ValueError, AttributeError):
        return ""


@dataclass
class Bench:
    live: Live
    directory: Path
    clerk: "subprocess.Popen[str]"
    kills: list[Kill] = field(default_factory=list)
    stories: list[Story] = field(default_factory=list)
    payments: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _desk: threading.Lock = field(default_factory=threading.Lock)

    # --- points ---

    def arm(self, *points: str) -> None:
        for point in points:
            (self.directory / point).touch()

    def armed(self, points: Iterable[str]) -> list[str]:
        return [point for point in points if (self.directory / point).exists()]

    def disarm(self, *points: str) -> list[str]:
        """The points that nobody had passed."""
        left = self.armed(points)
        for point in left:
            (self.directory / point).unlink(missing_ok=True)
        return left

    def note_kills(self) -> None:
        """Whoever took a point is dead, and its place in the book."""
        with self._lock:
            for path in self.directory.glob(f"*{TAKEN}"):
                said = path.read_text().split()
                if len(said) != 2:
                    continue  # it is just being written
                kill = Kill(path.name.removesuffix(TAKEN), said[0], int(said[1]), path.stat().st_mtime)
                eventually(lambda kill=kill: _assert_dead(kill))  # type: ignore[misc]
                self.kills.append(kill)
                path.unlink()

    def killed(self, point: str) -> bool:
        self.note_kills()
        return any(kill.point == point for kill in self.kills)

    def unnamed_commits(self) -> set[str]:
        notes = self.directory / UNNAMED
        return set(notes.read_text().split()) if notes.exists() else set()

    # --- what is under way ---

    @contextmanager
    def story(self, name: str) -> Iterator[Story]:
        story = Story(name, time.time())
        self.stories.append(story)
        try:
            yield story
        finally:
            story.ended = time.time()

    # --- customers ---

    def customer(self, method: str = "fapshi") -> Patient:
        one = self.live.payer(method)
        return Patient(one.live, one.id, one.name, one.phone, one.token)

    def fill_cart(self, customer: Customer, product: int, quantity: int = 2) -> None:
        """Before the story: no customer adds twice what they see in their cart."""
        statement = "INSERT INTO orders_cartitem (user_id, product_id, quantity) VALUES (%s, %s, %s)"
        self.live.change(statement, customer.id, product, quantity)

    def buy(
        self,
        method: str = "fapshi",
        *,
        customer: Patient | None = None,
        price: int = 2500,
        currency: str = "",
        **body: Any,
    ) -> Purchase:
        """Check out two of a new product; the payment is under way."""
        customer = customer or self.customer(method)
        currency = currency or CURRENCIES.get(method, "XAF")
        product = self.live.product(stock=STOCK, price_minor=price, currency=currency)
        self.fill_cart(customer, product)
        answer = customer.check_out(method, **body)
        assert answer.status_code == 202, answer.text
        told = answer.json()
        self.payments.add(payment := int(told["payment"]["id"]))
        return Purchase(self.live, customer, method, product, 2, price * 2, payment, int(told["order"]))

    def unlucky(
        self,
        method: str = "fapshi",
        *,
        customer: Patient | None = None,
        times: int | None = None,
        price: int = 2500,
        **knobs: Any,
    ) -> Purchase:
        """With these knobs of the sandbox turned for this customer only."""
        customer = customer or self.customer(method)
        self.live.turn(method, customer.phone, times=times, **knobs)
        return self.buy(method, customer=customer, price=price)

    # --- ends ---

    def paid(self, purchase: Purchase, began: float, *told: str) -> None:
        """Once everywhere. Tries that were proved never to have charged may stand before the one that did."""
        purchase.wait("SETTLED", "REVIEW", seconds=PATIENCE_SECONDS)
        eventually(lambda: self._assert_paid(purchase, began, told or ("payment_settled",)), seconds=PATIENCE_SECONDS)

    def _assert_paid(self, purchase: Purchase, began: float, told: tuple[str, ...]) -> None:
        tries = attempts(self.live, purchase.payment)
        assert tries.count("PAID") == 1, tries
        assert set(tries) <= {"PAID", "ABSENT", "NOT_SENT", "POSTPONED"}, tries
        made = sum(one != "POSTPONED" for one in tries)
        twice = partial(self.may_be_told_twice, began)
        assert_paid(purchase, tries=tries, attempts_made=made, may_be_told_twice=twice, told=told)

    def not_paid(self, purchase: Purchase, began: float, state: str, code: str) -> None:
        purchase.wait(state, seconds=PATIENCE_SECONDS)

        def check() -> None:
            tries = attempts(self.live, purchase.payment)
            assert not {"PAID", "SURPLUS"} & set(tries), tries
            made = sum(one != "POSTPONED" for one in tries)
            twice = partial(self.may_be_told_twice, began)
            assert_not_paid(purchase, state, code, tries=tries, attempts_made=made, may_be_told_twice=twice)

        eventually(check, seconds=PATIENCE_SECONDS)

    def may_be_told_twice(self, began: float) -> bool:
        """Whether a sender of messages has died since."""
        self.note_kills()
        return any(kill.role == "worker-notify" and kill.at >= began for kill in self.kills)

    # --- staff ---

    def press(self, code: str, *, dies: bool = True) -> str:
        """What a member of staff has done in a process of the stack; when it dies they do it again."""
        for _ in range(4):
            with self._desk:
                assert self.clerk.stdin is not None
                assert self.clerk.stdout is not None
                self.clerk.stdin.write(json.dumps({"code": code, "dies": dies}) + "\n")
                self.clerk.stdin.flush()
                answer = json.loads(self.clerk.stdout.readline())
            if answer["status"] == 0:
                return str(answer["said"])
            assert answer["status"] == -signal.SIGKILL, answer["said"]
        raise AssertionError("killed too often")

    def silence(self, *bell: str) -> None:
        """As if somebody had rung, and the message was lost: nobody rings for the next five seconds."""
        with redis.Redis.from_url(self.live.stack.redis_url) as broker:
            broker.set("choptym:bell:" + ":".join(bell), 1, ex=5)


def _assert_dead(kill: Kill) -> None:
    assert not is_alive(kill.pid), f"{kill.role} took {kill.point} and lives"


@contextmanager
def staffed(live: Live, directory: Path) -> Iterator[Bench]:
    """With a process for members of staff."""
    (directory / "nobody").mkdir()
    clerk = subprocess.Popen(
        [sys.executable, "-m", "tests.failpoints.clerk"],
        cwd=PROJECT,
        env={**live.stack.environment, "DJANGO_SETTINGS_MODULE": "choptym.settings", "PROCESS_ROLE": "staff"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with clerk:
        yield Bench(live, directory, clerk)
        assert clerk.stdin is not None
        clerk.stdin.close()
        clerk.wait(10)


@contextmanager
def held_back(bench: Bench, gateway: str) -> Iterator[None]:
    """As a member of staff orders it: nothing new is sent there meanwhile."""
    order = """
        INSERT INTO payments_queuecontrol (gateway, mode, mode_since, reason, changed_by_id, changed_at)
        SELECT %s, 'DRAIN', now(), 'a look', id, now() FROM auth_user WHERE username = 'admin'
        ON CONFLICT (gateway) DO UPDATE SET mode = 'DRAIN', mode_since = now()
    """
    bench.live.change(order, gateway)
    time.sleep(2.5)
    try:
        yield
    finally:
        bench.live.change("UPDATE payments_queuecontrol SET mode = 'RUN' WHERE gateway = %s", gateway)


def environment_of(directory: Path) -> dict[str, str]:
    """Short times, as in QUICK, so that a lease that must pass does not take a minute of the test's."""
    return {
        "FAILPOINTS_DIR": str(directory),
        "NOTIFICATION_LEASE_SECONDS": "10",
        "RECONCILE_LEASE_SECONDS": "10",
    }
