"""A database and a sandbox for the machine alone: it moves time, knobs and books as it likes."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import override_settings

from tests.conftest import ROOT
from tests.databases import connected_to, drop_database, make_database
from tests.gateways import switched_on
from tests.machine.gateways import GATEWAYS
from tests.machine.world import World
from tests.payments.gateways.sandbox import CREDENTIALS

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
def world(machine_database: str, own_sandbox: str, django_db_blocker: Any) -> Iterator[World]:
    with (
        django_db_blocker.unblock(),
        connected_to(machine_database),
        switched_on(own_sandbox, **VARIABLES),
        # One call that fails opens a circuit: the next payment goes to another gateway.
        override_settings(PAYMENT_CIRCUIT_LEAST_CALLS=1),
        _quiet_logs(),
    ):
        world = World(own_sandbox)
        yield world
        world.close()


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """What goes wrong here goes wrong on purpose, thousands of times."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
