"""Refunds on the whole running stack: staff ask, a worker sends, the gateway gives once, the customer is told."""

import json
import re
from typing import Any

import pytest

from tests.flows.ends import Purchase, buy
from tests.live import Live, eventually

RECOVERED_SECONDS = 45
ASK = """
import json
from django.contrib.auth.models import User
from payments.refund import refund_payment
from payments.refunds.write import Wish
refund = refund_payment({payment}, Wish(reason="a plate was missing", amount_minor={amount}),
                        actor_id=User.objects.get(username="admin").pk)
print(json.dumps({{"id": refund.pk, "reference": str(refund.reference), "way": refund.way}}))
"""


def ask(live: Live, purchase: Purchase, amount_minor: int | None = None) -> dict[str, Any]:
    """As a member of staff, in a process of the stack's own environment."""
    code = ASK.format(payment=purchase.payment, amount=amount_minor)
    done = live.stack.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stdout
    return dict(json.loads(done.stdout.splitlines()[-1]))


def state_of(live: Live, refund: dict[str, Any]) -> str:
    return str(live.column("SELECT state FROM payments_refund WHERE id = %s", refund["id"])[0])


def given(live: Live, method: str, refund: dict[str, Any]) -> list[tuple[int, str]]:
    """(amount, state) of what the sandbox gave back under our reference."""
    name = refund["reference"].replace("-", "_") if method == "cashfree" else refund["reference"]
    entries = live.control("GET", f"{method}/books?reference={name}")["entries"]
    return [(entry["amount_minor"], entry["state"]) for entry in entries]


def entries_of(live: Live, refund: dict[str, Any]) -> dict[str, int]:
    rows = live.rows("SELECT reason, amount_minor FROM wallets_entry WHERE reason LIKE %s", f"refund:{refund['id']}:%")
    return {reason.rsplit(":", 1)[1]: amount for reason, amount in rows}


def assert_refunded(live: Live, purchase: Purchase, refund: dict[str, Any], amount_minor: int, kind: str) -> None:
    assert state_of(live, refund) == "REFUNDED"
    query = "SELECT kind, state FROM notifications_notification WHERE about = %s"
    assert live.rows(query, f"refund:{refund['id']}") == [(kind, "SENT")]
    told = [message["text"] for message in live.messages(purchase.customer.phone)]
    assert len(told) == 2  # paid, and given back
    assert str(amount_minor) in re.sub(r"\D", "", told[-1]), told[-1]


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("method", ["razorpay", "cashfree"])
def test_a_refund_is_given_once_and_the_customer_is_told(live: Live, method: str) -> None:
    purchase = buy(live, method)
    purchase.wait("SETTLED")

    refund = ask(live, purchase, 2_000)

    assert refund["way"] == "GATEWAY"
    eventually(lambda: _assert_given(live, method, refund, 2_000))
    eventually(lambda: assert_refunded(live, purchase, refund, 2_000, "payment_refunded"), seconds=RECOVERED_SECONDS)
    assert entries_of(live, refund) == {"given": 2_000, "out": 2_000}
    assert given(live, method, refund) == [(2_000, "paid_back")]
    assert live.balance(purchase.customer, "INR") == 0
    assert live.column("SELECT state FROM orders_order WHERE id = %s", purchase.order) == ["PAID"]


def _assert_given(live: Live, method: str, refund: dict[str, Any], amount_minor: int) -> None:
    assert given(live, method, refund) == [(amount_minor, "paid_back")]


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
def test_a_worker_that_is_killed_while_it_sends_gives_back_once(live: Live) -> None:
    purchase, refund = _being_sent(live)
    live.kill("worker-confirm")

    eventually(
        lambda: assert_refunded(live, purchase, refund, purchase.amount, "payment_refunded"), seconds=RECOVERED_SECONDS
    )
    assert given(live, "razorpay", refund) == [(purchase.amount, "paid_back")]


def _being_sent(live: Live) -> tuple[Purchase, dict[str, Any]]:
    """A refund whose worker waits for the gateway's answer; another one should we have looked too late."""
    while True:
        purchase = buy(live, "razorpay")
        purchase.wait("SETTLED")
        live.turn("razorpay", purchase.customer.phone, latency_ms=1_500, approval_delay_ms=0)
        refund = ask(live, purchase)
        eventually(lambda: _assert_taken_up(live, refund))  # noqa: B023 - it is over before the next round
        if state_of(live, refund) == "REQUESTED":
            return purchase, refund


def _assert_taken_up(live: Live, refund: dict[str, Any]) -> None:
    assert state_of(live, refund) in {"REQUESTED", "REFUNDED"}


def test_where_the_gateway_gives_nothing_back_it_goes_into_the_wallet(live: Live) -> None:
    purchase = buy(live, "fapshi")
    purchase.wait("SETTLED")

    refund = ask(live, purchase, 1_500)

    assert refund["way"] == "WALLET"
    eventually(lambda: assert_refunded(live, purchase, refund, 1_500, "wallet_refunded"))
    assert live.balance(purchase.customer) == 1_500
    assert entries_of(live, refund) == {"given": 1_500}
