"""A database, a sandbox and a world for the pairs alone: they look at whole tables, and decide for every payer."""

from collections.abc import Iterator
from typing import Any

import pytest

from choptym.lib.jobs import redis
from tests.databases import connected_to, copy_database, drop_database
from tests.gateways import switched_on
from tests.races.pairs.case import World
from tests.sandboxes import quiet_logs, running_sandbox


@pytest.fixture(scope="package")
def pairs_database(migrated_database: str) -> Iterator[str]:
    name = "test_pairs"
    # Nobody pulls the plug here, so commits need not wait for the disk.
    copy_database(name, migrated_database, deadlock_timeout="50ms", synchronous_commit="off")
    yield name
    drop_database(name)


@pytest.fixture(scope="package")
def pairs_sandbox() -> Iterator[str]:
    with running_sandbox() as sandbox:
        yield sandbox.url


@pytest.fixture(scope="package")
def world(pairs_database: str, pairs_sandbox: str, django_db_blocker: Any) -> Iterator[World]:
    rates = {f"{name}_RATE_PER_SECOND": "10000" for name in ("FAPSHI", "CAMPAY", "RAZORPAY", "CASHFREE")}
    back = {"FAPSHI_REFUNDS": "payout", "CAMPAY_REFUNDS": "payout"}
    with (
        django_db_blocker.unblock(),
        connected_to(pairs_database),
        switched_on(pairs_sandbox, **rates, **back),
        quiet_logs(),
    ):
        world = World(pairs_sandbox)
        yield world
        world.close()
    redis().flushdb()


@pytest.fixture(autouse=True)
def _on_the_database_of_the_pairs(
    _on_the_database_of_the_races: None, world: World, pairs_database: str, django_db_blocker: Any
) -> Iterator[None]:
    with django_db_blocker.unblock(), connected_to(pairs_database):
        yield
