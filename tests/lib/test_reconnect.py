"""After an outage the pool asks the server again within seconds, however long it was away."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from django.db import Error, connection

# psycopg's pool pauses 1, 2, 4, 8, 16 … seconds from try to try, for the connection that was lost and for one more:
# after so long without a server both would rest for 10 s.
AWAY_SECONDS = 21.0
MOST_SECONDS = 4.0


def test_a_server_that_was_away_is_used_within_seconds_of_its_return(django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), through_a_door() as door:
        assert answers()
        door.close()
        closed_at = time.monotonic()
        assert not answers()
        assert not answers()  # by now the pool tries by itself, twice at once
        time.sleep(closed_at + AWAY_SECONDS - time.monotonic())

        door.open()
        back_at = time.monotonic()
        while not answers():
            assert time.monotonic() < back_at + MOST_SECONDS


def answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    finally:
        connection.close()  # back into the pool, as after a request
    return True


class Door:
    """Forwards a port of its own to the server's. Closed, it refuses connections and has cut those it had."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._listen()

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
            one.close()
        self._open.clear()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def _listen(self) -> None:
        in_background(partial(self._accept, self._listener))

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                ours, _ = listener.accept()
                theirs = socket.create_connection(self._server)
                self._open += [ours, theirs]
                in_background(partial(pass_on, ours, theirs))
                in_background(partial(pass_on, theirs, ours))


def in_background(act: Callable[[], None]) -> None:
    threading.Thread(target=act, daemon=True).start()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def through_a_door() -> Iterator[Door]:
    """Django's connections go through it while the block runs."""
    settings = connection.settings_dict
    host, port = settings["HOST"], settings["PORT"]
    door = Door(host or "127.0.0.1", int(port or 5432))
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    settings["HOST"], settings["PORT"] = "127.0.0.1", str(door.port)
    try:
        yield door
    finally:
        settings["HOST"], settings["PORT"] = host, port
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        door.close()
