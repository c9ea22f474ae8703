"""PostgreSQL and Redis of a stack: those the environment names, else embedded ones."""

from collections.abc import Mapping
from pathlib import Path

from choptym.local.environment import given
from choptym.local.postgres import Postgres
from choptym.local.probes import require_postgres, require_redis
from choptym.local.redis import Redis
from choptym.local.supervisor import Say, Supervisor


class Servers:
    """Starts what is missing; afterwards both addresses can be used."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._postgres = None if given(environ, "DATABASE_URL") else Postgres(root)
        self._redis = None if given(environ, "REDIS_URL") else Redis(root)
        self._environ = environ

    @property
    def database_url(self) -> str:
        return self._postgres.url if self._postgres else self._environ["DATABASE_URL"].strip()

    @property
    def redis_url(self) -> str:
        return self._redis.url if self._redis else self._environ["REDIS_URL"].strip()

    def start(self, supervisor: Supervisor, say: Say) -> None:
        """Return when both answer. Raises StackError, also when a given one cannot be reached."""
        if not self._postgres:
            require_postgres(self.database_url)
        if not self._redis:
            require_redis(self.redis_url)
        if self._postgres:
            self._postgres.prepare()
        embedded = [server.role() for server in (self._postgres, self._redis) if server]
        if embedded:
            supervisor.start(embedded, say)
        if self._postgres:
            self._postgres.create_database()
