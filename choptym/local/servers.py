"""PostgreSQL and Redis of a stack: those the environment names, else embedded ones."""

from collections.abc import Mapping
from pathlib import Path

from choptym.local.given_servers import describe, given_address, require_postgres, require_redis
from choptym.local.postgres import Postgres
from choptym.local.redis import Redis
from choptym.local.supervisor import Say, Supervisor


class Servers:
    """Starts what is missing; afterwards both addresses can be used."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._given_postgres = given_address(environ, "DATABASE_URL")
        self._given_redis = given_address(environ, "REDIS_URL")
        self._postgres = None if self._given_postgres else Postgres(root)
        self._redis = None if self._given_redis else Redis(root)

    @property
    def database_url(self) -> str:
        return self._postgres.url if self._postgres else str(self._given_postgres)

    @property
    def redis_url(self) -> str:
        return self._redis.url if self._redis else str(self._given_redis)

    def start(self, supervisor: Supervisor, say: Say) -> None:
        """Return when both answer. Raises StackError, also when a given one cannot be used."""
        self._require_given(say)
        if self._postgres:
            self._postgres.prepare()
        embedded = [server.role() for server in (self._postgres, self._redis) if server]
        if embedded:
            supervisor.start(embedded, say)
        if self._postgres:
            self._postgres.create_database()

    def _require_given(self, say: Say) -> None:
        for name, url, require in (
            ("DATABASE_URL", self._given_postgres, require_postgres),
            ("REDIS_URL", self._given_redis, require_redis),
        ):
            if url:
                say(f"{name} is set: using {describe(url)} instead of an embedded server (unset it for one)")
                require(url)
