"""Many customers at once, and the tally of what became of their payments."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from choptym.local.demo.customer import Customer, Refused
from choptym.local.demo.plan import WALLET, Purchase
from choptym.local.environment import PASSWORD

CLIENTS = 100  # customers at the same time


@dataclass(frozen=True, slots=True)
class Journey:
    """What became of one purchase. Without a payment it was refused; without a status it did not end in time."""

    method: str
    payment_id: object
    status: str | None
    seconds: float
    problem: str = ""
    failure_code: str = ""
    message: str = ""  # why it was not paid, as the customer is told


@dataclass(slots=True)
class Tally:
    """Counts while the traffic runs, for the display."""

    planned: Counter[str] = field(default_factory=Counter)
    started: Counter[str] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    journeys: list[Journey] = field(default_factory=list)
    topups: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, journey: Journey) -> None:
        with self.lock:
            self.journeys.append(journey)
            self.ended[journey.method] += 1
            self.settled[journey.method] += journey.status == "SETTLED"

    def count_topup(self) -> None:
        with self.lock:
            self.topups += 1

    def change_method(self, planned: str, used: str) -> None:
        with self.lock:
            self.planned[planned] -= 1
            self.planned[used] += 1


class Traffic:
    """Starts all customers; the caller looks at `tally` until `is_over()`."""

    def __init__(self, web: str, plan: Mapping[str, Iterable[Purchase]], seconds: float) -> None:
        self.tally = Tally(Counter(purchase.method for purchases in plan.values() for purchase in purchases))
        self._web = web
        self._deadline = time.monotonic() + seconds
        self._pool = ThreadPoolExecutor(min(CLIENTS, max(1, len(plan))), thread_name_prefix="customer")
        self._runs: list[Future[None]] = [
            self._pool.submit(self._act, name, list(purchases)) for name, purchases in plan.items()
        ]

    def is_over(self) -> bool:
        return all(run.done() for run in self._runs)

    def close(self) -> None:
        """Forget those who have not begun; those under way end at the deadline."""
        self._deadline = 0.0
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _act(self, name: str, purchases: list[Purchase]) -> None:
        try:
            customer = Customer(self._web, name, PASSWORD, lambda: self._deadline)
        except Refused as refusal:
            for purchase in purchases:
                self.tally.add(Journey(purchase.method, None, None, 0.0, str(refusal)))
            return
        for purchase in purchases:
            self.tally.add(self._buy(customer, self._payable(customer, purchase)))
        customer.close()

    def _payable(self, customer: Customer, purchase: Purchase) -> Purchase:
        """Top up a wallet that does not hold enough; if that fails, pay through the gateway instead."""
        if purchase.method != WALLET:
            return purchase
        try:
            if customer.balance_minor(purchase.currency) >= purchase.total_minor:
                return purchase
            if customer.top_up(purchase):
                self.tally.count_topup()
                return purchase
        except Refused:
            pass  # the checkout will meet the same trouble and report it
        self.tally.change_method(WALLET, purchase.gateway)
        return replace(purchase, method=purchase.gateway)

    def _buy(self, customer: Customer, purchase: Purchase) -> Journey:
        began_at = time.monotonic()
        payment_id = None
        try:
            payment_id = customer.start_payment(purchase)["id"]
            with self.tally.lock:
                self.tally.started[purchase.method] += 1
            ended = customer.wait_for_end(payment_id)
        except Refused as refusal:
            return Journey(purchase.method, payment_id, None, time.monotonic() - began_at, str(refusal))
        seconds = time.monotonic() - began_at
        if ended is None:
            return Journey(purchase.method, payment_id, None, seconds)
        why = {name: str(ended.get(name) or "") for name in ("failure_code", "message")}
        return Journey(purchase.method, payment_id, str(ended["status"]), seconds, **why)
