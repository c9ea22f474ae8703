"""A database and a sandbox for the orders alone."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from tests.anyorder.crowd import CURRENCIES
from tests.conftest import ROOT
from tests.databases import connected_to, drop_database, make_database
from tests.gateways import switched_on
from tests.machine.gateways import Gateways
from tests.payments.gateways.sandbox import CREDENTIALS

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
    command = [sys.executable, "-m", "payments.sandbox", "--port", "0"]
    environment = {**os.environ, **CREDENTIALS}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def gateways(orders_database: str, orders_sandbox: str, django_db_blocker: Any) -> Iterator[Gateways]:
    with (
        django_db_blocker.unblock(),
        connected_to(orders_database),
        switched_on(orders_sandbox, **VARIABLES),
        override_settings(PAYMENT_CIRCUIT_LEAST_CALLS=1_000_000),
        _quiet_logs(),
    ):
        gateways = Gateways(orders_sandbox)
        yield gateways
        gateways.close()
        connection.close()


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """What is odd here is odd on purpose, thousands of times."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
