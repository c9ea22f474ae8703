"""The whole running stack under load is stopped, loses workers, and is resumed: nothing leaves meanwhile, nothing is
lost and nothing is doubled."""

import time
from collections.abc import Iterator

import pytest

from tests.flows.ends import Purchase, assert_paid, attempts, buy, press, unlucky
from tests.live import METHODS, Live, eventually

IN_FORCE_SECONDS = 2.0
RECOVERED_SECONDS = 60


@pytest.fixture(autouse=True)
def _resumed(live: Live) -> Iterator[None]:
    yield
    order(live, "resume")


def order(live: Live, act: str, gateway: str = "all", *more: str) -> str:
    done = live.stack.manage("queue", act, "--gateway", gateway, "--reason", "to see what happens", *more)
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


def calls(live: Live, *methods: str) -> int:
    """What the gateways have seen, by their own count."""
    return sum(live.control("GET", f"{method}/books")["calls"] for method in methods or METHODS)


def buy_everywhere(live: Live, count: int, **knobs: int) -> list[Purchase]:
    return [unlucky(live, METHODS[number % len(METHODS)], **knobs) for number in range(count)]


def stored_events(live: Live) -> int:
    return int(live.column("SELECT count(*) FROM payments_webhookevent")[0])


def assert_paid_once(live: Live, purchases: list[Purchase]) -> None:
    """Exactly once everywhere; a try that was let out unsent is no try."""
    end = time.monotonic() + RECOVERED_SECONDS
    for purchase in purchases:
        purchase.wait("SETTLED", seconds=max(1.0, end - time.monotonic()))
    for purchase in purchases:
        tries = attempts(live, purchase.payment)
        assert [state for state in tries if state != "POSTPONED"] == ["PAID"]
        assert_paid(purchase, tries=tries, attempts_made=1, may_be_told_twice=lambda: True)


@pytest.mark.timeout(300)
@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
def test_a_stop_under_load_lets_nothing_leave_and_loses_nothing(live: Live) -> None:
    # Some are with their gateways and are paid meanwhile, others are on their way to them, the rest waits.
    pending = [buy(live, method, link=True) for method in METHODS]
    links = [purchase.wait("PENDING")["link"] for purchase in pending]
    calling = buy_everywhere(live, 8, latency_ms=1_500)

    order(live, "stop")
    time.sleep(IN_FORCE_SECONDS)
    before, events_before = calls(live), stored_events(live)
    late = buy_everywhere(live, 4)
    shown = late[0].customer.get(f"/api/payments/{late[0].payment}/")
    live.kill("worker-charge")
    live.kill("worker-confirm")
    for purchase, link in zip(pending, links, strict=True):
        press("pay", link, purchase.customer)
    eventually(lambda: _assert_more(stored_events(live), events_before + len(pending) - 1), seconds=30)

    assert calls(live) == before
    assert (shown["status"], shown["paused"], shown["paused_until"]) == ("QUEUED", True, None)
    assert {purchase.wait("QUEUED")["status"] for purchase in late} == {"QUEUED"}
    order(live, "resume")
    assert_paid_once(live, [*pending, *calling, *late])


def test_a_drain_follows_what_the_gateway_has_and_sends_nothing_new(live: Live) -> None:
    pending = unlucky(live, "fapshi", approval_delay_ms=6_000, webhook_lost_rate=1)
    pending.wait("PENDING")

    order(live, "drain", "fapshi")
    time.sleep(IN_FORCE_SECONDS)
    waiting, other = unlucky(live, "fapshi"), unlucky(live, "campay")
    assert pending.wait("SETTLED", seconds=30)["paused"] is False  # asked about, for its webhook is lost

    assert other.wait("SETTLED")["paused"] is False
    shown = waiting.customer.get(f"/api/payments/{waiting.payment}/")
    assert (shown["status"], shown["paused"]) == ("QUEUED", True)
    assert live.books("fapshi", waiting.customer.phone) == []
    assert "fapshi: RUN" in order(live, "resume", "fapshi")
    assert_paid_once(live, [pending, waiting, other])


def test_a_stop_with_an_end_is_over_by_itself(live: Live) -> None:
    order(live, "stop", "campay", "--for", "8s")
    time.sleep(IN_FORCE_SECONDS)
    purchase = unlucky(live, "campay")

    shown = purchase.customer.get(f"/api/payments/{purchase.payment}/")

    assert (shown["paused"], shown["paused_until"] is not None) == (True, True)
    assert_paid_once(live, [purchase])


def _assert_more(now: int, before: int) -> None:
    assert now > before
