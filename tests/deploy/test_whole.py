"""The whole of compose.yaml as plain processes: nginx, PgBouncer and Redis with their files, and a payment through all.

Runs where the three programs are on the PATH (Debian: nginx, pgbouncer, redis-server); else it is skipped.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import requests
from psycopg import sql

from choptym.local.ports import free_port
from tests.architecture.source import PROJECT
from tests.deploy.compose import DEPLOY, services
from tests.deploy.image import runs
from tests.deploy.plain import HOST, Host, Plain, until

PROGRAMS = ("nginx", "pgbouncer", "redis-server")
DATABASE = "test_deploy_whole"
ROLE = "test_deploy_whole"
SEED = """
from django.contrib.auth.models import User
from orders.models import Product, Shop
User.objects.create_user("amina", password="a long enough password")
shop = Shop.objects.create(name="Mama Ngono", currency="XAF")
Product.objects.create(shop=shop, name="Koki", price_minor=1500, stock_start=100, stock_on_hand=100)
"""
OURS = ("web-1", "web-2", "events", "worker-charge", "worker-charge-high", "worker-confirm", "worker-notify")
HEADERS = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}

pytestmark = pytest.mark.skipif(
    not all(shutil.which(program) for program in PROGRAMS), reason=f"not on the PATH: some of {PROGRAMS}"
)


class Whole:
    """Everything that runs, and a customer outside of it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.ports = {name: free_port() for name in ("redis", "pgbouncer", "nginx", "nginx health", "sandbox")}
        self.plains: dict[str, Plain] = {}
        self.session = requests.Session()
        self.session.headers.update(HEADERS)

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.ports['sandbox']}"

    def call(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        url = f"http://127.0.0.1:{self.ports['nginx']}{path}"
        return self.session.request(method, url, json=body, headers=headers, timeout=20, allow_redirects=False)

    def start_server(self, name: str, moves: dict[str, str]) -> Plain:
        self.plains[name] = self.host.start_server(name, moves, port=self.ports[name])
        return self.plains[name]

    def manage(self, *arguments: str) -> None:
        plain = self.plains["migrate"]
        subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=self.host.tree, env=dict(plain.environment), check=True
        )


@pytest.fixture
def whole(tree: Path, tmp_path: Path) -> Iterator[Whole]:
    whole = Whole(Host(tree, tmp_path))
    _for_everybody(tmp_path)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        _make_database(server, (whole.host.secrets / "database_password").read_text().strip())
        try:
            _start(whole)
            yield whole
        finally:
            whole.host.stop_all()
            server.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
            server.execute(f'DROP ROLE IF EXISTS "{ROLE}"')


def _for_everybody(folder: Path) -> None:
    """PgBouncer runs as somebody else, as in its container, and reads its file and its secret."""
    (folder / "secrets").chmod(0o755)
    for parent in (folder, *folder.parents):
        if parent != Path("/tmp") and parent.stat().st_uid == os.getuid() and parent.is_relative_to("/tmp"):  # noqa: S108
            parent.chmod(0o755)


def _make_database(server: psycopg.Connection[Any], password: str) -> None:
    server.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    server.execute(f'DROP ROLE IF EXISTS "{ROLE}"')
    server.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(password)))
    server.execute(f'CREATE DATABASE "{DATABASE}" OWNER "{ROLE}"')


def _start(whole: Whole) -> None:
    host, ports = whole.host, whole.ports
    postgres = urlsplit(os.environ["DATABASE_URL"])
    _start_servers(whole, f"{postgres.hostname}", f"{postgres.port}")
    collect = next(run for run in runs() if "collectstatic" in run).replace("/opt/venv/bin/python", sys.executable)
    subprocess.run(["sh", "-c", collect], cwd=host.tree, env={}, check=True, stdout=subprocess.DEVNULL)
    environment = {
        "FAPSHI_BASE_URL": f"{whole.sandbox}/fapshi",
        "FAPSHI_RATE_PER_SECOND": "200",
        "ALLOWED_HOSTS": f"{HOST},127.0.0.1,web-1,web-2,events",
    }
    whole.plains["migrate"] = host.start("migrate", **environment)
    assert whole.plains["migrate"].process.wait(200) == 0, whole.plains["migrate"].log.read_text()
    # Through PgBouncer, as everything from here on.
    through = {**whole.plains["migrate"].environment, "DATABASE_URL_FILE": str(host.secrets / "database_url")}
    whole.plains["migrate"].environment = through
    whole.manage("shell", "-c", SEED)
    sandbox = [sys.executable, "-m", "payments.sandbox", "--host", "127.0.0.1", "--port", str(ports["sandbox"])]
    gateway = {name: (host.secrets / name.lower()).read_text().strip() for name in CREDENTIALS}
    host.launch("sandbox", sandbox, gateway, port=ports["sandbox"], stop_within_seconds=10, cwd=PROJECT)
    for name in (*OURS, "worker-maintenance", "beat"):
        whole.plains[name] = host.start(name, **environment)
    for name in ("web-1", "web-2", "events"):
        until(lambda plain=whole.plains[name]: host.is_healthy(plain), whole.plains[name])  # type: ignore[misc]
    _start_nginx(whole)


CREDENTIALS = {"FAPSHI_API_USER": "sandbox-user", "FAPSHI_API_KEY": "FAK_TEST_sandbox", "FAPSHI_WEBHOOK_SECRET": "s"}


