"""The database of the races."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from tests.databases import connected_to, copy_database, drop_database, make_database
from wallets.models import Account

SLEEPER = """
CREATE FUNCTION race_sleep() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM pg_sleep(TG_ARGV[0]::float); RETURN NULL; END$$
"""


@pytest.fixture(scope="session")
def migrated_database(django_db_blocker: Any) -> Iterator[str]:
    """The name of an empty one with every migration, to be copied. Nobody connects to it."""
    name = "test_races_empty"
    with django_db_blocker.unblock():
        make_database(name)
    yield name
    drop_database(name)


@pytest.fixture(scope="session")
def race_database(migrated_database: str, django_db_blocker: Any) -> Iterator[str]:
    """The name of a database of its own, with every migration."""
    name = "test_races"
    with django_db_blocker.unblock():
        copy_database(name, migrated_database, deadlock_timeout="50ms")
        with connected_to(name):
            with connection.cursor() as cursor:
                cursor.execute(SLEEPER)
            # Whoever opens an account makes the others wait who need it too: here that would hide a race.
            Account.objects.bulk_create(
                Account(name=account, currency="XAF") for account in ("sales", "gateway:fapshi")
            )
    yield name
    drop_database(name)


@pytest.fixture(autouse=True)
def _on_the_database_of_the_races(race_database: str, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), connected_to(race_database):
        yield


@pytest.fixture
def nobody_elses_are_due() -> Iterator[None]:
    """No refund, and no check of a payment, that another test left is taken up meanwhile."""

    def later() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE payments_refund SET next_attempt_at = now() + interval '1 day' "
                "WHERE next_attempt_at IS NOT NULL"
            )
            cursor.execute("UPDATE payments_payment SET next_check_at = NULL")

    later()
    yield
    later()
