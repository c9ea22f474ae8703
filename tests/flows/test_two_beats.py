"""A second beat, by mistake or while the first is being moved to another machine: nothing is done twice."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.flows.ends import assert_paid, unlucky
from tests.live import METHODS, PATIENCE_SECONDS, Live, eventually

# Long enough that no slot of theirs ends by itself in a test.
SELDOM = ("months of the history", "days that were missed")
TICKS_SECONDS = 12  # more than two ticks of the jobs, and a dozen of the sweepers


@contextmanager
def second_beat(live: Live) -> Iterator[None]:
    """The very command and environment of the first."""
    process = Path(f"/proc/{live.stack.pids['beat']}")
    words = (process / "cmdline").read_bytes().decode().split("\0")[:-1]
    lines = (process / "environ").read_bytes().decode().split("\0")
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    beat = subprocess.Popen(words, env=environment, cwd=(process / "cwd").readlink())
    try:
        yield
        assert beat.poll() is None, "it has run all the time"
    finally:
        beat.send_signal(signal.SIGTERM)
        beat.wait(PATIENCE_SECONDS)


def runs(live: Live) -> dict[str, int]:
    return dict(live.rows("SELECT name, runs FROM payments_job"))


def assert_runs(live: Live, name: str, least: int) -> None:
    assert runs(live).get(name, 0) >= least, f"{name}: {runs(live)}"


@pytest.mark.invariant("INV-2")
def test_with_two_beats_every_payment_settles_once_and_every_slot_is_run_once(live: Live) -> None:
    eventually(lambda: assert_runs(live, SELDOM[0], 1), seconds=30)
    with second_beat(live):
        time.sleep(3)
        before = runs(live)
        live.change("UPDATE payments_job SET slot_at = slot_at - interval '6 hours' WHERE name = %s", SELDOM[0])
        purchases = [unlucky(live, METHODS[number % len(METHODS)]) for number in range(12)]
        for purchase in purchases:
            purchase.wait("SETTLED", seconds=60)
        time.sleep(TICKS_SECONDS)
        after = runs(live)

    for purchase in purchases:
        assert_paid(purchase)
    assert {name: after[name] - before.get(name, 0) for name in SELDOM if name in after} == {
        name: int(name == SELDOM[0]) for name in SELDOM if name in after
    }


def test_runs_that_beat_missed_are_made_up_for_by_one_as_soon_as_it_is_back(live: Live) -> None:
    name = "captured money without an outcome"
    eventually(lambda: assert_runs(live, name, 1), seconds=30)

    with live.frozen("beat"):
        time.sleep(6)  # what was on its way has been worked off
        before = runs(live)[name]
        live.change("UPDATE payments_job SET slot_at = slot_at - interval '5 hours' WHERE name = %s", name)
        time.sleep(6)
        assert runs(live)[name] == before
    eventually(lambda: assert_runs(live, name, before + 1), seconds=15)

    time.sleep(7)
    assert runs(live)[name] - before <= 2, "one for all 300 that were missed, and perhaps that of a new minute"
