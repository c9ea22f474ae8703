"""Bytes on a socket: requests that no client library would send."""

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.live import Live

CLOSED, SILENT = 0, -1


def address(live: Live, role: str = "web") -> tuple[str, int]:
    parts = urlsplit(str(getattr(live.stack, role)))
    return str(parts.hostname), int(parts.port or 0)


def talk(live: Live, data: bytes, *, role: str = "web", seconds: float = 5, closes: bool = False) -> list[int]:
    """The statuses of what comes back; CLOSED: it hung up without one; SILENT: nothing (more) came."""
    received = b""
    with socket.create_connection(address(live, role), 5) as wire:
        wire.settimeout(seconds)
        with contextlib.suppress(OSError):
            wire.sendall(data)
            if closes:
                wire.shutdown(socket.SHUT_WR)
        ended = False
        while not ended and not _is_answered(received):
            try:
                piece = wire.recv(65536)
            except TimeoutError:
                return [*_statuses(received), SILENT]
            except OSError:
                piece = b""
            ended, received = not piece, received + piece
    return _statuses(received) or [CLOSED]


def _is_answered(received: bytes) -> bool:
    """One whole answer; more may follow."""
    if received.startswith(b"HTTP/1.1 100"):
        received = received.partition(b"\r\n\r\n")[2]
    head, gap, body = received.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(gap) and length is not None and len(body) >= int(length[1])


def _statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


@contextmanager
def opened(live: Live, number: int, first: bytes, *, role: str = "web") -> Iterator[list[socket.socket]]:
    """So many connections on which this was sent, and no more."""
    with ExitStack() as stack:
        wires = []
        for _ in range(number):
            wire = stack.enter_context(socket.create_connection(address(live, role), 5))
            wire.sendall(first)
            wires.append(wire)
        yield wires


def seconds_until_closed(wires: list[socket.socket], *, most: float, trickle: bytes = b"") -> float:
    """How long it takes until the other side has hung up on all of them; `trickle` is sent to each meanwhile."""
    begun, left = time.monotonic(), list(wires)
    while left and time.monotonic() - begun < most:
        left = [wire for wire in left if not _is_closed(wire, trickle)]
        time.sleep(0.25)
    assert left == [], f"{len(left)} of {len(wires)} are still open after {most} s"
    return time.monotonic() - begun


def _is_closed(wire: socket.socket, trickle: bytes) -> bool:
    wire.setblocking(False)
    try:
        if trickle:
            wire.send(trickle)
        return wire.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def memory_mb(live: Live, role: str = "web") -> float:
    """Of a process and its children together."""
    pid = live.stack.pids[role]
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in (pid, *children))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def log_of(live: Live, role: str = "web") -> str:
    return (live.stack.root / "log" / f"{role}.log").read_text(errors="replace")