def _start_servers(whole: Whole, server: str, port: str) -> None:
    host, ports = whole.host, whole.ports
    for name, value in CREDENTIALS.items():
        host.write_secret(name.lower(), value)
    for name in ("database_url", "database_url_direct", "redis_url"):
        text = (host.secrets / name).read_text().strip()
        moves = {
            "//choptym:": f"//{ROLE}:",
            "postgres:5432/choptym": f"{server}:{port}/{DATABASE}",
            "pgbouncer:6432/choptym": f"127.0.0.1:{ports['pgbouncer']}/choptym",
            "redis:6379": f"127.0.0.1:{ports['redis']}",
        }
        for old, new in moves.items():
            text = text.replace(old, new)
        host.write_secret(name, text)
    users = (host.secrets / "pgbouncer_users").read_text().replace('"choptym"', f'"{ROLE}"')
    host.write_secret("pgbouncer_users", users)
    for secret in host.secrets.iterdir():
        secret.chmod(0o644)
    data = host.folder / "redis"
    data.mkdir()
    redis = whole.start_server(
        "redis", {"port 6379": f"port {ports['redis']}", "bind * -::*": "bind 127.0.0.1", "/data": str(data)}
    )
    pooler = whole.start_server(
        "pgbouncer",
        {
            "host=postgres port=5432 dbname=choptym": f"host={server} port={port} dbname={DATABASE}",
            "listen_port = 6432": f"listen_port = {ports['pgbouncer']}",
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - it is what is replaced
        },
    )
    until(lambda: "Ready to accept connections" in redis.log.read_text(), redis)
    until(lambda: "process up" in pooler.log.read_text(), pooler)


def _start_nginx(whole: Whole) -> None:
    addresses = {name: f"127.0.0.1:{whole.plains[name].port}" for name in ("web-1", "web-2", "events")}
    whole.plains["nginx"] = whole.host.start_nginx(
        addresses, port=whole.ports["nginx"], health_port=whole.ports["nginx health"]
    )


@pytest.mark.timeout(600)
def test_a_payment_goes_through_everything_that_compose_runs(whole: Whole) -> None:
    token = whole.call("POST", "/api/auth/token/", {"username": "amina", "password": "a long enough password"})
    assert token.status_code == 200, token.text
    whole.session.headers["Authorization"] = f"Token {token.json()['token']}"

    payment = _check_out(whole)
    events = _follow(whole, payment)
    assert events[-1]["status"] == "SETTLED", events[-1]
    assert whole.call("GET", f"/api/payments/{payment}/").json()["status"] == "SETTLED"

    _assert_limits(whole)
    _assert_pooled(whole)
    _assert_one_web_is_enough(whole)
    whole.manage("prove_money")
    _assert_ends(whole)


def _check_out(whole: Whole) -> int:
    product = whole.call("GET", "/api/products/").json()[0]["id"]
    assert whole.call("POST", "/api/cart/", {"product": product, "quantity": 1}).status_code == 201
    wish = {"method": "fapshi", "phone": "677000001"}
    answer = whole.call("POST", "/api/checkout/", wish, **{"Idempotency-Key": str(uuid.uuid4())})
    assert answer.status_code == 202, answer.text
    return int(answer.json()["payment"]["id"])


def _follow(whole: Whole, payment: int) -> list[dict[str, Any]]:
    """The event stream, through nginx and unbuffered, to its end."""
    url = f"http://127.0.0.1:{whole.ports['nginx']}/api/payments/{payment}/events/"
    with whole.session.get(url, stream=True, timeout=60) as stream:
        assert stream.status_code == 200, stream.text
        lines = [line.decode() for line in stream.iter_lines() if line.startswith(b"data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def _assert_limits(whole: Whole) -> None:
    large = whole.call("POST", "/api/checkout/", {"phone": "x" * 300_000})
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert whole.call("GET", "/metrics").status_code == 404
    assert whole.call("GET", "/health/db").status_code == 404
    assert whole.call("GET", "/health/live").status_code == 200
    assert whole.call("GET", "/health/live", Host="web-1").status_code == 421
    assert whole.call("GET", "/api/payment/queue/status").status_code == 403, "this client is outside"
    assert whole.call("GET", "/api/products/", **{"X-Forwarded-Proto": "http"}).status_code == 301
    assert '"client":"198.51.100.7"' in whole.plains["nginx"].log.read_text()
    tries = [whole.call("POST", "/admin/login/").status_code for _ in range(30)]
    assert tries[0] == 403, "without a CSRF token"
    assert tries[-1] == 429


def _assert_pooled(whole: Whole) -> None:
    """Many processes, few connections; and the limits hold that startup options cannot bring through PgBouncer."""
    address = urlsplit((whole.host.secrets / "database_url").read_text().strip())
    with psycopg.connect(urlunsplit(address), autocommit=True, prepare_threshold=None) as pooled:
        for name, value in (("statement_timeout", "15s"), ("lock_timeout", "5s")):
            assert pooled.execute(f"SHOW {name}").fetchall() == [(value,)]
        used = pooled.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [ROLE]).fetchall()[0][0]
    most = int(re.findall(r"max_db_connections = (\d+)", (DEPLOY / "pgbouncer.ini").read_text())[0])
    assert 1 <= used <= most


def _assert_one_web_is_enough(whole: Whole) -> None:
    whole.plains["web-1"].kill()

    assert {whole.call("GET", "/api/products/").status_code for _ in range(20)} == {200}


def _assert_ends(whole: Whole) -> None:
    """Each by the signal that Docker sends it."""
    running = [plain for name, plain in whole.plains.items() if name not in {"migrate", "web-1"}]
    for plain in running[::-1]:
        known = services().get(plain.name, {}).get("stop_signal", "SIGTERM")
        plain.stop(signal.Signals[known])
    assert {plain.name: plain.ended() for plain in running} == {plain.name: 0 for plain in running}
