"""Who buys what, and how: the same number of payments gives the same plan."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from choptym.local.errors import StackError

CUSTOMERS = 200
WALLET = "wallet"
# Every so manieth purchase is paid from a wallet, topped up before if need be. Odd, so that there too all take turns.
WALLET_EVERY = 19

# Each method with the currency of the shops it works for.
METHODS = (("fapshi", "XAF"), ("razorpay", "INR"), ("campay", "XAF"), ("cashfree", "INR"))

LARGEST_QUANTITY = 3
ENOUGH_STOCK = 100


@dataclass(frozen=True, slots=True)
class Purchase:
    method: str
    gateway: str  # the method, or what tops up the wallet
    phone: str
    product: int
    quantity: int
    currency: str
    total_minor: int


def make_plan(payments: int, menu: Sequence[dict[str, Any]]) -> dict[str, list[Purchase]]:
    """Return what each customer buys, one after the other. The methods take turns."""
    chance = random.Random(payments)  # noqa: S311 - the same demo every time
    products = {currency: _products(menu, currency) for _, currency in METHODS}
    plan: dict[str, list[Purchase]] = {}
    for number in range(payments):
        gateway, currency = METHODS[number % len(METHODS)]
        product, quantity = chance.choice(products[currency]), chance.randint(1, LARGEST_QUANTITY)
        purchase = Purchase(
            method=WALLET if number % WALLET_EVERY == WALLET_EVERY - 1 else gateway,
            gateway=gateway,
            phone=_phone(chance, currency),
            product=product["id"],
            quantity=quantity,
            currency=currency,
            total_minor=quantity * product["price_minor"],
        )
        plan.setdefault(f"customer{number % CUSTOMERS + 1}", []).append(purchase)
    return plan


def _phone(chance: random.Random, currency: str) -> str:
    if currency == "INR":
        return f"{chance.choice('6789')}{chance.randrange(10**9):09d}"
    return f"6{chance.choice('79')}{chance.randrange(10**7):07d}"  # MTN or Orange


def _products(menu: Sequence[dict[str, Any]], currency: str) -> list[dict[str, Any]]:
    products = [product for product in menu if product["currency"] == currency]
    if not products:
        raise StackError(f"The menu has nothing in {currency}: did seed_demo run?")
    return [product for product in products if product["stock"] >= ENOUGH_STOCK] or products
