"""The database of the races."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

SLEEPER = """
CREATE FUNCTION race_sleep() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM pg_sleep(TG_ARGV[0]::float); RETURN NULL; END$$
"""


def _forget_connections() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def race_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The name of a copy of the test database."""
    with django_db_blocker.unblock():
        original = connection.settings_dict["NAME"]
        _forget_connections()  # a database that somebody uses cannot be copied
    name = f"{original}_races"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
        server.execute(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '50ms'")
        yield name
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(autouse=True)
def _on_the_database_of_the_races(race_database: str, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        _forget_connections()
        original = connection.settings_dict["NAME"]
        connection.settings_dict["NAME"] = race_database
        try:
            with connection.cursor() as cursor:
                cursor.execute("DROP FUNCTION IF EXISTS race_sleep CASCADE")
                cursor.execute(SLEEPER)
            yield
        finally:
            _forget_connections()
            connection.settings_dict["NAME"] = original
