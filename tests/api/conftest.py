"""The world that bad requests are sent to."""

import pytest
from django.core.cache import cache

from tests.api.world import World, make_world


@pytest.fixture
def world(db: None, silent_gateways: None) -> World:
    cache.clear()  # the counters of the throttles
    return make_world()
