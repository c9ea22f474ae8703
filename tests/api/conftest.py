"""The world that bad requests are sent to."""

import pytest

from choptym.lib.jobs import redis
from tests.api.world import World, make_world


@pytest.fixture
def world(db: None, silent_gateways: None) -> World:
    for key in redis().scan_iter("choptym:tries:*"):
        redis().delete(key)
    return make_world()
