"""Real servers for the tests: PostgreSQL and Redis, started before Django reads its settings, stopped in the end.

A pytest plugin (see addopts in pyproject.toml), because the settings are read before any conftest.py. With
DATABASE_URL and REDIS_URL set those servers are used instead.
"""

import os
from pathlib import Path
from typing import IO

import pytest

from choptym.local import register
from choptym.local.errors import StackError
from choptym.local.postgres import Postgres
from choptym.local.redis import Redis
from choptym.local.role import PROJECT, Role
from choptym.local.supervisor import Supervisor

# A second run at the same time takes the next root.
ROOTS = [PROJECT / ".local" / f"tests-{number}" for number in range(1, 9)]

DATABASE_URL = "DATABASE_URL"
REDIS_URL = "REDIS_URL"


class Servers:
    """The servers of one test run, with their data under the first root that is free."""

    def __init__(self) -> None:
        root, self._lock = _first_free_root()
        self.root = root
        register.stop_leftovers(root)
        self._supervisor = Supervisor(root)
        self._roles: list[Role] = []
        self._postgres: Postgres | None = None
        if not os.environ.get(DATABASE_URL):
            self._postgres = Postgres(root)
            self._postgres.prepare()
            os.environ[DATABASE_URL] = self._postgres.url
            self._roles.append(self._postgres.role())
        if not os.environ.get(REDIS_URL):
            redis = Redis(root)
            os.environ[REDIS_URL] = redis.url
            self._roles.append(redis.role())

    def start(self) -> None:
        if self._roles:
            self._supervisor.start(self._roles, lambda _: None)
        if self._postgres:
            self._postgres.create_database()

    def stop(self) -> None:
        self._supervisor.stop()
        self._lock.close()


def _first_free_root() -> tuple[Path, IO[str]]:
    for root in ROOTS:
        root.mkdir(parents=True, exist_ok=True)
        try:
            return root, register.lock(root)
        except StackError:
            if root == ROOTS[-1]:
                raise
    raise AssertionError


servers = Servers()


def pytest_sessionstart(session: pytest.Session) -> None:
    servers.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    servers.stop()
