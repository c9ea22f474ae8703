"""After everything that the other flows did: the books agree with each other and with the gateways' own."""

import json

import pytest

from tests.live import CURRENCIES, METHODS, Live, eventually


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-3")
@pytest.mark.invariant("INV-7")
def test_in_the_end_nothing_is_lost_nothing_is_doubled_and_the_books_balance(live: Live) -> None:
    eventually(lambda: _assert_at_rest(live), seconds=30)

    proof = live.stack.manage("prove_money", "--json", "--sandbox", live.stack.sandbox)

    result = json.loads(proof.stdout)
    assert (result["lost"], result["doubled"], result["breaks"]) == (0, 0, [])
    assert result["ok"]
    assert result["unfinished"] == 0
    assert proof.returncode == 0
    assert [gateway["name"] for gateway in result["gateways"]] == list(METHODS)
    assert {gateway["name"]: gateway["currency"] for gateway in result["gateways"]} == CURRENCIES
    assert all(gateway["collected"] > 0 for gateway in result["gateways"])


def _assert_at_rest(live: Live) -> None:
    waiting = "SELECT id, state FROM payments_payment WHERE state IN ('QUEUED', 'REQUESTED', 'PENDING')"
    assert live.rows(waiting) == []
    assert live.rows("SELECT id FROM notifications_notification WHERE state = 'WAITING'") == []
