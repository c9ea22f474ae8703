"""A crew: as many threads as it has and no more, each counted until it is done, whatever happens on it."""

from threading import Event

import pytest

from choptym.lib.crew import Crew
from tests.chaos.patience import eventually


def _fail() -> None:
    raise LookupError("on purpose")


def test_what_is_in_hand_is_counted_by_its_kind() -> None:
    crew, end = Crew(3, "test"), Event()
    crew.begin("a", end.wait)  # type: ignore[arg-type]
    crew.begin("a", end.wait)  # type: ignore[arg-type]
    assert (crew.count_free(), crew.is_busy("a"), crew.is_busy("b")) == (1, True, False)

    end.set()

    assert eventually(lambda: crew.count_free() == 3, 5, every=0.01)
    assert not crew.is_busy("a")


def test_what_fails_is_told_of_and_puts_its_work_down(caplog: pytest.LogCaptureFixture) -> None:
    crew = Crew(1, "test")

    crew.begin("a", _fail)
    done = Event()
    crew.begin("a", done.set)

    assert done.wait(5), "its thread did not go on"
    assert eventually(lambda: crew.count_free() == 1, 5, every=0.01)
    assert "a thread of the crew failed" in caplog.text


def test_a_crew_that_is_ending_counts_nothing_as_in_hand() -> None:
    crew = Crew(1, "test")
    crew._threads.shutdown()

    with pytest.raises(RuntimeError):
        crew.begin("a", lambda: None)

    assert crew.count_free() == 1
