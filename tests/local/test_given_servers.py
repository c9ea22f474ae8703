"""Servers that the environment names: said plainly, checked first, and no password is ever shown."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from choptym.local.errors import StackError
from choptym.local.given_servers import describe, given_address, hide_password, require_postgres, require_redis
from choptym.local.postgres import Postgres
from choptym.local.servers import Servers
from choptym.local.supervisor import Supervisor
from tests.local.open_paths import open_place


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a PostgreSQL without its database."""
    with open_place() as root:
        supervisor, postgres = Supervisor(root), Postgres(root)
        postgres.prepare()
        supervisor.start([postgres.role()])
        postgres.create_database()
        yield postgres.url.rpartition("/")[0]
        supervisor.stop()


def make_database(server: str, name: str, *statements: str) -> str:
    with psycopg.connect(f"{server}/choptym", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(f"{server}/{name}", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
    return f"{server}/{name}"


HISTORY = "CREATE TABLE django_migrations (app text, name text)"
OTHERS = "INSERT INTO django_migrations VALUES ('blog', '0001_initial')"
OURS = "INSERT INTO django_migrations VALUES ('payments', '0001_initial')"


@pytest.mark.parametrize(
    ("name", "statements"),
    [("empty", []), ("viewed", ["CREATE VIEW one AS SELECT 1"]), ("ours", [HISTORY, OTHERS, OURS])],
)
def test_a_database_that_is_empty_or_ours_may_be_used(server: str, name: str, statements: list[str]) -> None:
    require_postgres(make_database(server, name, *statements))


@pytest.mark.parametrize(
    ("name", "statements", "table"),
    [
        ("shop", ["CREATE TABLE invoice (id int)"], "public.invoice"),
        ("blog", [HISTORY, OTHERS], "public.django_migrations"),
        ("hidden", ["CREATE SCHEMA pgbooks", "CREATE TABLE pgbooks.entry (id int)"], "pgbooks.entry"),
    ],
)
def test_a_database_of_something_else_is_refused(server: str, name: str, statements: list[str], table: str) -> None:
    url = make_database(server, name, *statements)

    with pytest.raises(StackError, match=rf"{name}, which holds tables of something else \({table}, …\)") as raised:
        require_postgres(url)

    assert url.split("@", maxsplit=1)[0] not in str(raised.value)


SECRET = "hid&d%en/wo?rd#"


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://u:{SECRET}@h/d",
        f"postgresql+psycopg://u:{SECRET}@h/d",
        f"u:{SECRET}@h/d",
        f"postgresql://u:{SECRET}@127.0.0.1:1/d",
        "postgresql://u:hidden@127.0.0.1:1/d?password=hidden",
        "postgresql://u:hidden@127.0.0.1:x/d",
        "postgresql://u:hidden%zz@127.0.0.1:1/d",
    ],
)
def test_no_password_is_shown_when_a_database_cannot_be_used(url: str) -> None:
    with pytest.raises(StackError, match=r"^DATABASE_URL ") as raised:
        require_postgres(url)

    assert not {"hid", "d%en", "wo?rd", "rd#"} & set(str(raised.value).replace("'", " ").split())
    assert "hid" not in str(raised.value)


@pytest.mark.parametrize("url", ["http://:hidden@h/0", "redis://:hid/den@127.0.0.1:1/0", "redis://:hidden@h:hid/0"])
def test_no_password_is_shown_when_a_redis_cannot_be_used(url: str) -> None:
    with pytest.raises(StackError, match=r"^REDIS_URL ") as raised:
        require_redis(url)

    assert "hidden" not in str(raised.value)
    assert "hid/den" not in str(raised.value)


def test_a_strange_scheme_is_named_before_anything_else(tmp_path: Path) -> None:
    servers = Servers(tmp_path, {"DATABASE_URL": "mysql://u:secret@h/d", "REDIS_URL": "redis://h/0"})
    supervisor = Supervisor(tmp_path)
    said: list[str] = []

    with pytest.raises(StackError) as raised:
        servers.start(supervisor, said.append)
    supervisor.stop()

    assert said == ["DATABASE_URL is set: using h/d instead of an embedded server (unset it for one)"]
    assert str(raised.value) == (
        "DATABASE_URL must begin with postgresql:// or postgres://. Unset it for an embedded server."
    )


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://u:a/b@c@db.example:5433/shop?sslmode=require", "db.example:5433/shop"),
        ("redis://127.0.0.1:6379/3", "127.0.0.1:6379/3"),
        ("unix:///run/redis.sock?db=1", "/run/redis.sock"),
        ("postgresql://", "this machine"),
    ],
)
def test_a_server_is_described_by_host_and_database(url: str, where: str) -> None:
    assert describe(url) == where


def test_hides_what_stands_before_the_last_at_and_in_the_options() -> None:
    assert hide_password("postgresql://u:p@ss@h/d?password=p&sslmode=require") == (
        "postgresql://***@h/d?password=***&sslmode=require"
    )


def test_an_address_in_a_file_counts_as_set(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://h/0\n")

    assert given_address({"REDIS_URL_FILE": str(tmp_path / "url")}, "REDIS_URL") == "redis://h/0"
    with pytest.raises(StackError, match="REDIS_URL_FILE=/nowhere cannot be read"):
        given_address({"REDIS_URL_FILE": "/nowhere"}, "REDIS_URL")
