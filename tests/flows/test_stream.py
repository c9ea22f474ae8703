"""Many follow their payments at once, over the event stream."""

import threading
import time
from contextlib import ExitStack

import requests

from payments.stream import STREAMS_EACH
from tests.flows.ends import Purchase, buy
from tests.hostile.wire import opened
from tests.live import TIMEOUT_SECONDS, Customer, Live, eventually

WATCHERS = 60
CUSTOMERS = WATCHERS // STREAMS_EACH


def _open(live: Live, customer: Customer, payment: int) -> requests.Response:
    url = f"{live.stack.events}/api/payments/{payment}/events/"
    headers = {"Authorization": f"Token {customer.token}"}
    return requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)


def _follow(live: Live, customer: Customer, payment: int, told: list[str], is_open: threading.Semaphore) -> None:
    """Append what the stream says in the end."""
    last = ""
    with _open(live, customer, payment) as response:
        for line in response.iter_lines():
            if line.startswith(b"data:"):
                last = line.decode()
                is_open.release()
    told.append("SETTLED" if '"status": "SETTLED"' in last else last)


def _slow_purchase(live: Live, *, seconds: int = 4) -> Purchase:
    customer = live.customer()
    live.turn("fapshi", customer.phone, approval_delay_ms=1000 * seconds)
    return buy(live, "fapshi", customer=customer)


def test_everybody_who_follows_a_payment_hears_its_end(live: Live) -> None:
    """Far more streams than the process has database connections."""
    purchases = [_slow_purchase(live) for _ in range(CUSTOMERS)]
    told: list[str] = []
    is_open = threading.Semaphore(0)
    threads = [
        threading.Thread(target=_follow, args=(live, purchase.customer, purchase.payment, told, is_open))
        for purchase in purchases
        for _ in range(STREAMS_EACH)
    ]
    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join(TIMEOUT_SECONDS)

    assert told == ["SETTLED"] * WATCHERS
    assert requests.get(f"{live.stack.events}/health/ready", timeout=TIMEOUT_SECONDS).json()["database"] is True


def test_a_customer_has_few_streams_and_a_client_that_goes_gives_its_place_back(live: Live) -> None:
    mine, others = (_slow_purchase(live, seconds=30) for _ in range(2))
    with ExitStack() as stack:
        first, *rest = (stack.enter_context(_open(live, mine.customer, mine.payment)) for _ in range(STREAMS_EACH))
        refused = stack.enter_context(_open(live, mine.customer, mine.payment))

        assert [one.status_code for one in (first, *rest)] == [200] * STREAMS_EACH
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "15")
        assert refused.json() == {
            "code": "too_many_streams",
            "message": f"You have {STREAMS_EACH} streams open already.",
            "fields": {},
        }
        assert stack.enter_context(_open(live, others.customer, others.payment)).status_code == 200
        first.close()
        eventually(lambda: _assert_opens(stack, live, mine))
        assert stack.enter_context(_open(live, mine.customer, mine.payment)).status_code == 429


def test_clients_that_go_at_any_moment_hold_no_place(live: Live) -> None:
    """While it is asked whose payment it is, before the first event, and after it."""
    mine = _slow_purchase(live, seconds=30)
    path = f"GET /api/payments/{mine.payment}/events/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"

    request = f"{path}Authorization: Token {mine.customer.token}\r\n\r\n".encode()
    for number in range(20):
        with opened(live, 2, request, role="events"):
            time.sleep(number * 0.004)

    with ExitStack() as stack:
        for _ in range(STREAMS_EACH):
            eventually(lambda: _assert_opens(stack, live, mine))


def _assert_opens(stack: ExitStack, live: Live, purchase: Purchase) -> None:
    answer = stack.enter_context(_open(live, purchase.customer, purchase.payment))
    assert answer.status_code == 200, answer.text
