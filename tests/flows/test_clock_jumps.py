"""The wall clock of every process of ours jumps by an hour while payments are under way: nothing ends early or twice.

The database's clock is right, and so are the gateways'. What a jump does to beat and to messages is seen here too: if
nobody swept, no payment whose webhook was lost would end.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from choptym.local.role import Role
from choptym.local.roles import WEB_PROCESSES
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


class Clocks:
    """The wall clocks of all processes of ours but Flower and the stream."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._processes = 0

    def started_as(self, role: Role) -> Role:
        if role.name == "web":
            self._processes += WEB_PROCESSES
            command = tuple(word.replace("choptym.wsgi", "tests.chaos.jumping_web") for word in role.command)
            return replace(role, command=command, environment={**role.environment, "JUMPING_CLOCK": str(self._file)})
        if role.name.startswith("worker") or role.name == "beat":
            self._processes += 1
            python, dash_m, module, *arguments = role.command
            jumping = ("tests.chaos.jumping_clock", str(self._file), "--", module)
            return replace(role, command=(python, dash_m, *jumping, *arguments))
        return role

    @contextmanager
    def ahead_by(self, seconds: int) -> Iterator[None]:
        self._say(seconds)
        try:
            eventually(lambda: self._assert_jumped(str(seconds)))
            yield
        finally:
            self._say(0)

    def _say(self, seconds: int) -> None:
        whole = self._file.with_suffix(".new")
        whole.write_text(str(seconds))
        whole.replace(self._file)

    def _assert_jumped(self, to: str) -> None:
        jumped = [one for one in self._file.parent.glob(f"{self._file.name}.[0-9]*") if one.read_text() == to]
        assert len(jumped) == self._processes


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
