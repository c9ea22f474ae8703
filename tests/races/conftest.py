"""The database of the races."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from wallets.models import Account

SLEEPER = """
CREATE FUNCTION race_sleep() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM pg_sleep(TG_ARGV[0]::float); RETURN NULL; END$$
"""


@contextmanager
def _connected_to(database: str) -> Iterator[None]:
    """Let every thread's next connection go to this database."""
    original = connection.settings_dict["NAME"]
    _forget_connections()
    connection.settings_dict["NAME"] = database
    try:
        yield
    finally:
        _forget_connections()
        connection.settings_dict["NAME"] = original


def _forget_connections() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def race_database(django_db_blocker: Any) -> Iterator[str]:
    """The name of a database of its own, with every migration."""
    name = "test_races"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        server.execute(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '50ms'")
        with django_db_blocker.unblock(), _connected_to(name):
            call_command("migrate", verbosity=0)
            with connection.cursor() as cursor:
                cursor.execute(SLEEPER)
            # Whoever opens an account makes the others wait who need it too: here that would hide a race.
            Account.objects.bulk_create(
                Account(name=account, currency="XAF") for account in ("sales", "gateway:fapshi")
            )
        yield name
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(autouse=True)
def _on_the_database_of_the_races(race_database: str, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), _connected_to(race_database):
        yield
