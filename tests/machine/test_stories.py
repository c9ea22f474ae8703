"""The beginnings of the machine's examples, each by itself: what is rare in the mixture comes here for certain."""

import pytest

from tests.machine.gateways import GATEWAYS_OF
from tests.machine.machine import PaymentMachine
from tests.machine.world import World

XAF, INR = 0, 1
FIRST, SECOND = 0, 1  # of the gateways of the customer's country


def play(world: World, customer: int, method: int, day: str = "", follows: str = "", *, link: bool = False) -> set[str]:
    """Tell it to its end with nothing in between. What it came to, in the words of the machine's count."""
    PaymentMachine.ended.clear()
    machine = PaymentMachine(world)
    try:
        machine.begin([(customer, {0: 1}, method, link, day)], follows)
        machine.every_promise_is_kept()
    finally:
        machine.teardown()
    return {name for name, count in PaymentMachine.ended.items() if count}


@pytest.mark.parametrize("customer", [XAF, INR])
@pytest.mark.parametrize("method", [FIRST, SECOND])
def test_paid(world: World, customer: int, method: int) -> None:
    gateway = list(GATEWAYS_OF.values())[customer][method]
    assert {"payment SETTLED", f"settled by {gateway}"} <= play(world, customer, method, "", "paid")


def test_refused_for_good(world: World) -> None:
    assert {"payment FAILED", "attempt REFUSED"} <= play(world, XAF, SECOND, follows="refused")


@pytest.mark.parametrize("method", [FIRST, SECOND])
def test_declined(world: World, method: int) -> None:
    assert {"payment FAILED", "attempt NOT_PAID"} <= play(world, XAF, method, follows="declined")


@pytest.mark.parametrize("method", [FIRST, SECOND])
def test_declined_where_the_payer_may_try_again(world: World, method: int) -> None:
    """An order at a gateway in India outlives the payment that failed."""
    assert {"payment EXPIRED", "attempt ACCEPTED"} <= play(world, INR, method, follows="declined")


def test_paid_twice(world: World) -> None:
    assert "attempt SURPLUS" in play(world, XAF, FIRST, "request lost", "paid twice")


@pytest.mark.parametrize("customer", [XAF, INR])
def test_paid_oddly(world: World, customer: int) -> None:
    assert "payment REVIEW" in play(world, customer, FIRST, "", "paid oddly")


@pytest.mark.parametrize("customer", [XAF, INR])
@pytest.mark.parametrize("link", [False, True])
def test_paid_after_the_end(world: World, customer: int, link: bool) -> None:
    assert "settled after the end" in play(world, customer, FIRST, "", "paid after the end", link=link)


@pytest.mark.parametrize("customer", [XAF, INR])
def test_paid_when_sold_out(world: World, customer: int) -> None:
    assert "settled when sold out" in play(world, customer, FIRST, "", "paid when sold out")


@pytest.mark.parametrize("customer", [XAF, INR])
@pytest.mark.parametrize("link", [False, True])
def test_refunded(world: World, customer: int, link: bool) -> None:
    assert {"refund REFUNDED", "refund STAFF GATEWAY"} <= play(world, customer, FIRST, "", "refunded", link=link)
