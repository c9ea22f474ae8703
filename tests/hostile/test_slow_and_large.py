"""Requests that are slow, large or none at all, at the real web server: refused or cut off, and nobody else notices."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings

from choptym.local.roles import _GRANIAN, WEB_THREADS
from tests.hostile.conftest import HEADER_SECONDS
from tests.hostile.scale import times
from tests.hostile.strange import CART, HOOK, HOST, LIVE, LOGIN, STRANGE, UNREADABLE, get
from tests.hostile.wire import (
    CLOSED,
    SILENT,
    log_of,
    memory_mb,
    opened,
    seconds_until_closed,
    talk,
)
from tests.live import Live

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
SERVERS = ("web", "events")
# In each of the web processes many more than places.
SLOW_BODIES = 100
# Read by the form's own middleware, as much of it as has come.
FORM = (
    b"POST /admin/login/ HTTP/1.1\r\nCookie: csrftoken=" + b"a" * 32 + b"\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n" + HOST
)


@pytest.fixture
def calm(besieged: Live) -> Iterator[Live]:
    """Afterwards there is nothing in the logs of the servers that anybody would have to look at."""
    before = {role: len(log_of(besieged, role)) for role in SERVERS}
    yield besieged
    for role in SERVERS:
        news = log_of(besieged, role)[before[role] :]
        assert not re.search(r'Traceback|panicked|"level": "(error|critical)"', news), news[-4000:]


def test_strange_requests_are_answered_or_cut_off_and_are_no_fault_of_ours(calm: Live) -> None:
    assert _answered_wrongly(calm, STRANGE, "web") == {}
    assert talk(calm, get(b"/health/live")) == [200]


def test_headers_that_cannot_be_read_are_no_fault_of_the_event_process_either(calm: Live) -> None:
    assert _answered_wrongly(calm, UNREADABLE, "events") == {}


def _answered_wrongly(live: Live, requests: dict[str, tuple[bytes, set[int]]], role: str) -> dict[str, list[int]]:
    answers = {name: talk(live, data, role=role) for name, (data, _) in requests.items()}
    return {name: found for name, found in answers.items() if not found or set(found) - requests[name][1]}


def test_a_request_that_expects_to_be_told_to_go_on_is_told(calm: Live) -> None:
    head = HOOK + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"

    assert talk(calm, head, seconds=1)[0] == 100
    assert talk(calm, head + b"{}")[-1] == 401


def test_requests_in_a_row_on_one_connection_are_all_answered(calm: Live) -> None:
    last = get(b"/health/live", b"Connection: close")

    assert talk(calm, get(b"/health/live") * 4 + last)[0] == 200


def test_half_a_connection_is_closed(calm: Live) -> None:
    assert talk(calm, get(b"/health/live"), closes=True)[-1] in {CLOSED, 200}
    assert talk(calm, CART + b"Content-Length: 10\r\n\r\n{", closes=True)[-1] in {CLOSED, 400, 401}


def test_large_requests_do_not_fill_the_memory(calm: Live) -> None:
    large = [STRANGE[name][0] for name in STRANGE if "gigabyte" in name or "megabytes" in name or "KB" in name]
    for data in large:  # the first of each kind may still make buffers that stay
        talk(calm, data)
    before = memory_mb(calm)

    for _ in range(times(8)):
        for data in large:
            talk(calm, data)

    assert memory_mb(calm) - before < 40


def _pays_in(live: Live) -> float:
    """Seconds that a customer needs from the cart until it is paid, and the slowest look at it."""
    customer = live.customer()
    begun = time.monotonic()
    customer.wait(customer.pay(), "SETTLED")
    return time.monotonic() - begun


def test_idle_connections_hinder_nobody_and_are_closed(calm: Live) -> None:
    alone = _pays_in(calm)

    with opened(calm, 500, b"") as wires:
        assert _pays_in(calm) < 3 * alone + 5
        seconds_until_closed(wires, most=HEADER_SECONDS + 20)


def test_headers_that_trickle_are_cut_off(calm: Live) -> None:
    with opened(calm, 200, LIVE + b"X-A: ") as wires:
        assert talk(calm, get(b"/health/live")) == [200]
        seconds_until_closed(wires, most=HEADER_SECONDS + 20, trickle=b"a")


@pytest.mark.parametrize(
    ("kind", "length"),
    [
        pytest.param(HOOK, 500, id="webhook"),
        pytest.param(LOGIN, 500, id="login"),
        pytest.param(b"POST /none HTTP/1.1\r\n" + HOST, 500, id="nowhere"),
        pytest.param(FORM, 300_000, id="a large form"),
    ],
)
def test_bodies_that_trickle_leave_places_for_others(calm: Live, kind: bytes, length: int) -> None:
    """Many more than places. As many as there are threads are the proxy's to keep away, see the test below."""
    assert settings.WEB_PLACES + settings.WEB_SHORT_PLACES < SLOW_BODIES / 4 < WEB_THREADS
    with opened(calm, SLOW_BODIES, kind + b"Content-Length: %d\r\n\r\n--x\r\n" % length) as wires:
        for _ in range(5):
            assert talk(calm, get(b"/health/ready")) == [200]
            for wire in wires:
                with suppress(OSError):  # it may have been answered already
                    wire.send(b" ")
        assert SILENT not in talk(calm, LOGIN + b"Content-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize("kind", [HOOK, LOGIN, FORM], ids=["webhook", "login", "form"])
@pytest.mark.parametrize("length", [3, 100_000])
def test_a_body_that_was_cut_off_is_no_body(calm: Live, kind: bytes, length: int) -> None:
    assert talk(calm, kind + b"Content-Length: %d\r\n\r\n{}" % length, closes=True) == [400]


def test_the_event_process_bears_many_slow_bodies(calm: Live) -> None:
    with opened(calm, 200, CART + b"Content-Length: 500\r\n\r\n{", role="events"):
        assert talk(calm, get(b"/health/live"), role="events") == [200]


def test_every_web_server_speaks_http_1_only() -> None:
    """Else it waits for the first byte of a connection without end: see the test of idle ones."""
    commands = [(ROOT / name).read_text() for name in ("deploy/compose.yaml", "deploy/Dockerfile")]
    flat = [
        re.sub(r'[",\\\s\[\]]+', " ", command) for command in (*commands, " ".join(["granian --interface", *_GRANIAN]))
    ]
    begun = [command for text in flat for command in re.split(r"granian --interface", text)[1:]]

    assert len(begun) == 4
    assert [command[:90] for command in begun if "--http 1 " not in f"{command} "] == []


def test_the_proxy_waits_for_a_whole_request_and_not_for_ever() -> None:
    """The web process gives each body a thread and waits: this is what slow clients are kept away by."""
    written = re.sub(r"#.*", "", (ROOT / "deploy/nginx.conf").read_text())

    assert "proxy_request_buffering" not in written  # on
    limits = dict(re.findall(r"(client_header_timeout|client_body_timeout|send_timeout)\s+(\d+)s;", written))
    assert set(limits) == {"client_header_timeout", "client_body_timeout", "send_timeout"}
    assert max(map(int, limits.values())) <= 15
    [upstream] = re.findall(r"upstream web \{(.*?)\}", written, re.DOTALL)
    kept = re.search(r"keepalive_timeout (\d+)s;", upstream)
    assert kept is not None
    assert int(kept[1]) < 30, "Granian closes an idle connection after 30 s"
