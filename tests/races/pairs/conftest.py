"""A database, a sandbox and a world for the pairs alone: they look at whole tables, and decide for every payer."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from choptym.lib.jobs import redis
from tests.conftest import ROOT
from tests.databases import connected_to, copy_database, drop_database
from tests.gateways import switched_on
from tests.payments.gateways.sandbox import CREDENTIALS
from tests.races.pairs.case import World


@pytest.fixture(scope="package")
def pairs_database(migrated_database: str) -> Iterator[str]:
    name = "test_pairs"
    # Nobody pulls the plug here, so commits need not wait for the disk.
    copy_database(name, migrated_database, deadlock_timeout="50ms", synchronous_commit="off")
    yield name
    drop_database(name)


@pytest.fixture(scope="package")
def pairs_sandbox() -> Iterator[str]:
    command = [sys.executable, "-m", "payments.sandbox", "--port", "0"]
    environment = {**os.environ, **CREDENTIALS}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="package")
def world(pairs_database: str, pairs_sandbox: str, django_db_blocker: Any) -> Iterator[World]:
    rates = {f"{name}_RATE_PER_SECOND": "10000" for name in ("FAPSHI", "CAMPAY", "RAZORPAY", "CASHFREE")}
    back = {"FAPSHI_REFUNDS": "payout", "CAMPAY_REFUNDS": "payout"}
    logging.disable(logging.CRITICAL)  # what goes wrong here goes wrong on purpose
    with (
        django_db_blocker.unblock(),
        connected_to(pairs_database),
        switched_on(pairs_sandbox, **rates, **back),
    ):
        world = World(pairs_sandbox)
        yield world
        world.close()
    logging.disable(logging.NOTSET)
    redis().flushdb()


@pytest.fixture(autouse=True)
def _on_the_database_of_the_pairs(
    _on_the_database_of_the_races: None, world: World, pairs_database: str, django_db_blocker: Any
) -> Iterator[None]:
    with django_db_blocker.unblock(), connected_to(pairs_database):
        yield
