"""A payment that goes through, by every road."""

import pytest
import requests

from tests.flows.ends import Purchase, assert_in_wallet, assert_paid, assert_reserved, buy
from tests.live import Live

TIMEOUT_SECONDS = 10


def visit(purchase: Purchase, action: str = "") -> requests.Response:
    """Open the gateway's page as a browser does; with an action, press that button."""
    link = str(purchase.wait("PENDING", "FAILED")["link"])
    if not action:
        return requests.get(link, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    form = {"action": action, "phone": purchase.customer.phone}
    return requests.post(link, data=form, timeout=TIMEOUT_SECONDS, allow_redirects=False)


@pytest.mark.invariant("INV-4")
@pytest.mark.parametrize("method", ["fapshi", "campay"])
@pytest.mark.parametrize("operator", ["mtn", "orange"])
def test_a_customer_pays_and_everything_changes_together(live: Live, method: str, operator: str) -> None:
    purchase = buy(live, method, customer=live.customer(operator), quantity=3)

    body = purchase.wait("SETTLED")

    assert body["amount"] == 7500
    assert_paid(purchase)


@pytest.mark.parametrize("method", ["fapshi", "campay"])
def test_a_customer_pays_on_the_page_of_the_gateway(live: Live, method: str) -> None:
    purchase = buy(live, method, link=True)
    shown = visit(purchase)
    assert shown.status_code == 200
    assert "5000 XAF" in shown.text
    assert_reserved(purchase)

    pressed = visit(purchase, "pay")

    assert pressed.status_code == 303
    purchase.wait("SETTLED")
    assert_paid(purchase)


def test_a_try_that_failed_on_the_page_can_be_followed_by_one_that_pays(live: Live) -> None:
    purchase = buy(live, "fapshi", link=True)

    visit(purchase, "decline")
    assert "failed" in visit(purchase).text
    visit(purchase, "pay")

    purchase.wait("SETTLED")
    assert_paid(purchase)
