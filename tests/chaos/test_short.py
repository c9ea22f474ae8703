"""The short form of `make chaos`: everything is broken once under load, on one stack, and the proof holds each time."""

import os
import random
from collections.abc import Callable, Iterator

import pytest

from choptym.local.role import PROJECT
from tests.chaos.faults import FAULTS
from tests.chaos.load import Tally
from tests.chaos.run import run_fault
from tests.chaos.times import SHORT
from tests.chaos.world import World

PAYMENTS = 60
PER_SECOND = 10.0


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A stack with servers of its own: those of the other tests are not to be broken."""
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    own = {**os.environ, "DATABASE_URL": "", "REDIS_URL": ""}
    with World(seed, form=SHORT, root=PROJECT / ".local" / "chaos-short", environ=own) as world:
        yield world


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_lost_and_nothing_doubled(world: World, name: str, tell: Callable[..., None]) -> None:
    def show(_what: str, _tally: Tally) -> None:
        pass

    result = run_fault(world, FAULTS[name], payments=PAYMENTS, per_second=PER_SECOND, show=show)

    tell(**result.as_json())
    assert result.ok, result.breaks
