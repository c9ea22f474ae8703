"""Every command of ours in compose.yaml runs as it stands there: until it is healthy, and to its end on SIGTERM."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import requests

from tests.architecture.test_environment import READ
from tests.deploy.compose import ours
from tests.deploy.image import DOCKERFILE, runs
from tests.deploy.plain import BINARIES, HOST, Host, Plain, until

DATABASE = "test_deploy"
REDIS_NUMBER = 2


@pytest.fixture
def host(tree: Path, tmp_path: Path) -> Iterator[Host]:
    """Processes on a database and a Redis number of their own."""
    database, redis = (urlsplit(os.environ[name]) for name in ("DATABASE_URL", "REDIS_URL"))
    host = Host(tree, tmp_path)
    for name in ("database_url", "database_url_direct"):
        host.write_secret(name, urlunsplit(database._replace(path=f"/{DATABASE}")))
    host.write_secret("redis_url", urlunsplit(redis._replace(path=f"/{REDIS_NUMBER}")))
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{DATABASE}"')
        yield host
        host.stop_all()
        server.execute(f'DROP DATABASE "{DATABASE}" WITH (FORCE)')


@pytest.mark.timeout(500)
def test_every_command_of_ours_runs_until_healthy_and_ends_on_sigterm(host: Host) -> None:
    migrate = host.start("migrate")
    assert migrate.process.wait(200) == 0, migrate.log.read_text()

    plains = {name: host.start(name) for name in ours() if name != "migrate"}
    for plain in plains.values():
        # Until workers and beat serve METRICS_PORT, nothing of theirs answers a health check.
        if "METRICS_PORT" in READ or not plain.name.startswith(("worker", "beat")):
            until(lambda plain=plain: host.is_healthy(plain), plain)  # type: ignore[misc]
    until(lambda: _nodes(plains) <= _answering(host, plains["worker-charge"]), plains["worker-charge"])
    _assert_it_serves(host, plains)

    for plain in plains.values():
        plain.stop()
    statuses = {name: plain.ended() for name, plain in plains.items()}
    assert statuses == dict.fromkeys(plains, 0)


def _nodes(plains: dict[str, Plain]) -> set[str]:
    """The names that the workers gave themselves."""
    words = [list(map(str, plain.process.args)) for plain in plains.values() if plain.name.startswith("worker")]  # type: ignore[arg-type]
    return {command[command.index("-n") + 1].partition("@")[0] for command in words}


def _answering(host: Host, plain: Plain) -> set[str]:
    """The workers that take commands from Redis, asked with the environment of one of them."""
    command = [str(BINARIES / "celery"), "-A", "choptym", "inspect", "ping", "--timeout", "5"]
    asked = subprocess.run(
        command, cwd=host.tree, env=dict(plain.environment), capture_output=True, text=True, check=False
    )
    return set(re.findall(r"^->  (\S+)@", asked.stdout, re.MULTILINE))


def _assert_it_serves(host: Host, plains: dict[str, Plain]) -> None:
    headers = {"Host": HOST, "X-Forwarded-Proto": "https"}
    for name in ("web-1", "web-2"):
        address = f"http://127.0.0.1:{plains[name].port}"
        ready = requests.get(f"{address}/health/ready", headers=headers, timeout=10)
        assert ready.json() == {"status": "ok", "database": True, "redis": True}
        assert requests.get(f"{address}/metrics", timeout=10).ok
        assert requests.get(f"{address}/api/products/", timeout=10, allow_redirects=False).status_code == 301
    flower = f"http://127.0.0.1:{plains['flower'].port}/"
    user, _, password = (host.secrets / "flower_basic_auth").read_text().strip().partition(":")
    assert requests.get(flower, timeout=10).status_code == 401
    assert requests.get(flower, auth=(user, password), timeout=10).ok


def test_the_static_files_are_collected_by_the_image_s_own_command(tree: Path) -> None:
    command = next(run for run in runs() if "collectstatic" in run).replace("/opt/venv/bin/python", sys.executable)
    done = subprocess.run(["sh", "-c", command], cwd=tree, env={}, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (tree / ".static/admin/css/base.css").exists()
    assert (tree / ".static/payments/admin.css").exists()
    assert not (tree / "choptym/local").exists()


def test_the_image_runs_as_nobody_and_is_installed_with_hashes() -> None:
    install = next(run for run in runs() if "pip install" in run)

    assert "--require-hashes --no-deps -r requirements.lock" in install
    assert DOCKERFILE.rindex("\nUSER choptym") > DOCKERFILE.rindex("\nFROM ")
