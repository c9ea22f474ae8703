"""The clients of Redis that a process keeps: let go of, or turned to where nobody listens."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.test import override_settings

from choptym.lib.jobs import _redis
from payments.throttle.store import store

NOWHERE = "redis://127.0.0.1:1/0"


def forget_clients() -> None:
    """With their connections: one that nobody closes is complained of in the middle of some other test."""
    for client in (_redis, store):
        if client.cache_info().currsize:
            client().connection_pool.disconnect()
        client.cache_clear()


@contextmanager
def without_redis(address: str = NOWHERE) -> Iterator[None]:
    """Nobody listens at Redis's address while the block runs."""
    forget_clients()
    try:
        with override_settings(REDIS_URL=address):
            yield
    finally:
        forget_clients()
