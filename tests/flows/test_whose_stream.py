"""A payment's event stream is its customer's alone: the event process asks whose it is by itself."""

import pytest
import requests

from tests.flows.ends import buy
from tests.live import TIMEOUT_SECONDS, Live, eventually


@pytest.mark.parametrize(("who", "status"), [("another", 404), ("nobody", 401), ("a wrong token", 401)])
def test_nobody_else_follows_a_payment(live: Live, who: str, status: int) -> None:
    customer, another = live.customer(), live.customer()
    live.turn("fapshi", customer.phone, approval_delay_ms=3000)
    purchase = buy(live, "fapshi", customer=customer)
    headers = {
        "another": {"Authorization": f"Token {another.token}"},
        "nobody": {},
        "a wrong token": {"Authorization": f"Token {customer.token[:-1]}!"},
    }[who]

    url = f"{live.stack.events}/api/payments/{purchase.payment}/events/"
    kinds: set[str] = set()

    def is_refused() -> None:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            kinds.add(answer.headers["Content-Type"])
            assert answer.status_code == status  # 503 while the machine is crowded
            assert set(answer.json()) == {"code", "message", "fields"}
            assert str(purchase.amount) not in answer.text

    eventually(is_refused)

    assert kinds == {"application/json"}, "no stream was begun, at any look"
