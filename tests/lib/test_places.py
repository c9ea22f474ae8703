"""So many work, a few wait, and nobody else does."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from rest_framework.exceptions import Throttled

from choptym.lib.places import Places

PATIENCE_SECONDS = 20


def test_who_finds_no_place_in_time_is_told_when_to_come_back() -> None:
    places = Places(most=2, waiting=1, wait_seconds=0.2)

    with places.taken(), places.taken(), pytest.raises(Throttled) as refusal, places.taken():
        pass

    assert refusal.value.wait == 5  # type: ignore[attr-defined]
    with places.taken(), places.taken():  # all were given back
        pass


def test_who_waits_gets_the_place_that_becomes_free_and_a_crowd_is_sent_away_at_once() -> None:
    places = Places(most=1, waiting=1, wait_seconds=PATIENCE_SECONDS)
    is_in, goes = Event(), Event()

    def work() -> str:
        with places.taken():
            is_in.set()
            assert goes.wait(PATIENCE_SECONDS)
            return "done"

    def wait() -> str:
        with places.taken():
            return "waited"

    with ThreadPoolExecutor(2) as threads:
        working = threads.submit(work)
        assert is_in.wait(PATIENCE_SECONDS)
        waiting = threads.submit(wait)
        while places._room._value:  # until the second one has come in
            time.sleep(0.01)
        began = time.monotonic()
        with pytest.raises(Throttled), places.taken():
            pass
        assert time.monotonic() - began < PATIENCE_SECONDS / 2
        goes.set()
        assert (working.result(), waiting.result()) == ("done", "waited")


def test_a_place_is_given_back_whatever_happened_on_it() -> None:
    places = Places(most=1, waiting=0, wait_seconds=0)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError), places.taken():
            1 / 0  # noqa: B018
