"""deploy/nginx.conf: what it logs, whom it believes, how much one address may hold. With nginx where there is one."""

import re
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from choptym.local.ports import free_port
from tests.deploy.compose import DEPLOY, services
from tests.deploy.plain import HOST, Host, Plain, until

WRITTEN = re.sub(r"#.*", "", (DEPLOY / "nginx.conf").read_text())
BYTES = {"k": 2**10, "m": 2**20, "g": 2**30}
# proxy_buffers and proxy_buffer_size as nginx has them by default, on machines with large pages.
ANSWER_BYTES = 9 * 8 * 2**10

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not on the PATH")


@dataclass
class Proxy:
    """nginx, and nobody behind it."""

    plain: Plain

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.plain.port}"

    @property
    def log(self) -> str:
        return self.plain.log.read_text()

    def get(self, path: str, **headers: str) -> int:
        answer = requests.get(f"{self.url}{path}", headers={"Host": HOST, **headers}, timeout=10)
        return int(answer.status_code)


Start = Callable[..., Proxy]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    host = Host(tmp_path, tmp_path)
    nowhere = {name: f"127.0.0.1:{free_port()}" for name in ("web-1", "web-2", "events")}
    yield lambda **environment: Proxy(
        host.start_nginx(nowhere, port=free_port(), health_port=free_port(), **environment)
    )
    host.stop_all()


def block(location: str) -> str:
    [found] = re.findall(rf"location {re.escape(location)} \{{(.*?)\n    \}}", WRITTEN, re.DOTALL)
    return str(found)


def number(directive: str, text: str = WRITTEN) -> int:
    """Of a size in bytes, or of a count."""
    [(figure, unit)] = re.findall(rf"{directive}(\d+)([kmg]?)", text.lower())
    return int(figure) * BYTES.get(unit, 1)


@pytest.mark.parametrize("location", ["/webhooks/", "/admin/", "= /admin/login/", "/static/"])
def test_where_addresses_tell_no_error_log_quotes_them(location: str) -> None:
    assert "error_log /dev/null crit;" in block(location)


@needs_nginx
def test_the_log_holds_nothing_of_a_callback_that_fails(start: Start) -> None:
    proxy = start()

    for path in ("/webhooks/campay/?signature=ey.secret&phone=237677123456", "/admin/payments/?q=677123456"):
        assert proxy.get(path) == 503
        assert proxy.get("/admin/login/?next=677123456") == 503
        assert proxy.get("/static/payments/admin.css", Referer=f"https://{HOST}{path}") == 503
    assert proxy.get("/api/products/?shown=1") == 503

    assert "shown=1" in proxy.log, "the error log is on elsewhere"
    assert '"path":"/webhooks/campay/","status":503' in proxy.log
    assert re.findall(r"ey\.secret|677123456", proxy.log) == []


def test_who_is_believed_stands_in_the_environment_alone() -> None:
    assert "set_real_ip_from" not in WRITTEN
    assert "include /tmp/trusted-proxies.conf;" in WRITTEN


@needs_nginx
@pytest.mark.parametrize(
    ("trusted", "client"),
    [("", "198.51.100.7"), ("10.9.9.9, 127.0.0.0/24", "198.51.100.7"), ("10.9.9.9", "127.0.0.1")],
)
def test_who_the_client_is_says_only_who_is_believed(start: Start, trusted: str, client: str) -> None:
    """Without a word in deploy/.env: the balancer on this machine."""
    proxy = start(**({"TRUSTED_PROXIES": trusted} if trusted else {}))

    proxy.get("/api/products/", **{"X-Forwarded-For": "198.51.100.7"})

    assert re.findall(r'"client":"([^"]+)"', proxy.log) == [client]


def test_slow_clients_of_one_address_do_not_fill_the_memory() -> None:
    """Each holds a body's buffer and an answer's; what is larger lies in /tmp, which is memory too."""
    service = services()["nginx"]
    memory = number("", service["deploy"]["resources"]["limits"]["memory"])
    [folder] = service["tmpfs"]
    at_once = number("limit_conn requests ")

    body = number(r"client_body_buffer_size\s+")
    assert at_once * (body + ANSWER_BYTES) + number("/tmp:size=", folder) < 0.7 * memory  # noqa: S108
    assert number("limit_conn streams ", block(r"~ ^/api/payments/[0-9]+/events/$")) > at_once


@needs_nginx
def test_one_address_has_so_many_requests_at_once_and_no_more(start: Start) -> None:
    proxy, most = start(), number("limit_conn requests ")
    slow = f"POST /api/cart/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\n1".encode()

    with ExitStack() as stack:

        def hold(requests_at_once: int) -> None:
            for _ in range(requests_at_once):
                wire = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.plain.port), 5))
                wire.sendall(slow)

        hold(most - 1)
        assert proxy.get("/api/products/") == 503
        hold(1)
        until(lambda: proxy.get("/api/products/") == 429, proxy.plain, seconds=10)
        assert proxy.get("/api/products/", **{"X-Forwarded-For": "198.51.100.7"}) == 503
        assert proxy.get("/api/payments/1/events/") == 503


@needs_nginx
def test_the_document_is_not_asked_for_without_end(start: Start) -> None:
    proxy = start()

    found = Counter(proxy.get("/api/schema/") for _ in range(90))

    assert found[429] > 0
    assert found[503] >= 51
    assert found.total() == found[429] + found[503]
