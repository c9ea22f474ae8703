"""The embedded PostgreSQL and Redis, started for real."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from choptym.local import processes
from choptym.local.errors import StackError
from choptym.local.role import Role
from choptym.local.servers import Servers
from choptym.local.supervisor import Supervisor
from tests.local.fakes import wait_until
from tests.local.nobody import NOBODY, as_nobody, python_for_all

IS_ROOT = os.geteuid() == 0

AS_ORDINARY_USER = """
import os, sys
from pathlib import Path
import psycopg
from choptym.local.postgres import Postgres
from choptym.local.supervisor import Supervisor

supervisor = Supervisor(Path(sys.argv[1]))
postgres = Postgres(Path(sys.argv[1]))
postgres.prepare()
supervisor.start([postgres.role()])
postgres.create_database()
with psycopg.connect(postgres.url) as connection:
    print(os.getuid(), connection.execute("SELECT current_database()").fetchone()[0])
supervisor.stop()
"""


@contextmanager
def running(root: Path, environ: dict[str, str] | None = None) -> Iterator[tuple[Servers, Supervisor]]:
    supervisor = Supervisor(root)
    try:
        servers = Servers(root, environ or {})
        servers.start(supervisor, print)
        yield servers, supervisor
    finally:
        supervisor.stop()


def test_both_answer_in_a_path_with_spaces_and_keep_their_data(tmp_path: Path) -> None:
    root = tmp_path / "my clone" / ".local"
    with running(root) as (servers, _):
        with psycopg.connect(servers.database_url) as connection:
            connection.execute("CREATE TABLE paid (id int)")
        redis.Redis.from_url(servers.redis_url).set("key", "value")

    with running(root) as (servers, _):
        with psycopg.connect(servers.database_url) as connection:
            assert connection.execute("SELECT count(*), upper('é'), current_database() FROM paid").fetchone() == (
                0,
                "É",
                "choptym",
            )
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        with redis.Redis.from_url(servers.redis_url) as client:
            assert client.get("key") == b"value"
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_both_come_back_after_kill_9_with_what_was_committed(tmp_path: Path) -> None:
    with running(tmp_path) as (servers, supervisor):
        with psycopg.connect(servers.database_url) as connection:
            connection.execute("CREATE TABLE paid AS SELECT 1 AS id")
        before = supervisor.pids

        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(supervisor.pids) == 2 and not set(supervisor.pids.values()) & set(before.values()))
        wait_until(lambda: can_connect(servers.database_url))

        with psycopg.connect(servers.database_url) as connection:
            assert connection.execute("SELECT id FROM paid").fetchone() == (1,)


def test_redis_loads_a_file_whose_last_write_is_half(tmp_path: Path) -> None:
    with running(tmp_path) as (servers, _), redis.Redis.from_url(servers.redis_url) as client:
        client.set("first", "1")
        client.set("second", "2" * 100)
    (file,) = [path for path in (tmp_path / "redis").rglob("*.aof*") if not path.name.endswith("manifest")]
    os.truncate(file, file.stat().st_size - 20)

    with running(tmp_path) as (servers, _), redis.Redis.from_url(servers.redis_url) as client:
        assert client.get("first") == b"1"
        assert client.get("second") is None


def test_given_servers_are_used_and_none_is_started(tmp_path: Path) -> None:
    with running(tmp_path / "theirs") as (theirs, _):
        given = {"DATABASE_URL": theirs.database_url, "REDIS_URL": theirs.redis_url}

        with running(tmp_path / "ours", given) as (ours, supervisor):
            assert (ours.database_url, ours.redis_url) == (theirs.database_url, theirs.redis_url)
            assert supervisor.pids == {}


@pytest.mark.parametrize(
    ("name", "address"),
    [("DATABASE_URL", "postgresql://me:hidden@127.0.0.1:1/none"), ("REDIS_URL", "redis://:hidden@127.0.0.1:1/0")],
)
def test_a_given_server_that_does_not_answer_is_named_without_its_password(
    tmp_path: Path, name: str, address: str
) -> None:
    with pytest.raises(StackError, match=f"{name} is set, but") as raised, running(tmp_path, {name: address}):
        pass

    assert "hidden" not in str(raised.value)


@pytest.mark.skipif(not IS_ROOT, reason="only root has to become somebody else")
def test_as_root_in_a_private_directory_the_server_runs_elsewhere_as_somebody_else(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with running(private / ".local") as (servers, supervisor):
        postmaster = supervisor.pids["postgres"]
        assert (processes.PROC / str(postmaster)).stat().st_uid != 0
        assert can_connect(servers.database_url)
    outside = Path((private / ".local" / "postgres-outside").read_text())

    assert private.stat().st_mode & 0o777 == 0o700
    assert (outside / "data" / "PG_VERSION").exists()
    shutil.rmtree(outside)


@pytest.mark.skipif(not IS_ROOT, reason="only root can become an ordinary user; otherwise the other tests are this one")
def test_an_ordinary_user_can_run_it(tmp_path: Path) -> None:
    root = tmp_path / "home"
    root.mkdir()
    os.chown(root, NOBODY, NOBODY)
    python = python_for_all()

    done = as_nobody([python, "-c", AS_ORDINARY_USER, str(root)])

    assert done.stdout.split() == [str(NOBODY), "choptym"], done.stderr


def can_connect(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_role_does_not_show_secrets(tmp_path: Path) -> None:
    role = Role("web", ("true",), lambda: True, {"SECRET_KEY": "hidden"}, tmp_path)

    assert "hidden" not in repr(role)
