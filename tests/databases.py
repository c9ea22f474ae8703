"""Databases apart from the one that pytest-django makes: for tests whose threads or verbs really commit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.core.management import call_command
from django.db import connection


@contextmanager
def connected_to(database: str) -> Iterator[None]:
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


def make_database(name: str, **settings: str) -> None:
    """A new, empty database of this name with every migration; `settings` are PostgreSQL's."""
    drop_database(name)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        for setting, value in settings.items():
            server.execute(f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'")
    with connected_to(name):
        call_command("migrate", verbosity=0)


def copy_database(name: str, of: str, **settings: str) -> None:
    """A new database that is like `of`, to which nobody is connected; much quicker than every migration again."""
    drop_database(name)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{of}"')
        for setting, value in settings.items():
            server.execute(f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'")


def drop_database(name: str) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
