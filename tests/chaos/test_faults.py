"""The short form of `make chaos`: everything is broken once under one load, and the proof holds."""

from collections.abc import Callable

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.load import Tally
from tests.chaos.storm import storm
from tests.chaos.world import World

PER_SECOND = 2.0


def silent(_what: str, _tally: Tally) -> None:
    """Nobody looks on."""


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-6")
@pytest.mark.timeout(900)
def test_whatever_is_broken_nothing_is_lost_and_nothing_doubled(world: World, tell: Callable[..., None]) -> None:
    result = storm(world, list(FAULTS.values()), per_second=PER_SECOND, show=silent)

    tell(**result.as_json())
    assert result.ok, result.breaks
