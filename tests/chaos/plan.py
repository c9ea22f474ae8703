"""Who does what, decided before the run from its seed: the same seed, the same wishes in the same order."""

import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.chaos.weather import GATEWAYS


class Kind(StrEnum):
    ORDER = "order"
    LINK = "link"  # on the gateway's own page
    TOPUP = "topup"
    WALLET = "wallet"
    IMPATIENT = "impatient"  # an order, cancelled soon
    REFUNDED = "refunded"  # an order, given back by staff once it is settled


SHARES = {
    Kind.ORDER: 66,
    Kind.LINK: 4,
    Kind.TOPUP: 14,
    Kind.WALLET: 8,
    Kind.IMPATIENT: 5,
    Kind.REFUNDED: 3,
}
# The same request twice at once, as two taps of one thumb.
DOUBLE_TAPS = 0.05
LONGEST_PATIENCE_SECONDS = 2.0
# More than the dearest order costs.
TOPUP_MINOR = {"XAF": 50_000, "INR": 500_000}


@dataclass(frozen=True, slots=True)
class Wish:
    """What one customer wants. `amount_minor` is that of a top-up; an order costs what its product costs."""

    kind: Kind
    gateway: str
    currency: str
    product: int
    quantity: int
    amount_minor: int
    taps_twice: bool
    patience_seconds: float


def make_plan(seed: str, payments: int, menu: Sequence[dict[str, Any]]) -> list[Wish]:
    """So many wishes, the gateways in turn."""
    chance = random.Random(seed)
    products = {currency: [dish for dish in menu if dish["currency"] == currency] for currency in ("XAF", "INR")}
    return [_wish(chance, products, list(GATEWAYS)[number % len(GATEWAYS)]) for number in range(payments)]


def _wish(chance: random.Random, products: dict[str, list[dict[str, Any]]], gateway: str) -> Wish:
    currency = GATEWAYS[gateway]
    return Wish(
        kind=chance.choices(list(SHARES), list(SHARES.values()))[0],
        gateway=gateway,
        currency=currency,
        product=chance.choice(products[currency])["id"],
        quantity=chance.randint(1, 3),
        amount_minor=TOPUP_MINOR[currency],
        taps_twice=chance.random() < DOUBLE_TAPS,
        patience_seconds=chance.uniform(0, LONGEST_PATIENCE_SECONDS),
    )


class WishesUntilTold(Sequence[Wish]):
    """These wishes again and again, `least` of them, and then until somebody says that it is enough."""

    def __init__(self, wishes: Sequence[Wish], *, least: int = 0) -> None:
        self._wishes = wishes
        self._least = least
        self._enough = threading.Event()

    def stop(self) -> None:
        self._enough.set()

    def __len__(self) -> int:
        """How many are sure to come."""
        return self._least

    def __getitem__(self, number: int) -> Wish:  # type: ignore[override]
        return self._wishes[number % len(self._wishes)]

    def __iter__(self) -> Iterator[Wish]:
        number = 0
        while number < self._least or not self._enough.is_set():
            yield self[number]
            number += 1
