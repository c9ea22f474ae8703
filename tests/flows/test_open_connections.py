"""Phones keep their connections open while they wait: those who come next are served all the same."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from tests.live import Live

# More than the processes of web take by themselves, each its share of the backlog.
PHONES = 3_000
GET = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture
def _many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < PHONES + 1_000:
        pytest.skip("may not have so many files open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (PHONES + 1_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("_many_files")
def test_who_comes_after_thousands_that_stay_connected_is_served(live: Live) -> None:
    at = urlsplit(live.stack.web)
    server = (at.hostname or "", at.port or 0)
    with ExitStack() as phones:
        for _ in range(PHONES):
            phone = phones.enter_context(socket.create_connection(server, timeout=10))
            phone.sendall(GET)
            assert phone.recv(4096).startswith(b"HTTP/1.1 200")

        assert requests.get(f"{live.stack.web}/health/live", timeout=10).status_code == 200
