"""What a monitor reads of the database's connections."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from choptym.health import judge
from choptym.lib.connections import Connections, Pool
from tests.databases import connected_to

MOST = 50


@pytest.fixture
def limited() -> None:
    """A database that allows MOST connections, of which this test's own is one."""
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} CONNECTION LIMIT {MOST}")


def used_now() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


@contextmanager
def connections_until(number: int) -> Iterator[None]:
    """Real ones, beside those that are there."""
    settings = connection.settings_dict
    with ExitStack() as open_ones:
        settled = 0
        while settled < 3:  # the connections of a test before may end only now
            for _ in range(number - used_now()):
                settled = 0
                open_ones.enter_context(another_connection(settings))
            settled += 1
            look_again()
            time.sleep(0.1)
        look_again()
        yield


def another_connection(settings: dict[str, Any]) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
    )


def look_again() -> None:
    """Within a transaction, and a test is one, PostgreSQL shows what was seen at the first look."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")


def ask(client: Client) -> dict[str, Any]:
    response = client.get("/health/db")
    assert response.status_code == 200
    return dict(response.json())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("used", "status"), [(39, "ok"), (40, "warning"), (44, "warning"), (45, "critical"), (49, "critical")]
)
def test_warns_at_four_fifths_of_the_nearest_limit_and_is_alarmed_at_nine_tenths(
    client: Client, limited: None, used: int, status: str
) -> None:
    with connections_until(used):
        body = ask(client)

    assert (body["used"], body["max"], body["limit"], body["status"]) == (used, MOST, "database", status)
    assert [f"{used} of {MOST}" in warning for warning in body["warnings"]] == [True] * (status != "ok")


@pytest.mark.django_db
def test_a_role_may_have_fewer_than_the_server(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE CURRENT_USER CONNECTION LIMIT 60")
        body = ask(client)

    assert (body["max"], body["limit"]) == (60, "role")


@pytest.mark.django_db
def test_without_other_limits_the_servers_counts(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_connections')::int")
        [most] = cursor.fetchone()

    body = ask(client)

    assert (body["status"], body["max"], body["limit"], body["warnings"]) == ("ok", most, "server", [])
    assert 0 < body["used"] < most
    assert body["pool"].keys() == {"size", "max", "idle", "waiting"}


@pytest.mark.django_db
def test_a_pool_with_nothing_left_is_told_and_so_is_who_waits_for_it(client: Client) -> None:
    pool = connection.pool  # type: ignore[attr-defined]
    with ExitStack() as taken:
        for _ in range(pool.max_size - 1):
            taken.enter_context(pool.connection())
        drained = ask(client)
        late = threading.Thread(target=lambda: taken.enter_context(pool.connection()))
        late.start()
        while not pool.get_stats().get("requests_waiting"):
            time.sleep(0.01)
        crowded = ask(client)
        taken.pop_all().close()
        late.join()
        taken.close()

    assert (drained["status"], drained["pool"]["size"], drained["pool"]["idle"]) == ("warning", pool.max_size, 0)
    assert drained["warnings"] == [f"0 of {pool.max_size} connections of this process are free"]
    assert (crowded["pool"]["waiting"], len(crowded["warnings"])) == (1, 2)


def test_a_database_that_does_not_answer_is_down(client: Client, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), connected_to("there_is_no_such_database"):
        response = client.get("/health/db")

    assert (response.status_code, response.json()["status"]) == (503, "down")


FREE = Pool(size=0, most=12)


@pytest.mark.parametrize(
    ("now", "pool", "status"),
    [
        (Connections(799, 1000, "server"), FREE, "ok"),
        (Connections(800, 1000, "server"), FREE, "warning"),
        (Connections(899, 1000, "server"), FREE, "warning"),
        (Connections(900, 1000, "server"), FREE, "critical"),
        (Connections(80, 100, "server"), FREE, "warning"),
        (Connections(1, 1000, "server"), Pool(size=1000, most=1000, idle=50), "ok"),
        (Connections(1, 1000, "server"), Pool(size=1000, most=1000, idle=49), "warning"),
        # What is not opened yet can be had too.
        (Connections(1, 1000, "server"), Pool(size=10, most=1000, idle=0), "ok"),
        (Connections(1, 1000, "server"), Pool(size=12, most=12, idle=3, waiting=1), "warning"),
    ],
)
def test_the_thresholds(now: Connections, pool: Pool, status: str) -> None:
    found, warnings = judge(now, pool)

    assert (found, bool(warnings)) == (status, status != "ok")
