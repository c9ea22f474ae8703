"""What `make chaos` is asked for: understood, or refused by name before anything is started."""

import pytest

from choptym.local.errors import StackError
from tests.chaos.__main__ import SOAK, read_wanted
from tests.chaos.faults import FAULTS
from tests.chaos.plan import make_plan
from tests.chaos.suites import SUITES

MENU = [{"id": number, "currency": currency} for number, currency in enumerate(("XAF", "XAF", "INR"))]


def test_without_a_word_everything_is_broken() -> None:
    assert read_wanted({}).names == [*FAULTS, SOAK, *SUITES]
    assert read_wanted({"SHORT": "1"}).names == [*FAULTS, SOAK]


def test_some_are_chosen_by_name() -> None:
    wanted = read_wanted({"FAULT": "deploy, soak calm", "SEED": "7", "PAYMENTS": "20", "RATE": "2.5", "MINUTES": "0.5"})

    assert (wanted.names, wanted.seed, wanted.payments) == (["deploy", "soak", "calm"], 7, 20)
    assert (wanted.per_second, wanted.minutes) == (2.5, 0.5)


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({"FAULT": "earthquake"}, "earthquake"),
        ({"SEED": "-1"}, "SEED=-1"),
        ({"SEED": "luck"}, "SEED=luck"),
        ({"PAYMENTS": "0.5"}, "PAYMENTS=0.5"),
        ({"RATE": "nan"}, "RATE=nan"),
        ({"MINUTES": "inf"}, "MINUTES=inf"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(environ: dict[str, str], word: str) -> None:
    with pytest.raises(StackError, match=word):
        read_wanted(environ)


def test_the_same_seed_gives_the_same_wishes() -> None:
    assert make_plan("7", 50, MENU) == make_plan("7", 50, MENU)
    assert make_plan("7", 50, MENU) != make_plan("8", 50, MENU)
