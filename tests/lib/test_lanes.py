"""Lanes in the web process: a few at a time in each, none of them behind those of another."""

import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from types import MappingProxyType
from typing import Any

import pytest
from django.conf import settings

from choptym.lib.lanes import IN_MEMORY_BYTES, MOST_READ_BYTES, Environ, Lane, Turns, in_lanes
from choptym.wsgi import LANES, application

WAIT_SECONDS = 10
CHECK_OUT, LIVE = "POST /api/checkout/", "GET /health/live"


def environ(asked: str, body: bytes = b"", more: Mapping[str, Any] = MappingProxyType({})) -> Environ:
    method, _, path = asked.partition(" ")
    length = {"CONTENT_LENGTH": str(len(body))} if body else {}
    return {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": BytesIO(body), **length, **more}


class Slow:
    """An application that answers what is asked for by "slow" when it is let go, and all else at once."""

    def __init__(self) -> None:
        self.go, self.begun = threading.Event(), list[str]()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.begun.append(environ["PATH_INFO"])
        if "slow" in environ["PATH_INFO"]:
            assert self.go.wait(WAIT_SECONDS)
        return [environ["wsgi.input"].read()]


class Crowd:
    """Each request from a thread of its own."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._serve = in_lanes(application, [Lane("short", 1, re.compile("GET ")), Lane("other", 1, re.compile(""))])
        self._threads = ThreadPoolExecutor(8)

    def ask(self, environ: Environ) -> "Future[Iterable[bytes]]":
        return self._threads.submit(self._serve, environ, lambda *_: None)


def test_who_asks_a_short_question_does_not_wait_behind_the_others() -> None:
    slow = Slow()
    crowd = Crowd(slow)
    first, second = (crowd.ask(environ(f"POST /slow/{number}")) for number in (1, 2))

    assert crowd.ask(environ("GET /look", b"{}")).result(WAIT_SECONDS) == [b"{}"]
    assert (first.done(), second.done(), len(slow.begun)) == (False, False, 2), "one of the two waits for its place"
    slow.go.set()
    assert [one.result(WAIT_SECONDS) for one in (first, second)] == [[b""], [b""]]


def test_who_comes_later_does_not_go_before_who_waits() -> None:
    """Not even at the moment when a place becomes free and who waits has not woken yet."""
    turns, served = Turns(1), list[str]()

    def take(name: str) -> None:
        with turns:
            served.append(name)

    for number in range(50):
        with ThreadPoolExecutor(1) as threads:
            with turns:
                threads.submit(take, f"first {number}")
                while not turns._line:
                    time.sleep(0.001)
            take(f"second {number}")

    assert served == [f"{name} {number}" for number in range(50) for name in ("first", "second")]


def test_no_more_are_at_work_than_there_are_places_and_nobody_is_forgotten() -> None:
    turns, at_work, most = Turns(3), list[int](), list[int]()

    def work(number: int) -> None:
        with turns:
            at_work.append(number)
            most.append(len(at_work))
            time.sleep(0.0005)
            at_work.remove(number)

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(work, range(400)))

    assert len(most) == 400
    assert max(most) == 3


def test_a_place_is_free_again_when_the_application_fails() -> None:
    def fail(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise ZeroDivisionError

    crowd = Crowd(fail)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            crowd.ask(environ("POST /")).result(WAIT_SECONDS)


def test_who_sends_slowly_has_no_place_yet() -> None:
    crowd, go = Crowd(Slow()), threading.Event()

    class Trickle(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert go.wait(WAIT_SECONDS)
            return super().read(size)

    slow = crowd.ask(environ("POST /", b"{}", {"wsgi.input": Trickle(b"{} ")}))

    assert crowd.ask(environ("POST /", b"[]")).result(WAIT_SECONDS) == [b"[]"]
    go.set()
    assert slow.result(WAIT_SECONDS) == [b"{}"], "as much as its length says"


@pytest.mark.parametrize("size", [1, IN_MEMORY_BYTES, IN_MEMORY_BYTES + 1, MOST_READ_BYTES])
def test_a_body_is_whole_before_it_has_a_place(size: int) -> None:
    class Pieces(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 1000))

    body = random.randbytes(size)
    sent = Pieces(body + b"of the next request")

    assert Crowd(Slow()).ask(environ("POST /", body, {"wsgi.input": sent})).result(WAIT_SECONDS) == [body]
    assert sent.tell() == size


def test_a_body_that_was_cut_off_is_refused() -> None:
    """Of "amount=5000" it may have been the last zeros."""
    begun, told = Slow(), list[str]()
    serve = in_lanes(begun, [Lane("other", 1, re.compile(""))])

    answer = serve(environ("POST /", b"amount=50", {"CONTENT_LENGTH": "11"}), lambda status, _: told.append(status))

    assert (told, begun.begun) == (["400 Bad Request"], [])
    assert json.loads(b"".join(answer))["code"] == "bad_request"


def test_of_a_body_that_is_too_long_nothing_is_read() -> None:
    sent = BytesIO(b"x" * 10)
    asked = environ("POST /", more={"wsgi.input": sent, "CONTENT_LENGTH": str(MOST_READ_BYTES + 1)})

    assert Crowd(Slow()).ask(asked).result(WAIT_SECONDS) == [b""]
    assert sent.tell() == 0


@pytest.mark.parametrize("length", ["", "0", "-1", "+5", "\u0665", "x", "1" * 5000])
def test_of_a_body_of_an_odd_length_nothing_is_read_before(length: str) -> None:
    def whose_body(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        return [str(environ["wsgi.input"] is body).encode()]

    body = BytesIO(b"x" * 10)
    asked = environ("POST /", more={"wsgi.input": body, "CONTENT_LENGTH": length})

    assert Crowd(whose_body).ask(asked).result(WAIT_SECONDS) == [b"True"]


class Answer:
    """As Django's: closed when it was sent."""

    def __init__(self, *, streaming: bool) -> None:
        self.streaming, self.is_closed = streaming, False

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"a", b"b"])

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("streaming", [True, False])
def test_an_answer_is_closed_before_it_is_sent_unless_it_is_a_stream(streaming: bool) -> None:
    answer = Answer(streaming=streaming)

    served = Crowd(lambda *_: answer).ask(environ("GET /")).result(WAIT_SECONDS)

    assert answer.is_closed is not streaming
    assert served is answer if streaming else served == [b"a", b"b"]


