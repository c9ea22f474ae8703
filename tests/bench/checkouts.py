"""Customers who pay, from the checkout until their message is sent: the whole path, as many at a time as wanted."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.bench.cpu import Meter
from tests.bench.goods import Buyer, fill_carts, make_buyers, make_shop
from tests.bench.load import Load, Request, Told, percentile
from tests.bench.ours import Ours

# By gateway: what it collects in. A run takes them in equal parts, unless it names some.
GATEWAYS = {"fapshi": "XAF", "razorpay": "INR", "campay": "XAF", "cashfree": "INR"}
EVERY = tuple(GATEWAYS)
DISHES = 200
CONNECTIONS = 32
# What DESIGN asks of the sandbox in these runs.
LATENCY_MS, APPROVAL_MS = 50, 100


@dataclass(frozen=True, slots=True)
class Menus:
    """The dishes of one shop for each currency."""

    dishes: Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of the checkouts of one run. Times in seconds; `queued` of the epoch, `settled` and
    `told` since then."""

    payments: int
    per_second: float
    queued: Sequence[float]
    settled: Sequence[float]
    told: Sequence[float]
    load: Told
    cpu: Mapping[str, float]
    problems: tuple[str, ...]

    @property
    def settled_after_seconds(self) -> float:
        """From the first checkout until the last of them was settled."""
        return max(at + took for at, took in zip(self.queued, self.settled, strict=True)) - min(self.load.answers.began)

    def figures(self) -> dict[str, Any]:
        """What a line says of it."""
        return {
            "payments": self.payments,
            "per_second": round(self.per_second, 1),
            "settled_p50_seconds": round(percentile(self.settled, 0.5), 2),
            "settled_p99_seconds": round(percentile(self.settled, 0.99), 2),
            "checkout_p99_seconds": round(percentile(self.load.answers.seconds, 0.99), 3),
            "load_cpu_seconds": round(self.load.cpu_seconds, 2),
        }


def open_shops(ours: Ours) -> Menus:
    """A shop for each currency, and gateways that answer as DESIGN says."""
    for gateway in GATEWAYS:
        ours.control("PATCH", gateway, {"latency_ms": LATENCY_MS, "approval_delay_ms": APPROVAL_MS})
    return Menus({currency: make_shop(ours.database, currency, dishes=DISHES) for currency in set(GATEWAYS.values())})


def pay(
    ours: Ours,
    menus: Menus,
    count: int,
    *,
    per_second: float | None = None,
    hot: bool = False,
    follows: bool = False,
    gateways: Sequence[str] = EVERY,
    beside: Mapping[str, int] | None = None,
) -> Run:
    """Have so many customers pay by these gateways in turn; returns when all of them were told.

    `hot`: one dish is in every cart. `beside`: processes that work with those of the stack, to be counted too.
    """
    requests = make_requests(ours, menus, count, hot=hot, gateways=gateways)
    newest = int(ours.number("SELECT coalesce(max(id), 0) FROM payments_payment"))
    said = int(ours.number("SELECT coalesce(max(id), 0) FROM notifications_notification"))
    connections = 0 if per_second else CONNECTIONS
    with Load(requests, connections=connections, per_second=per_second, follows=follows) as load:
        meter = Meter({**ours.stack.pids, **(beside or {})})
        ours.wait("customers told", _TOLD, count, said, newest)
        cpu = meter.shares()
        told = load.told()
    rows = ours.database.execute(_TIMES, [newest]).fetchall()
    ended = max(row[2] for row in rows)
    return Run(
        payments=count,
        per_second=count / (ended - min(told.answers.began)),
        queued=[row[0] for row in rows],
        settled=[row[1] for row in rows],
        told=[row[2] - row[0] for row in rows],
        load=told,
        cpu=cpu,
        problems=_problems(ours, told, newest, count),
    )


@contextmanager
def begin(ours: Ours, menus: Menus, count: int) -> Iterator[None]:
    """So many customers check out; nobody waits for what becomes of it."""
    with Load(make_requests(ours, menus, count), connections=CONNECTIONS):
        yield


def make_requests(
    ours: Ours, menus: Menus, count: int, *, hot: bool = False, gateways: Sequence[str] = EVERY
) -> list[Request]:
    """A checkout of each of so many new customers, whose carts are full."""
    ours.say(f"filling the carts of {count} customers")
    chosen = [gateways[number % len(gateways)] for number in range(count)]
    buyers: dict[str, list[Buyer]] = {}
    for currency, wanted in Counter(GATEWAYS[gateway] for gateway in chosen).items():
        buyers[currency] = make_buyers(ours.database, wanted, currency)
        fill_carts(ours.database, buyers[currency], menus.dishes[currency], hot=hot)
    ours.database.execute("ANALYZE")
    return [_checkout(ours.stack.web, gateway, buyers[GATEWAYS[gateway]].pop()) for gateway in chosen]


def _checkout(web: str, gateway: str, buyer: Buyer) -> Request:
    headers = {
        "Authorization": f"Token {buyer.token}",
        "Idempotency-Key": str(uuid.uuid4()),
        "Content-Type": "application/json",
    }
    return Request("POST", f"{web}/api/checkout/", headers, json.dumps({"method": gateway, "phone": buyer.phone}))


# Every customer is told once, by text message. By the notification, so that no row of a payment is looked at, and by
# those of now, so that what is past is not counted over and over.
_TOLD = """
    SELECT count(*) FROM notifications_notification
    WHERE id > %s AND state = 'SENT' AND kind = 'payment_settled' AND substr(about, 9)::bigint > %s
"""
_TIMES = """
    SELECT extract(epoch FROM queued_at)::float, extract(epoch FROM settled_at - queued_at)::float,
           extract(epoch FROM sent_at)::float
    FROM payments_payment payment JOIN notifications_notification ON about = 'payment:' || payment.id
    WHERE payment.id > %s AND payment.state = 'SETTLED'
"""


def _problems(ours: Ours, told: Told, newest: int, count: int) -> tuple[str, ...]:
    """Whatever was not as it should be: a figure of a run that went wrong is none."""
    settled = int(ours.number("SELECT count(*) FROM payments_payment WHERE id > %s AND state = 'SETTLED'", newest))
    found = []
    if told.answers.failed:
        found.append(f"checkouts were answered {told.answers.counts}")
    if told.reads.failed:
        found.append(f"looks were answered {told.reads.counts}")
    if settled != count:
        found.append(f"{settled} of {count} payments are settled")
    return tuple(found)
