"""Who buys what in the demo."""

from collections import Counter

from choptym.lib.phones import region_of
from choptym.local.demo.plan import METHODS, make_plan

MENU = [
    {"id": 1, "currency": "XAF", "price_minor": 2_500, "stock": 1_000_000},
    {"id": 2, "currency": "INR", "price_minor": 18_000, "stock": 1_000_000},
]
COUNTRY = {"XAF": "CM", "INR": "IN"}


def test_all_gateways_and_wallets_in_every_currency_take_turns() -> None:
    purchases = [purchase for bought in make_plan(200, MENU).values() for purchase in bought]

    counts = Counter(purchase.method for purchase in purchases)
    assert set(counts) == {"fapshi", "campay", "razorpay", "cashfree", "wallet"}
    assert min(counts.values()) >= 10
    assert all(counts[method] >= 40 for method, _ in METHODS)
    wallets = [purchase for purchase in purchases if purchase.method == "wallet"]
    assert {purchase.gateway for purchase in wallets} == {method for method, _ in METHODS}


def test_who_pays_in_a_currency_has_a_number_of_its_country_and_buys_in_it() -> None:
    currencies, products = dict(METHODS), {dish["id"]: dish["currency"] for dish in MENU}

    for bought in make_plan(200, MENU).values():
        for purchase in bought:
            assert purchase.currency == currencies[purchase.gateway] == products[purchase.product]
            assert region_of(purchase.phone) == COUNTRY[purchase.currency]


def test_a_small_demo_shows_all_gateways_and_a_wallet_of_each_currency() -> None:
    purchases = [purchase for bought in make_plan(40, MENU).values() for purchase in bought]

    assert {purchase.method for purchase in purchases} == {"wallet", *dict(METHODS)}
    assert {purchase.currency for purchase in purchases if purchase.method == "wallet"} == {"XAF", "INR"}
