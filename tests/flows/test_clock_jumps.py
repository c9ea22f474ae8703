"""The wall clock of every process of ours jumps by an hour while payments are under way: nothing ends early or twice.

The database's clock is right, and so are the gateways'. What a jump does to beat and to messages is seen here too: if
nobody swept, no payment whose webhook was lost would end.
"""

from collections.abc import Iterator
from itertools import product

import pytest

from tests.chaos.clocks import Clocks
from tests.flows.ends import Purchase, assert_paid, attempts, unlucky
from tests.live import METHODS, Live, eventually, running_stack

HOUR = 3600
JUMPS = [HOUR, -HOUR]
# A lost answer is proved absent only after this; the slow gateway below acts before.
PROVES_AFTER_SECONDS = 16
# Longer than we wait for an answer; a gateway goes on when we have hung up.
SLOW_MS = 8_000
# Who approves so late is not yet known to have paid when the clock jumps, and must not expire.
APPROVES_MS = 12_000
RECOVERY_SECONDS = 60

LOST = {"webhook_lost_rate": 1}
KINDS = {
    "webhook lost": {**LOST, "approval_delay_ms": 3_000},
    "answer lost": {**LOST, "timeout_after_capture_rate": 1},
    "slow to act": {**LOST, "latency_ms": SLOW_MS},
    "slow to approve": {"approval_delay_ms": APPROVES_MS},
}


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Clocks:
    return Clocks(tmp_path_factory.mktemp("clocks") / "ahead_seconds")


@pytest.fixture(scope="module")
def live(clocks: Clocks) -> Iterator[Live]:
    proves = {
        f"{name}_ABSENCE_PROVES_AFTER_SECONDS": str(PROVES_AFTER_SECONDS) for name in ("FAPSHI", "RAZORPAY", "CASHFREE")
    }
    with running_stack("clock_jumps", clocks.started_as, **proves) as stack:
        yield stack


def _assert_under_way(live: Live, purchases: list[Purchase]) -> None:
    for purchase in purchases:
        assert attempts(live, purchase.payment) != [], f"{purchase.method}: not yet asked"


@pytest.mark.long
@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-5")
@pytest.mark.timeout(200)
@pytest.mark.parametrize("ahead_seconds", JUMPS, ids=["an hour ahead", "an hour back"])
def test_payments_under_way_are_paid_once_when_every_wall_clock_jumps(
    live: Live, clocks: Clocks, ahead_seconds: int
) -> None:
    purchases = {
        (method, kind): unlucky(live, method, times=1, **KINDS[kind]) for method, kind in product(METHODS, KINDS)
    }
    eventually(lambda: _assert_under_way(live, [*purchases.values()]))

    with clocks.ahead_by(ahead_seconds):
        purchases |= {(method, "begun later"): unlucky(live, method, times=1, **LOST) for method in METHODS}
        for purchase in purchases.values():
            purchase.wait("SETTLED", seconds=RECOVERY_SECONDS)
        for purchase in purchases.values():
            assert_paid(purchase)
