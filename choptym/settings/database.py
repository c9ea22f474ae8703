"""PostgreSQL: one pool per process, timeouts everywhere, no transaction per request."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from choptym.settings import env

# Threads share the pool: a connection goes back before any HTTP call, so there may be more threads.
POOL = {
    "min_size": 1,
    "max_size": env.integer("DATABASE_POOL_SIZE", 12, minimum=1, maximum=500),
    "timeout": 5,
    "max_lifetime": 1800,
    # The pool doubles its pause from try to try: after a minute without a server it would rest for another minute
    # though the server is back. Given up after this long, it tries anew for the next who asks.
    "reconnect_timeout": 4,
}
# A server that vanished without a word (its machine lost power, the network is cut) is noticed by these.
VANISHED = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def connection(name: str, address: str) -> dict[str, Any]:
    """Django's description of the database behind a postgresql:// address."""
    parts = urlsplit(address)
    try:
        port = parts.port or 5432
    except ValueError:
        env.problem(f"{name} has a port that is no number")
        port = 5432
    if address and not parts.path.strip("/"):
        env.problem(f"{name} names no database")
    return {
        "ENGINE": "choptym.lib.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(port),
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        # Such a cursor outlives its transaction, and PgBouncer has by then given the connection to somebody else.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {
            "pool": POOL,
            # A statement is read once for each connection, not at each call (docs/adr/0046).
            "server_side_binding": True,
            "prepare_threshold": 3,
            **VANISHED,
            "application_name": env.text("PROCESS_ROLE", "choptym"),
            # A lock that is not free within 5 s is given up and tried again later, rather than holding a worker.
            "options": "-c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000",
            **dict(parse_qsl(parts.query)),
        },
    }


DATABASE_URL = env.url("DATABASE_URL", schemes=("postgresql", "postgres"))
DATABASE_REPLICA_URL = env.url("DATABASE_REPLICA_URL", "", schemes=("postgresql", "postgres"))
DATABASES = {"default": connection("DATABASE_URL", DATABASE_URL)}
if DATABASE_REPLICA_URL:
    DATABASES["replica"] = connection("DATABASE_REPLICA_URL", DATABASE_REPLICA_URL) | {"TEST": {"MIRROR": "default"}}