def test_the_web_process_has_its_lanes() -> None:
    """While all other places are taken a checkout waits, and whoever asks whether the process is well does not."""
    with ThreadPoolExecutor(2) as threads, ExitStack() as taken:
        for _ in range(settings.WEB_PLACES):
            taken.enter_context(LANES[-1]._turns)
        server = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "QUERY_STRING": ""}
        asked = [environ(one, more=server) for one in (CHECK_OUT, LIVE)]
        checkout, live = (threads.submit(application, one, lambda *_: None) for one in asked)

        assert b"ok" in b"".join(live.result(WAIT_SECONDS))
        assert not checkout.done()
        taken.close()
        assert b"not_authenticated" in b"".join(checkout.result(WAIT_SECONDS))


@pytest.mark.parametrize(
    ("asked", "lane"),
    [
        ("POST /webhooks/fapshi/", "short"),
        ("GET /api/payments/12/", "short"),
        ("GET /health/live", "health"),
        ("GET /metrics", "health"),
        ("GET /api/payment/queue/status", "short"),
        ("POST /api/checkout/", "other"),
        ("GET /api/payments/", "other"),
        ("POST /api/payments/12/cancel/", "other"),
        ("GET /api/payments/12/refunds/", "other"),
        ("GET /admin/", "other"),
    ],
)
def test_which_lane_a_request_takes(asked: str, lane: str) -> None:
    assert next(one.name for one in LANES if one.requests.match(asked)) == lane
