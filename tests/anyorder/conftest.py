"""A database and a sandbox for the orders alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from tests.anyorder.crowd import CURRENCIES
from tests.databases import connected_to, drop_database, make_database
from tests.gateways import switched_on
from tests.machine.gateways import Gateways
from tests.sandboxes import quiet_logs, running_sandbox

# Nobody waits in a line here.
VARIABLES = {f"{gateway.upper()}_RATE_PER_SECOND": "100000" for gateway in CURRENCIES} | {
    f"{gateway.upper()}_MAX_CONCURRENT": "100" for gateway in CURRENCIES
}


@pytest.fixture(scope="session")
def orders_database(django_db_blocker: Any) -> Iterator[str]:
    name = "test_anyorder"
    with django_db_blocker.unblock():
        # Nobody pulls the plug here, so commits need not wait for the disk.
        make_database(name, synchronous_commit="off", deadlock_timeout="50ms")
    yield name
    drop_database(name)


@pytest.fixture(scope="session")
def orders_sandbox() -> Iterator[str]:
    with running_sandbox() as sandbox:
        yield sandbox.url


@pytest.fixture
def gateways(orders_database: str, orders_sandbox: str, django_db_blocker: Any) -> Iterator[Gateways]:
    with (
        django_db_blocker.unblock(),
        connected_to(orders_database),
        switched_on(orders_sandbox, **VARIABLES),
        override_settings(PAYMENT_CIRCUIT_LEAST_CALLS=1_000_000),
        quiet_logs(),
    ):
        gateways = Gateways(orders_sandbox)
        yield gateways
        gateways.close()
        connection.close()
