"""The door to the network, against peers that misbehave on real sockets."""

import gzip
import socket
import ssl
import time
from pathlib import Path

import pytest

from choptym.lib import wire
from choptym.lib.errors import NotSent, OutcomeUnknown, Unavailable
from choptym.lib.outbound import Door
from tests.lib.peers import OK, Peer, answer_with, door_within, free_port, get, post, serve, stay_silent, trickle

HERE = Path(__file__).parent


def seconds_until_unknown(door: Door, url: str) -> float:
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        post(door, url)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n", id="headers"),
        pytest.param(b"", b"H", id="status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="chunks"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", id="interim answers"),
    ],
)
def test_ends_a_trickling_answer_at_the_total_deadline(start: bytes, piece: bytes) -> None:
    with serve(trickle(start, piece, 0.05)) as peer, door_within(0.6) as door:
        assert 0.5 <= seconds_until_unknown(door, peer.url) < 1.0

    assert len(peer.requests) == 1


def test_says_unavailable_and_not_unknown_when_a_read_gets_no_answer() -> None:
    with serve(stay_silent) as peer, door_within(2, read_seconds=0.2) as door:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            get(door, peer.url)
        took = time.monotonic() - began

    assert type(caught.value) is Unavailable
    assert 0.15 <= took < 0.8
    assert len(peer.requests) == 1


def test_says_not_sent_of_a_header_or_an_address_that_cannot_be_sent() -> None:
    with serve(answer_with(OK)) as peer, door_within(1) as door:
        with pytest.raises(NotSent, match="Invalid header value"):
            door.call("POST", peer.url, headers={"X-Key": "two\r\nlines"}, body=b"")
        with pytest.raises(NotSent, match="label"):
            post(door, f"http://{'a' * 64}.example/")
        for url in ("ftp://127.0.0.1/", f"{peer.url}:1/", "http://[::1/"):
            with pytest.raises(NotSent):
                post(door, url)

    assert peer.requests == []


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, id="interim answers"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50, id="other interim answers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", b"x" * 9999, id="a chunk of -1"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 99, id="trailers"),
    ],
)
def test_ends_an_answer_that_comes_without_a_pause(start: bytes, piece: bytes) -> None:
    """By the deadline, or before: when it is larger than any answer may be."""
    with serve(trickle(start, piece, 0)) as peer, door_within(0.6) as door:
        assert seconds_until_unknown(door, peer.url) < 1.0

    assert len(peer.requests) == 1


def test_the_deadline_holds_though_there_is_always_one_more_byte() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 10
    with serve(trickle(b"", interim, 0)) as peer, door_within(0.6, max_bytes=100_000_000) as door:
        assert seconds_until_unknown(door, peer.url) < 1.0


def test_no_more_is_read_than_an_answer_may_have() -> None:
    """To Python a chunk of -1 byte is all that ever comes."""
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"
    with (
        serve(trickle(start, b"x" * 100_000, 0)) as peer,
        door_within(5) as door,
        pytest.raises(OutcomeUnknown, match="does not end"),
    ):
        post(door, peer.url)


@pytest.mark.parametrize("status", [102, 103, 199])
def test_an_interim_answer_is_not_the_answer(status: int) -> None:
    """Else the next who asks over this connection would hear what became of another's payment."""

    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        while head := peer.read(connection):
            connection.sendall(f"HTTP/1.1 {status} Wait\r\nLink: </x>\r\n\r\n".encode() * 2)
            time.sleep(0.03)
            body = head.split(b" ")[1]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with serve(handle) as peer, door_within(2) as door:
        assert [post(door, f"{peer.url}/{name}") for name in ("alice", "bob")] == [b"/alice", b"/bob"]

    assert peer.connections == 1


def test_no_other_protocol_is_spoken() -> None:
    with serve(answer_with(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK)) as peer, door_within(2) as door:
        for _ in range(2):
            with pytest.raises(OutcomeUnknown, match="101"):
                post(door, peer.url)

    assert peer.connections == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_refuses_a_redirect_and_never_knocks_there(status: int) -> None:
    with serve(answer_with(OK)) as there:
        head = f"HTTP/1.1 {status} Go\r\nLocation: {there.url}/\r\nContent-Length: 0\r\n\r\n"
        with serve(answer_with(head.encode())) as peer, door_within() as door:
            with pytest.raises(OutcomeUnknown, match="redirect"):
                post(door, peer.url)
            with pytest.raises(Unavailable, match="redirect"):
                get(door, peer.url)

    assert there.connections == 0


