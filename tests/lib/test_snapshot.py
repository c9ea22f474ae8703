"""A value that is read again when it is old: by one, and never used when it is too old."""

import threading
import time

import pytest

from choptym.lib.snapshot import Snapshot


def test_a_value_that_nobody_asked_for_lately_is_used_by_nobody() -> None:
    """One thread reads, slowly; the other must not go on with what was true long ago."""
    values = iter(["old", "new", "new"])
    begun = threading.Event()

    def read() -> str:
        value = next(values)
        if value == "new" and not begun.is_set():
            begun.set()
            time.sleep(0.2)
        return value

    snapshot = Snapshot(read, seconds=0.01, oldest_seconds=0.05)
    assert snapshot.get() == "old"
    time.sleep(0.1)
    reader = threading.Thread(target=snapshot.get)
    reader.start()
    assert begun.wait(5)

    assert snapshot.get() == "new"
    reader.join()


def test_one_that_is_young_enough_is_used_while_another_thread_reads() -> None:
    values = iter(["old", "new"])
    begun, may_end = threading.Event(), threading.Event()

    def read() -> str:
        value = next(values)
        if value == "new":
            begun.set()
            assert may_end.wait(5)
        return value

    snapshot = Snapshot(read, seconds=0.01)
    snapshot.get()
    time.sleep(0.02)
    reader = threading.Thread(target=snapshot.get)
    reader.start()
    assert begun.wait(5)

    assert snapshot.get() == "old"
    may_end.set()
    reader.join()
    assert snapshot._value == "new"


def test_a_reading_that_fails_leaves_the_last_value_in_use() -> None:
    def read() -> str:
        if failing:
            raise OSError
        return "old"

    failing = False
    snapshot = Snapshot(read, seconds=0, oldest_seconds=0, survives=(OSError,))
    assert snapshot.get() == "old"
    failing = True

    assert snapshot.get() == "old"
    snapshot.forget()
    with pytest.raises(OSError):  # noqa: PT011
        snapshot.get()


def test_a_value_is_as_old_as_the_beginning_of_its_reading() -> None:
    """The reader stands still after it was told; meanwhile things change."""
    stopped = threading.Event()
    readings: list[bool] = []

    def read() -> str:
        readings.append(stopped.is_set())
        told = "stopped" if stopped.is_set() else "runs"
        if len(readings) == 2:
            stopped.set()
            time.sleep(0.2)
        return told

    snapshot = Snapshot(read, seconds=0.01, oldest_seconds=0.1)
    assert snapshot.get() == "runs"
    time.sleep(0.02)

    assert snapshot.get() == "stopped"
    assert readings == [False, False, True]


def test_what_always_takes_long_to_read_is_read_three_times_and_used() -> None:
    readings = iter(range(100))

    def read() -> int:
        time.sleep(0.02)
        return next(readings)

    assert Snapshot(read, oldest_seconds=0.01).get() == 2
