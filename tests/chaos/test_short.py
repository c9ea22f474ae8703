"""The short form of `make chaos`: everything is broken once under load, on one stack, and the proof holds each time."""

from collections.abc import Callable

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.load import Tally
from tests.chaos.run import run_fault
from tests.chaos.world import World

PAYMENTS = 60
PER_SECOND = 10.0


def silent(_what: str, _tally: Tally) -> None:
    """Nobody looks on."""


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-6")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_lost_and_nothing_doubled(world: World, name: str, tell: Callable[..., None]) -> None:
    result = run_fault(world, FAULTS[name], payments=PAYMENTS, per_second=PER_SECOND, show=silent)

    tell(**result.as_json())
    assert result.ok, result.breaks