def test_stops_reading_an_answer_that_is_too_big() -> None:
    endless = trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"x" * 16384 + b"\r\n", 0)
    with serve(endless) as peer, door_within(5, max_bytes=100_000) as door:
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown, match="more than 100000 bytes"):
            post(door, peer.url)

    assert time.monotonic() - began < 2


def test_counts_the_bytes_after_unpacking() -> None:
    packed = gzip.compress(b"0" * 20_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    with (
        serve(answer_with(head.encode() + packed)) as peer,
        door_within(3) as door,
        pytest.raises(OutcomeUnknown, match="more than 1000000 bytes"),
    ):
        post(door, peer.url)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\xff garbage\r\n\r\n", id="garbage"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", id="half a body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", id="not gzip"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n", id="200 headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"1" * 70_000 + b"\r\n\r\n", id="a huge header"),
    ],
)
def test_calls_the_outcome_unknown_when_the_answer_breaks_off(answer: bytes) -> None:
    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        peer.read(connection)
        connection.sendall(answer)

    with serve(handle) as peer, door_within() as door, pytest.raises(OutcomeUnknown):
        post(door, peer.url)

    assert len(peer.requests) == 1


def test_knows_that_a_refused_connection_sent_nothing() -> None:
    with door_within() as door, pytest.raises(NotSent):
        post(door, f"http://127.0.0.1:{free_port()}/")


def test_knows_that_an_unknown_host_was_sent_nothing() -> None:
    with door_within() as door, pytest.raises(NotSent):
        post(door, "http://no-such-host.invalid/")


def test_gives_up_on_a_host_that_does_not_take_the_connection() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    address = listener.getsockname()
    fillers = [socket.socket() for _ in range(3)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(address)
    with door_within(2, connect_seconds=0.3) as door:
        began = time.monotonic()
        with pytest.raises(NotSent):
            post(door, f"http://127.0.0.1:{address[1]}/")

    assert time.monotonic() - began < 1
    for one in (listener, *fillers):
        one.close()


def test_refuses_a_certificate_that_nobody_vouches_for() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "self_signed.pem")

    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            peer.read(secure)

    with serve(handle) as peer, door_within(2) as door, pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
        post(door, peer.url.replace("http://127.0.0.1", "https://localhost"))

    assert peer.requests == []


def trusting(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


def test_refuses_a_certificate_of_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_trust", lambda: trusting(HERE / "self_signed.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "self_signed.pem")

    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            peer.read(secure)

    with serve(handle) as peer, door_within(2) as door, pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
        post(door, peer.url.replace("http://127.0.0.1", "https://127.0.0.1"))

    assert peer.requests == []


def test_connections_share_one_list_of_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading it takes 16 ms of CPU, and 700 kB for each that is kept."""
    assert wire._trust() is wire._trust()
    contexts = [wire.open_pools(1).connection_pool_kw["ssl_context"] for _ in range(2)]

    assert contexts == [wire._trust()] * 2


def test_keeps_the_total_deadline_over_tls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "self_signed.pem")

    def handle(peer: Peer, connection: socket.socket, _number: int) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            while peer.read(secure):
                secure.sendall(OK if len(peer.requests) < 3 else b"HTTP/1.1 200 OK\r\n")
                while len(peer.requests) == 3 and not peer.is_over.wait(0.05):
                    secure.sendall(b"X: 1\r\n")

    with serve(handle) as peer, door_within(0.6) as door:
        monkeypatch.setattr(wire, "_trust", lambda: trusting(HERE / "self_signed.pem"))
        url = peer.url.replace("http://127.0.0.1", "https://localhost")
        answers = [post(door, url), post(door, url)]
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            post(door, url)
        took = time.monotonic() - began

    assert answers == [b"{}", b"{}"]
    assert 0.5 <= took < 1.0
    assert (peer.connections, len(peer.requests)) == (1, 3)


def test_gives_up_on_a_tls_handshake_that_never_ends() -> None:
    with serve(stay_silent) as peer, door_within(2, connect_seconds=0.3) as door:
        began = time.monotonic()
        with pytest.raises(NotSent):
            post(door, peer.url.replace("http://", "https://"))

    assert time.monotonic() - began < 1
