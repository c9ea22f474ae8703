"""A database and a sandbox for the machine alone: it moves time, knobs and books as it likes."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.databases import connected_to, drop_database, make_database
from tests.gateways import switched_on
from tests.machine.gateways import GATEWAYS
from tests.machine.world import World
from tests.sandboxes import quiet_logs, running_sandbox

VARIABLES = {
    # Fapshi and CamPay give money back by a payout.
    "FAPSHI_REFUNDS": "payout",
    "CAMPAY_REFUNDS": "payout",
    # Nobody waits in a line here.
    **{f"{gateway.upper()}_RATE_PER_SECOND": "10000" for gateway in GATEWAYS},
}


@pytest.fixture(scope="module")
def machine_database(django_db_blocker: Any) -> Iterator[str]:
    name = "test_machine"
    with django_db_blocker.unblock():
        # Nobody pulls the plug here, so commits need not wait for the disk.
        make_database(name, synchronous_commit="off")
    yield name
    drop_database(name)


@pytest.fixture(scope="module")
def own_sandbox() -> Iterator[str]:
    with running_sandbox() as sandbox:
        yield sandbox.url


@pytest.fixture
def world(machine_database: str, own_sandbox: str, django_db_blocker: Any) -> Iterator[World]:
    with (
        django_db_blocker.unblock(),
        connected_to(machine_database),
        switched_on(own_sandbox, **VARIABLES),
        # One call that fails opens a circuit: the next payment goes to another gateway.
        override_settings(PAYMENT_CIRCUIT_LEAST_CALLS=1),
        quiet_logs(),
    ):
        world = World(own_sandbox)
        yield world
        world.close()
