"""Draining: every row is taken up, whenever it was written, and a crowd costs few messages. On the real Redis."""

import threading
import time
from collections.abc import Iterator

import pytest
from celery.worker import state
from django.conf import settings

from choptym.lib import drain as module
from choptym.lib.drain import drain
from choptym.lib.jobs import HELD_MILLISECONDS, redis, ring
from payments.tasks import confirm_payments
from tests.chaos.patience import eventually

NAME = "nobody's"
GATHER_SECONDS = module.GATHER_SECONDS  # as in life, not as for tests that call a task (tests/conftest.py)
BELL = f"choptym:bell:{confirm_payments.name}:{NAME}"
QUEUE = settings.KEY_PREFIX + "webhooks"


@pytest.fixture(autouse=True)
def _silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "GATHER_SECONDS", GATHER_SECONDS)
    redis().delete(QUEUE, BELL)
    yield
    redis().delete(QUEUE, BELL)


class Rows:
    """Rows that wait. `write` rings as those do who write them; `work` takes all that are there."""

    def __init__(self, waiting: int = 0) -> None:
        self.waiting = waiting
        self.taken: list[int] = []
        self.late = 0  # written by somebody else in the middle of the next look that finds nothing

    def write(self, count: int = 1) -> None:
        self.waiting += count
        ring(confirm_payments, NAME)

    def work(self) -> int:
        count, self.waiting = self.waiting, 0
        if count:
            self.taken.append(count)
        elif self.late:
            count_late, self.late = self.late, 0
            self.write(count_late)
        return count


def messages() -> int:
    return int(redis().llen(QUEUE))


def drain_rows(rows: Rows) -> None:
    drain(confirm_payments, NAME, work=rows.work)


def test_what_waits_is_taken_up_at_once_and_the_bell_is_free_afterwards() -> None:
    rows, began = Rows(waiting=3), time.monotonic()

    drain_rows(rows)

    assert rows.taken == [3]
    assert time.monotonic() - began < 1
    assert redis().exists(BELL) == 0


def test_rows_that_come_while_somebody_drains_need_no_message_and_are_taken_up_together() -> None:
    rows = Rows(waiting=1)
    draining = threading.Thread(target=drain_rows, args=(rows,))
    draining.start()
    assert eventually(lambda: rows.taken == [1], 5, every=0.001)
    for _ in range(40):
        rows.write()
        time.sleep(0.005)
    draining.join()

    assert sum(rows.taken) == 41
    assert len(rows.taken) < 15
    assert messages() == 0


@pytest.mark.invariant("INV-1")
def test_a_row_that_is_written_during_the_last_look_is_taken_up_all_the_same() -> None:
    rows = Rows(waiting=1)
    rows.late = 2

    drain_rows(rows)

    assert rows.taken == [1, 2]
    assert messages() == 0


def test_who_finds_no_seat_leaves_it_to_those_who_sit_and_lets_the_bell_ring_elsewhere() -> None:
    looking, go_on = threading.Semaphore(0), threading.Event()

    def hang() -> int:
        looking.release()
        go_on.wait(10)
        return 0

    sitting = [
        threading.Thread(target=drain, args=(confirm_payments, NAME), kwargs={"work": hang})
        for _ in range(module.SEATS_EACH)
    ]
    for thread in sitting:
        thread.start()
        looking.acquire(timeout=10)
    rows = Rows()
    rows.write()
    drain_rows(rows)
    assert rows.taken == []
    assert redis().exists(BELL) == 0
    go_on.set()
    for thread in sitting:
        thread.join(10)
    assert looking.acquire(blocking=False), "somebody came, so they look again"


@pytest.mark.invariant("INV-1")
def test_while_a_gateway_hangs_the_next_row_rings() -> None:
    rows, rang = Rows(waiting=1), []

    def hang() -> int:
        if count := rows.work():
            time.sleep(HELD_MILLISECONDS / 1000 + 0.1)
            rows.write()
            rang.append(messages())
            return count
        return 0

    drain(confirm_payments, NAME, work=hang)

    assert rang[0] == 1


@pytest.mark.parametrize("word", ["should_stop", "should_terminate"])
def test_a_worker_that_is_told_to_stop_ends_after_the_rows_in_hand_and_leaves_a_message(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows(waiting=1)

    def stopped() -> int:
        monkeypatch.setattr(state, word, 0)  # the exit code of a good end
        rows.late = 0
        return rows.work()

    drain(confirm_payments, NAME, work=stopped)
    rows.waiting += 1  # for another worker

    assert rows.taken == [1]
    assert messages() == 1


def test_an_endless_one_hands_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAIN_SECONDS", 0.2)

    drain(confirm_payments, NAME, work=lambda: 1)

    assert messages() == 1
