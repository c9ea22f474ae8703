"""How the runner sees that a process is ready."""

import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import psycopg
import redis
import requests

from choptym.local.errors import StackError

TIMEOUT_SECONDS = 1


def http_answers(url: str) -> Callable[[], bool]:
    """Ready when the address answers anything that is not a server's error."""

    def is_ready() -> bool:
        try:
            return (
                requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False).status_code
                < HTTPStatus.INTERNAL_SERVER_ERROR
            )
        except requests.RequestException:
            return False

    return is_ready


def file_exists(path: Path) -> Callable[[], bool]:
    """Ready when the process has made this file; what an earlier one left does not count."""
    path.unlink(missing_ok=True)
    return path.exists


def require_postgres(url: str) -> None:
    """Raise StackError unless the database that DATABASE_URL names can be reached."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        raise StackError(f"DATABASE_URL is set, but {_without_password(url)} cannot be used: {error}") from None


def require_redis(url: str) -> None:
    """Raise StackError unless the Redis that REDIS_URL names can be reached."""
    try:
        redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5).ping()
    except (redis.RedisError, ValueError) as error:
        raise StackError(f"REDIS_URL is set, but {_without_password(url)} cannot be used: {error}") from None


def _without_password(url: str) -> str:
    return re.sub(r"://[^@/]*@", "://***@", url)
