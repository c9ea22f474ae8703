"""All connections are in use: a worker waits on while others get theirs, and web does not."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError, connection

POOL_SECONDS = 0.3
HELD_SECONDS = 0.15
WAIT_SECONDS = 10


@pytest.fixture(autouse=True)
def _one_connection(django_db_blocker: Any) -> Iterator[None]:
    options = connection.settings_dict["OPTIONS"]
    usual = options["pool"]
    options["pool"] = {**usual, "max_size": 1, "timeout": POOL_SECONDS}
    with django_db_blocker.unblock():
        reopen_pool()
        try:
            yield
        finally:
            options["pool"] = usual
            reopen_pool()


def reopen_pool() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


def work(_number: int = 0, *, until: Event | None = None, begun: Event | None = None) -> bool:
    """Hold a connection for a while. Whether there was one."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            if begun:
                begun.set()
            if until:
                until.wait(WAIT_SECONDS)
            else:
                time.sleep(HELD_SECONDS)
    except OperationalError:
        return False
    finally:
        connection.close()
    return True


@pytest.mark.parametrize("is_worker", [True, False])
def test_only_a_worker_waits_on_while_others_are_served(is_worker: bool, settings: Any) -> None:
    settings.IS_WORKER = is_worker

    with ThreadPoolExecutor(4) as threads:
        served = list(threads.map(work, range(4)))

    assert all(served) is is_worker


def test_where_nobody_is_served_nobody_waits_on(settings: Any) -> None:
    settings.IS_WORKER = True
    over, begun = Event(), Event()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(work, until=over, begun=begun)
        assert begun.wait(WAIT_SECONDS)
        began = time.monotonic()
        was_served = work()
        took = time.monotonic() - began
        over.set()

    assert not was_served
    assert POOL_SECONDS <= took < 3 * POOL_SECONDS
