"""One fault from end to end: load, fault, recovery, quiet, proof."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.chaos.faults import Fault
from tests.chaos.load import Load, Tally
from tests.chaos.patience import eventually
from tests.chaos.picture import Timeline
from tests.chaos.plan import WishesUntilTold, make_plan
from tests.chaos.proof import Verdict, is_quiet, prove, unpaid_since
from tests.chaos.world import World

RECOVERED_SECONDS = 60
# After a fault nobody waits longer for the end of all; a payment that its gateway never took expires after a minute.
QUIET_SECONDS = 150
# The fault begins when so much of the load has begun.
INTO_THE_LOAD = 0.25
FEW = 40
# So many come after everything has recovered, and are to be paid as if nothing had happened.
COME_AFTERWARDS = 40


@dataclass(slots=True)
class Result:
    """What is said of one fault, as one JSON line."""

    fault: str
    payments: int = 0
    lost: int = 0
    doubled: int = 0
    recovery_seconds: float = 0.0
    ok: bool = False
    seconds: float = 0.0
    told_twice: int = 0
    errors_500: int = 0
    seed: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    breaks: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    timeline: Timeline | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is printed: the fields of the contract first."""
        whole = {name: getattr(self, name) for name in self.__slots__ if name not in {"extra", "timeline"}}
        rounded = {"recovery_seconds": round(self.recovery_seconds, 1), "seconds": round(self.seconds, 1)}
        return {**whole, **rounded, **self.extra}


Show = Callable[[str, Tally], None]


def run_fault(world: World, fault: Fault, *, payments: int, per_second: float, show: Show) -> Result:
    """Break this under so many payments, and prove that nothing came of it."""
    result = Result(fault.name, seed=world.seed)
    began_at = time.monotonic()
    world.check_weather()
    after = newest_payment(world)
    menu = requests.get(f"{world.stack.web}/api/products/", timeout=30).json()
    wishes = WishesUntilTold(make_plan(f"{world.seed} {fault.name}", payments, menu), least=payments)
    load = Load(world.stack.web, world.customers, wishes, per_second=per_second, staff=world.staff_token)
    load.start()
    while load.tally.begun < payments * INTO_THE_LOAD and not load.is_over():
        show("load", load.tally)
        time.sleep(0.2)
    show(f"fault: {fault.says}", load.tally)
    broke_at = time.monotonic()
    fault.breaks(world, random.Random(f"{world.seed} {fault.name} fault"))
    lifted_at = time.monotonic()
    result.recovery_seconds = recover(world, load.tally, show)
    recovered = newest_payment(world)
    let_some_more_pay(load, wishes, COME_AFTERWARDS, lambda what: show(what, load.tally))
    eventually(lambda: _show_quiet(world, load.tally, show), QUIET_SECONDS)
    show("proof", load.tally)
    note(result, prove(world, load.tally, after=after), load.tally, repeats=fault.repeats)
    result.breaks += unpaid_since(world, recovered)
    if result.recovery_seconds > RECOVERED_SECONDS:
        result.breaks.append(f"recovery took {result.recovery_seconds:.0f} s")
    result.ok = not result.breaks and result.payments > 0
    result.seconds = time.monotonic() - began_at
    span = (broke_at - began_at, lifted_at - began_at)
    settled = _settled_each_second(world, after, result.seconds)
    result.timeline = Timeline(fault.name, result.ok, span, span[1] + result.recovery_seconds, settled)
    return result


def _settled_each_second(world: World, after: int, seconds: float) -> tuple[int, ...]:
    """From the beginning of the load, which was so long ago."""
    rows = world.rows(
        """
        SELECT floor(extract(epoch FROM settled_at - now()) + %s)::int, count(*) FROM payments_payment
        WHERE id > %s AND settled_at IS NOT NULL GROUP BY 1
        """,
        seconds,
        after,
    )
    counts = dict(rows)
    return tuple(counts.get(second, 0) for second in range(int(seconds) + 1))


def _show_quiet(world: World, tally: Tally, show: Show) -> bool:
    show("until all is quiet", tally)
    return is_quiet(world)


def newest_payment(world: World) -> int:
    """The highest payment so far; 0: there is none."""
    return world.number("SELECT max(id) FROM payments_payment")


def let_some_more_pay(load: Load, wishes: WishesUntilTold, count: int, show: Callable[[str], None]) -> None:
    """Let so many more customers begin, and all come to their end."""
    enough = max(load.tally.wanted, load.tally.begun + count)
    while not load.wait(0.3):
        is_enough = load.tally.begun >= enough
        show("the last customers wait for the end of their payments" if is_enough else "load goes on")
        if is_enough:
            wishes.stop()


def recover(world: World, tally: Tally, show: Show) -> float:
    """Seconds from the end of the fault until nothing from before it waits for us any more."""
    lifted_at = time.monotonic()
    marks = [world.number(f"SELECT max(id) FROM {table}") for table in _TABLES]  # noqa: S608 - our own tables

    def is_done() -> bool:
        show("recovery", tally)
        return not _waits_for_us(world, *marks)

    eventually(is_done, QUIET_SECONDS)
    return time.monotonic() - lifted_at


_TABLES = ("payments_payment", "payments_webhookevent", "notifications_notification")


def _waits_for_us(world: World, payment: int, event: int, message: int) -> bool:
    """Whether something from before these marks has still to be done by us.

    A payment of which its gateway has no money does not wait for us: its customer has not approved, or never will.
    """
    if world.number("SELECT count(*) FROM payments_webhookevent WHERE id <= %s AND state = 'NEW'", event):
        return True
    if world.number("SELECT count(*) FROM notifications_notification WHERE id <= %s AND state = 'WAITING'", message):
        return True
    waiting = world.rows(
        """
        SELECT payment.state, attempt.gateway, attempt.reference::text FROM payments_payment payment
        LEFT JOIN LATERAL (SELECT gateway, reference FROM payments_paymentattempt
                           WHERE payment_id = payment.id ORDER BY number DESC LIMIT 1) attempt ON true
        WHERE payment.id <= %s AND payment.state IN ('QUEUED', 'REQUESTED', 'PENDING') LIMIT %s
        """,
        payment,
        FEW + 1,
    )
    if len(waiting) > FEW or any(state == "QUEUED" for state, *_ in waiting):
        return True
    return any(_is_collected(world, gateway, reference) for _, gateway, reference in waiting if gateway)


def _is_collected(world: World, gateway: str, reference: str) -> bool:
    books = world.control("GET", f"{gateway}/books?reference={reference}")
    return any(entry["state"] == "collected" for entry in books["entries"])


def note(result: Result, verdict: Verdict, tally: Tally, *, repeats: bool) -> None:
    """Take what was proved into the result. `repeats`: some messages may have come twice."""
    result.payments = sum(verdict.ends.values())
    result.lost, result.doubled, result.told_twice = verdict.lost, verdict.doubled, verdict.told_twice
    result.ends = verdict.ends
    result.errors_500 = tally.statuses[500]
    result.breaks += [*verdict.breaks, *tally.troubles[:10]]
    if verdict.told_twice and not repeats:
        result.breaks.append(f"{verdict.told_twice} messages came twice")
