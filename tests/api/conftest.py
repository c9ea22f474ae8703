"""The world that bad requests are sent to, and a paid order with somebody who may refund it."""

import pytest

from choptym.lib.jobs import redis
from payments.models import Payment
from tests.api.refund_doors import token_of
from tests.api.world import World, make_world
from tests.payments.refund_rows import make_settled
from tests.payments.staff import make_staff


@pytest.fixture
def world(db: None, silent_gateways: None) -> World:
    for key in redis().scan_iter("choptym:tries:*"):
        redis().delete(key)
    return make_world()


@pytest.fixture
def finance(world: World) -> str:
    return token_of(make_staff("finance"))


@pytest.fixture
def payment(world: World) -> Payment:
    return make_settled(user=world.customer)
