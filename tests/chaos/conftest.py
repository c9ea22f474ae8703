"""One stack for all that is broken in short form, with servers of its own: those of the other tests stay whole."""

import os
import random
from collections.abc import Iterator

import pytest

from choptym.local.role import PROJECT
from tests.chaos.times import SHORT
from tests.chaos.world import World


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    own = {**os.environ, "DATABASE_URL": "", "REDIS_URL": ""}
    with World(seed, form=SHORT, root=PROJECT / ".local" / "chaos-short", environ=own) as world:
        yield world
