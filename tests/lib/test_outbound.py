"""The door to the network: what it lets through, its pool, and that it is shut in a transaction."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections, transaction
from urllib3.util.connection import create_connection

from choptym.lib.deadline import Deadline
from choptym.lib.errors import NotSent, OutcomeUnknown, Unavailable
from choptym.lib.outbound import Door
from tests.lib.peers import OK, Peer, answer_with, door_within, free_port, get, post, serve, stay_silent


def test_gives_back_status_headers_in_lower_case_and_body() -> None:
    answer = b"HTTP/1.1 418 Teapot\r\nX-Mood: short\r\nContent-Length: 5\r\n\r\nstout"
    with serve(answer_with(answer)) as peer, door_within() as door:
        given = door.call("POST", f"{peer.url}/brew?cups=2", headers={"X-Who": "me"}, body=b"now")

    assert (given.status, given.headers["x-mood"], given.body) == (418, "short", b"stout")
    assert peer.requests[0].startswith(b"POST /brew?cups=2 HTTP/1.1\r\n")
    assert peer.requests[0].endswith(b"\r\n\r\nnow")
    assert b"X-Who: me" in peer.requests[0]


def _answer_once_then_hang_up(peer: Peer, connection: socket.socket, number: int) -> None:
    """The first connection takes a second request and dies with it; later ones behave."""
    while peer.read(connection):
        if number == 1 and len(peer.requests) > 1:
            return
        connection.sendall(OK)


def test_never_resends_a_post_on_a_connection_that_died() -> None:
    with serve(_answer_once_then_hang_up) as peer, door_within() as door:
        post(door, peer.url)

        with pytest.raises(OutcomeUnknown):
            post(door, peer.url)

        time.sleep(0.1)
        assert len(peer.requests) == 2
        assert peer.connections == 1


def test_resends_a_read_once_on_a_new_connection() -> None:
    with serve(_answer_once_then_hang_up) as peer, door_within() as door:
        get(door, peer.url)

        assert get(door, peer.url) == b"{}"

        assert len(peer.requests) == 3
        assert peer.connections == 2


def _hang_up(peer: Peer, connection: socket.socket, _number: int) -> None:
    peer.read(connection)


def test_does_not_resend_a_read_that_failed_on_a_new_connection() -> None:
    with serve(_hang_up) as peer, door_within() as door, pytest.raises(Unavailable):
        get(door, peer.url)

    assert len(peer.requests) == 1


def test_opens_a_new_connection_when_the_old_one_was_closed_or_lay_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    closing = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    def handle(peer: Peer, connection: socket.socket, number: int) -> None:
        while peer.read(connection):
            connection.sendall(closing)
            if number == 1:
                return  # closes without having said so

    with serve(handle) as peer, door_within() as door:
        post(door, peer.url)
        time.sleep(0.05)
        post(door, peer.url)
        post(door, peer.url)
        assert peer.connections == 2

        monkeypatch.setattr("choptym.lib.wire._Pooled.idle_seconds", 0.0)
        post(door, peer.url)
        assert peer.connections == 3


def _post_in_vain(door: Door, url: str) -> None:
    with pytest.raises(OutcomeUnknown):
        post(door, url)


def test_waits_no_longer_than_allowed_for_a_place_in_the_pool() -> None:
    with serve(stay_silent) as peer, door_within(2, pool_size=1, wait_seconds=0.2, read_seconds=1) as door:
        first = threading.Thread(target=_post_in_vain, args=(door, peer.url))
        first.start()
        while not peer.requests:
            time.sleep(0.01)

        with pytest.raises(NotSent, match="no free connection"):
            post(door, peer.url)

        first.join()
    assert len(peer.requests) == 1


def test_never_opens_more_connections_than_the_pool_has_places() -> None:
    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        while peer.read(connection):
            time.sleep(0.01)
            connection.sendall(OK)

    with serve(handle) as peer, door_within(10, pool_size=3) as door, ThreadPoolExecutor(12) as threads:
        bodies = list(threads.map(lambda _: post(door, peer.url), range(60)))

    assert bodies == [b"{}"] * 60
    assert len(peer.requests) == 60
    assert peer.connections == 3


def test_gives_the_place_back_whatever_went_wrong() -> None:
    answers = [
        b"HTTP/1.1 302 Go\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
        b"nonsense\r\n\r\n",
    ]

    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        while peer.read(connection):
            connection.sendall(answers.pop(0) if answers else OK)

    with serve(handle) as peer, door_within(1, pool_size=1, max_bytes=1000, read_seconds=0.2) as door:
        for _ in range(4):
            with pytest.raises(OutcomeUnknown):
                post(door, peer.url)

        assert post(door, peer.url) == b"{}"


def test_does_not_begin_what_it_could_not_hear_the_end_of() -> None:
    with serve(answer_with(OK)) as peer, door_within() as door:
        deadline = Deadline(0.3)
        time.sleep(0.28)
        with pytest.raises(NotSent):
            door.call("POST", peer.url, headers={}, deadline=deadline)

    assert peer.connections == 0


def test_sends_nothing_after_the_deadline_even_with_a_connection_in_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect_and_fall_asleep(*args: Any, **options: Any) -> socket.socket:
        connection = create_connection(*args, **options)
        time.sleep(0.35)
        return connection

    with serve(answer_with(OK)) as peer, door_within(0.3) as door:
        monkeypatch.setattr("choptym.lib.wire.create_connection", connect_and_fall_asleep)
        with pytest.raises(NotSent):
            post(door, peer.url)

    assert (peer.connections, peer.requests) == (1, [])


def test_ignores_proxies_and_cookies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 2\r\n\r\n{}"
    with serve(answer_with(cookie)) as peer, door_within() as door:
        get(door, peer.url)
        get(door, peer.url)

    assert len(peer.requests) == 2
    assert b"cookie" not in peer.requests[1].lower()


# The following use a thread's own connection, which is outside the transaction that wraps a test.


@pytest.fixture
def thread(db: None) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor
        executor.submit(connections.close_all).result()


def test_is_shut_while_a_transaction_is_open(thread: ThreadPoolExecutor) -> None:
    def knock(door: Door, url: str) -> bytes:
        with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
            get(door, url)
        assert peer.connections == 0
        return get(door, url)

    with serve(answer_with(OK)) as peer, door_within() as door:
        assert thread.submit(knock, door, peer.url).result() == b"{}"


def test_is_shut_while_a_transaction_is_open_by_hand(thread: ThreadPoolExecutor) -> None:
    def knock(door: Door, url: str) -> None:
        transaction.set_autocommit(False)
        try:
            with pytest.raises(RuntimeError, match="inside a transaction"):
                get(door, url)
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)

    with serve(answer_with(OK)) as peer, door_within() as door:
        thread.submit(knock, door, peer.url).result()

    assert peer.connections == 0


def test_gives_the_database_connection_back_before_it_waits(thread: ThreadPoolExecutor) -> None:
    def knock(door: Door, url: str) -> None:
        database.ensure_connection()
        get(door, url)
        assert database.connection is None

    with serve(answer_with(OK)) as peer, door_within() as door:
        thread.submit(knock, door, peer.url).result()

    assert len(peer.requests) == 1


@pytest.mark.django_db
def test_is_open_in_the_transaction_of_a_test_and_leaves_it_alone() -> None:
    with serve(answer_with(OK)) as peer, door_within() as door:
        database.ensure_connection()

        assert get(door, peer.url) == b"{}"

        assert database.connection is not None
        with transaction.atomic(), pytest.raises(RuntimeError):
            get(door, peer.url)


def test_a_forked_child_has_connections_of_its_own() -> None:
    """Over one that both have, each would hear what the other one asked for."""
    with serve(answer_with(OK)) as peer, door_within(2) as door:
        post(door, peer.url)
        child = os.fork()
        if not child:
            try:
                post(door, peer.url)
            finally:
                os._exit(0)
        os.waitpid(child, 0)

    assert (len(peer.requests), peer.connections) == (2, 2)


def test_a_closed_door_hangs_up() -> None:
    hung_up = threading.Event()

    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        while peer.read(connection):
            connection.sendall(OK)
        hung_up.set()

    with serve(handle) as peer, door_within(2) as door:
        post(door, peer.url)
        assert not hung_up.wait(0.05)
        door.close()
        assert hung_up.wait(2)
