"""The scripts of this folder in Redis, and the one way to run them."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

PREFIX = "choptym:throttle:"

_FOLDER = Path(__file__).parent / "scripts"
# What every script may use comes before it.
_SHARED = ("clock", "heard", "rate", "slots", "breaker")
_MOST_CONNECTIONS = 64


@cache
def store() -> "Redis":
    """This process's client. A crowd of threads queues for its connections; nobody waits longer than a second."""
    pool = BlockingConnectionPool.from_url(
        settings.REDIS_URL,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1),
        client_name=f"{settings.PROCESS_ROLE}-throttle",
        max_connections=_MOST_CONNECTIONS,
        timeout=1,
    )
    return Redis(connection_pool=pool)


def run(name: str, *arguments: str | float) -> Any:
    """Run a script. Raises RedisError."""
    return _script(name)(keys=[PREFIX], args=list(arguments), client=store())


@cache
def _script(name: str) -> Script:
    """Redis is told its text once, and again when it has forgotten it."""
    return Script(store(), "\n".join(_read(part) for part in (*_SHARED, name)))


def _read(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text()


def text(value: bytes) -> str:
    """A word out of a script's answer."""
    return value.decode()


def texts(values: Sequence[bytes]) -> list[str]:
    return [text(value) for value in values]
