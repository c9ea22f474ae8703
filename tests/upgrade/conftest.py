"""Databases of their own, copied from one that has every migration."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.databases import connected_to, drop_database, make_database

READY = "test_upgrade_ready"


@pytest.fixture(scope="session")
def ready_database(django_db_blocker: Any) -> Iterator[str]:
    """Every migration is in it, and nobody is connected."""
    with django_db_blocker.unblock():
        make_database(READY)
    yield READY
    drop_database(READY)


@pytest.fixture
def on_ready_database(ready_database: str, django_db_blocker: Any) -> Iterator[None]:
    """This process is connected to it; who uses this leaves it as it was."""
    with django_db_blocker.unblock(), connected_to(ready_database):
        yield


@pytest.fixture
def copy(ready_database: str, django_db_blocker: Any) -> Iterator[str]:
    """The address of a copy, to which this process is connected for one test."""
    name = "test_upgrade_copy"
    drop_database(name)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{ready_database}"')
    with django_db_blocker.unblock(), connected_to(name):
        yield name
    drop_database(name)


@pytest.fixture
def empty(django_db_blocker: Any) -> Iterator[str]:
    """A database without a table."""
    name = "test_upgrade_empty"
    drop_database(name)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    with django_db_blocker.unblock(), connected_to(name):
        yield name
    drop_database(name)


@pytest.fixture(scope="session")
def today() -> ProjectState:
    """What the newest migrations of all apps make, read once."""
    return MigrationLoader(None).project_state()


@pytest.fixture
def state(today: ProjectState) -> ProjectState:
    return today.clone()


@pytest.fixture
def rolled_back(on_ready_database: None, state: ProjectState) -> Iterator[ProjectState]:
    """The newest state, on a database that forgets what is done to it: faster than a copy."""
    with transaction.atomic():
        yield state
        transaction.set_rollback(True)
