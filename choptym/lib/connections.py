"""How many database connections there are: the server's, and those of this process's pool.

With a pooler in transaction mode (PgBouncer) between us and PostgreSQL the two are of different things: the server's
figures count the pooler's connections to it, and the pool's are ours to the pooler, of which it may hold far more.
"""

from dataclasses import dataclass

from django.db import connection, connections
from prometheus_client import Gauge
from psycopg_pool import ConnectionPool


@dataclass(frozen=True, slots=True)
class Connections:
    """Of the limit that is nearest: the server's, this database's or this role's."""

    used: int
    most: int
    limit: str


@dataclass(frozen=True, slots=True)
class Pool:
    """`size` are open, `most` may be; `idle` of the open ones are free. `waiting` threads have none yet."""

    size: int = 0
    most: int = 0
    idle: int = 0
    waiting: int = 0

    @property
    def free(self) -> int:
        """What can be had at once: idle, or not opened yet."""
        return self.idle + max(0, self.most - self.size)


def read_connections() -> Connections:
    """One statement. A limit of a database or a role may be far below the server's; without one it is -1."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH clients AS (SELECT datname, usename FROM pg_stat_activity WHERE backend_type = 'client backend'),
            limits AS (
                SELECT (SELECT count(*) FROM clients) AS used, current_setting('max_connections')::int AS most,
                       'server' AS name
                UNION ALL
                SELECT (SELECT count(*) FROM clients WHERE datname = current_database()), datconnlimit, 'database'
                FROM pg_database WHERE datname = current_database()
                UNION ALL
                SELECT (SELECT count(*) FROM clients WHERE usename = current_user), rolconnlimit, 'role'
                FROM pg_roles WHERE rolname = current_user
            )
            SELECT used, most, name FROM limits WHERE most > 0 ORDER BY used::float8 / most DESC LIMIT 1
            """
        )
        return Connections(*cursor.fetchone())


def read_pool() -> Pool:
    """This process's, as it is now; nothing is opened for it."""
    pool: ConnectionPool | None = getattr(connections["default"], "pool", None)
    if pool is None:
        return Pool()
    figures = pool.get_stats()
    return Pool(
        size=figures.get("pool_size", 0),
        most=pool.max_size,
        idle=figures.get("pool_available", 0),
        waiting=figures.get("requests_waiting", 0),
    )


# Where several web processes tell their figures as one (see choptym/lib/exposition.py), those of the living are added.
POOL = Gauge("choptym_database_pool", "Database connections of this process", ["kind"], multiprocess_mode="livesum")
POOL_KINDS = ("size", "idle", "waiting")


def tell_pool() -> None:
    """Set the gauge to what the pool has now."""
    now = read_pool()
    for kind in POOL_KINDS:
        POOL.labels(kind).set(getattr(now, kind))
