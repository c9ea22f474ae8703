"""Peers for the network door, on real sockets: each connection is handled by a function of the test's own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from choptym.lib.outbound import Door

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """Listens on a free port. `requests` holds every request that arrived whole, `connections` counts them."""

    def __init__(self, handle: "Callable[[Peer, socket.socket, int], None]") -> None:
        self._handle = handle
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.is_over = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def read(self, connection: socket.socket) -> bytes:
        """One request with its body; b"" when the other side closed."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]

    def close(self) -> None:
        self.is_over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        for one in (self._listener, *self._open):
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError), connection:
            self._handle(self, connection, number)


@contextmanager
def serve(handle: Callable[[Peer, socket.socket, int], None]) -> Iterator[Peer]:
    peer = Peer(handle)
    try:
        yield peer
    finally:
        peer.close()


def answer_with(answer: bytes) -> Callable[[Peer, socket.socket, int], None]:
    """Every request on every connection gets the same answer."""

    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        while peer.read(connection):
            connection.sendall(answer)

    return handle


def trickle(start: bytes, piece: bytes, pause_seconds: float) -> Callable[[Peer, socket.socket, int], None]:
    """Begin an answer and never come to its end."""

    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        if peer.read(connection):
            connection.sendall(start)
            while not peer.is_over.wait(pause_seconds):
                connection.sendall(piece)

    return handle


def stay_silent(peer: Peer, connection: socket.socket, _number: int) -> None:
    peer.read(connection)
    peer.is_over.wait(10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def door_within(seconds: float = 0.6, **options: float) -> Iterator[Door]:
    door = Door(**{"total_seconds": seconds, "connect_seconds": 0.5, "read_seconds": 0.5, **options})  # type: ignore[arg-type]
    try:
        yield door
    finally:
        door.close()


def get(door: Door, url: str) -> bytes:
    return door.call("GET", url, headers={}).body


def post(door: Door, url: str) -> bytes:
    return door.call("POST", url, headers={}, body=b'{"amount":1}').body
