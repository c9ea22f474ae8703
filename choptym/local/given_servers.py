"""PostgreSQL and Redis that the environment names: may they be used? Whatever is said here, no password is in it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote

import psycopg
import redis
from psycopg.conninfo import conninfo_to_dict

from choptym.local.environment import given
from choptym.local.errors import StackError

POSTGRES_SCHEMES = ("postgresql", "postgres")
REDIS_SCHEMES = ("redis", "rediss", "unix")
TIMEOUT_SECONDS = 5

# Tables of anyone; those of an extension are nobody's data.
FIRST_TABLE = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1 LIMIT 1
"""
OUR_MIGRATION = "SELECT 1 FROM django_migrations WHERE app = 'payments' LIMIT 1"


def given_address(environ: Mapping[str, str], name: str) -> str | None:
    """Return the address in `name`, or in the file that NAME_FILE names; None when neither is set."""
    path = given(environ, f"{name}_FILE")
    if not path:
        return given(environ, name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise StackError(f"{name}_FILE={path} cannot be read.") from None


def describe(url: str) -> str:
    """Return host and database: what stands behind the last @, without options."""
    return url.partition("://")[2].rpartition("@")[2].partition("?")[0] or "this machine"


def hide_password(url: str) -> str:
    """Return an address as it may be shown."""
    shown = re.sub(r"://.*@", "://***@", url)
    return re.sub(r"(password=)[^&]*", r"\1***", shown)


def require_postgres(url: str) -> None:
    """Raise StackError unless DATABASE_URL names a database that answers and is empty or ours."""
    _require_scheme("DATABASE_URL", url, POSTGRES_SCHEMES)
    try:
        conninfo_to_dict(url)
    except psycopg.Error:  # whose text repeats the address
        raise StackError(f"DATABASE_URL is set, but {hide_password(url)} is no address of a database.") from None
    foreign = _try("DATABASE_URL", url, lambda: _find_foreign_table(url))
    if foreign:
        raise StackError(
            f"DATABASE_URL names {describe(url)}, which holds tables of something else ({foreign}, …):"
            " nothing was changed there. Name an empty database, or unset DATABASE_URL for an embedded server."
        )


def require_redis(url: str) -> None:
    """Raise StackError unless the Redis that REDIS_URL names can be reached."""
    _require_scheme("REDIS_URL", url, REDIS_SCHEMES)
    _try("REDIS_URL", url, lambda: _ping(url))


def _require_scheme(name: str, url: str, schemes: tuple[str, ...]) -> None:
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in schemes:
        wanted = " or ".join(f"{known}://" for known in schemes)
        raise StackError(f"{name} must begin with {wanted}. Unset it for an embedded server.")


def _try(name: str, url: str, act: Callable[[], str]) -> str:
    try:
        return act()
    except ValueError:  # its text repeats what it took for a port
        raise StackError(f"{name} is set, but {hide_password(url)} is no address of a server.") from None
    except (psycopg.Error, redis.RedisError) as error:
        said = _without_secrets(str(error).strip(), url)
        raise StackError(f"{name} is set, but {hide_password(url)} cannot be used: {said}") from None


def _without_secrets(text: str, url: str) -> str:
    """Return a driver's words without the address and what stands before its @."""
    user, _, password = url.partition("://")[2].rpartition("@")[0].partition(":")
    for secret in (url, f"{user}:{password}", password, unquote(password)):
        text = text.replace(secret, "***") if len(secret) > 1 else text
    return text


def _find_foreign_table(url: str) -> str:
    """Return the name of a table if the database holds some and none of them is ours, else nothing."""
    with psycopg.connect(url, connect_timeout=TIMEOUT_SECONDS) as connection:
        table = connection.execute(FIRST_TABLE).fetchone()
        if table is None:
            return ""
        has_history = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
        is_ours = has_history and has_history[0] and connection.execute(OUR_MIGRATION).fetchone()
    return "" if is_ours else str(table[0])


def _ping(url: str) -> str:
    with redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS) as client:
        client.ping()
    return ""
