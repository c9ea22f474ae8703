"""A gateway behind a closed door, a broker that is gone: a stack of its own, because these hit everybody in it."""

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.flows.ends import assert_not_paid, assert_paid, attempts, buy
from tests.live import CHARGERS, Live, eventually, running_stack, side_by_side

HOST = "127.0.0.1"
LONGEST_ANSWER_SECONDS = 6  # of a checkout, while the broker accepts connections and says nothing


class Road:
    """A port that leads to the sandbox once it is open. While it is closed, connections are refused."""

    def __init__(self) -> None:
        with closing(socket.create_server((HOST, 0))) as free:
            self.port = int(free.getsockname()[1])
        self._door: socket.socket | None = None
        self._ends: list[socket.socket] = []

    def open(self, port: int) -> None:
        self._door = socket.create_server((HOST, self.port))
        threading.Thread(target=self._welcome, args=(self._door, port), daemon=True).start()

    def close(self) -> None:
        """Refuse new connections, and cut those that are there."""
        door, self._door = self._door, None
        if door is not None:
            door.shutdown(socket.SHUT_RDWR)
            door.close()
        ends, self._ends = self._ends, []
        for end in ends:
            end.close()

    def _welcome(self, door: socket.socket, port: int) -> None:
        while True:
            try:
                caller, _ = door.accept()
            except OSError:
                return
            peer = socket.create_connection((HOST, port))
            self._ends += [caller, peer]
            threading.Thread(target=self._carry, args=(caller, peer), daemon=True).start()

    def _carry(self, caller: socket.socket, peer: socket.socket) -> None:
        with caller, peer:
            while self._door is not None:
                try:
                    readable, _, _ = select.select([caller, peer], [], [], 0.2)
                    for end in readable:
                        data = end.recv(65_536)
                        if not data:
                            return
                        (peer if end is caller else caller).sendall(data)
                except (OSError, ValueError):
                    return


@pytest.fixture(scope="module")
def road() -> Iterator[Road]:
    road = Road()
    yield road
    road.close()


@pytest.fixture(scope="module")
def narrow(road: Road) -> Iterator[Live]:
    """A stack with a Redis server of its own, whose Fapshi is at the end of the road."""
    address = f"http://{HOST}:{road.port}/fapshi"
    with running_stack(
        "outages", side_by_side, REDIS_URL="", FAPSHI_BASE_URL=address, PAYMENT_RETRY_DELAY="700"
    ) as stack:
        yield stack


def sandbox_port(live: Live) -> int:
    return int(live.stack.sandbox.rsplit(":", 1)[1])


def test_a_gateway_that_refuses_three_connections_has_failed_the_payment_only_at_itself(narrow: Live) -> None:
    refused, others = buy(narrow, "fapshi"), [buy(narrow, "campay") for _ in range(3)]

    for other in others:
        other.wait("SETTLED", seconds=10)
        assert_paid(other)
    refused.wait("FAILED")

    assert_not_paid(refused, "FAILED", "gateway_unreachable", tries=["NOT_SENT"] * 3)
    query = "SELECT number, http_status, problem LIKE '%%refused%%' FROM payments_paymentattempt WHERE payment_id = %s"
    assert sorted(narrow.rows(query, refused.payment)) == [(number, None, True) for number in (1, 2, 3)]
    assert narrow.control("GET", "fapshi/books")["calls"] == 0


def test_a_gateway_that_refuses_two_connections_is_paid_at_the_third_try(narrow: Live, road: Road) -> None:
    purchase = buy(narrow, "fapshi")
    eventually(lambda: _assert_tried_twice(narrow, purchase.payment))

    road.open(sandbox_port(narrow))

    purchase.wait("SETTLED")
    assert_paid(purchase, tries=["NOT_SENT", "NOT_SENT", "PAID"])


def _assert_tried_twice(live: Live, payment: int) -> None:
    assert attempts(live, payment) == ["NOT_SENT", "NOT_SENT"]


@pytest.mark.invariant("INV-1")
def test_a_checkout_is_taken_while_the_broker_is_silent_and_settles_when_it_is_back(narrow: Live) -> None:
    pid = narrow.stack.pids["redis"]
    os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        purchase = buy(narrow, "campay")
        assert time.monotonic() - started < LONGEST_ANSWER_SECONDS
        assert purchase.wait("QUEUED")["status"] == "QUEUED"
    finally:
        os.kill(pid, signal.SIGCONT)

    purchase.wait("SETTLED", seconds=60)
    assert_paid(purchase)


@pytest.mark.invariant("INV-1")
def test_a_broker_that_is_killed_loses_nothing(narrow: Live) -> None:
    with narrow.frozen(*CHARGERS):
        purchases = [buy(narrow, "campay") for _ in range(6)]
        narrow.kill("redis")

    for purchase in purchases:
        purchase.wait("SETTLED", seconds=60)
        assert_paid(purchase)


@pytest.mark.invariant("INV-1")
@pytest.mark.invariant("INV-2")
def test_after_the_outages_the_books_agree(narrow: Live) -> None:
    proof = narrow.stack.manage("prove_money", "--json", "--sandbox", narrow.stack.sandbox)

    assert proof.returncode == 0, proof.stdout
