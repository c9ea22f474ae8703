"""Many follow their payments at once, over the event stream."""

import threading

import requests

from tests.flows.ends import buy
from tests.live import TIMEOUT_SECONDS, Customer, Live

WATCHERS = 60


def _follow(live: Live, customer: Customer, payment: int, told: list[str], is_open: threading.Semaphore) -> None:
    """Append what the stream says in the end."""
    url = f"{live.stack.events}/api/payments/{payment}/events/"
    headers = {"Authorization": f"Token {customer.token}"}
    last = ""
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
        for line in response.iter_lines():
            if line.startswith(b"data:"):
                last = line.decode()
                is_open.release()
    told.append("SETTLED" if '"status": "SETTLED"' in last else last)


def test_everybody_who_follows_a_payment_hears_its_end(live: Live) -> None:
    """Far more streams than the process has database connections."""
    customer = live.customer()
    live.turn("fapshi", customer.phone, approval_delay_ms=3000)
    purchase = buy(live, "fapshi", customer=customer)
    told: list[str] = []
    is_open = threading.Semaphore(0)
    threads = [
        threading.Thread(target=_follow, args=(live, customer, purchase.payment, told, is_open))
        for _ in range(WATCHERS)
    ]
    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join(TIMEOUT_SECONDS)

    assert told == ["SETTLED"] * WATCHERS
    assert requests.get(f"{live.stack.events}/health/ready", timeout=TIMEOUT_SECONDS).json()["database"] is True
