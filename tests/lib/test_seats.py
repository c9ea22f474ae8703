"""So many at a time of a kind, and nobody who came is forgotten."""

import pytest

from choptym.lib.seats import Seats


def test_each_kind_has_seats_of_its_own() -> None:
    seats = Seats(2)
    sitting = seats.sitting
    with sitting("fapshi") as first, sitting("fapshi") as second, sitting("fapshi") as third, sitting("campay") as one:
        assert (first, second, third, one) == (True, True, False, True)


def test_a_seat_is_free_again_whatever_happened_on_it() -> None:
    seats = Seats(1)
    with pytest.raises(ZeroDivisionError), seats.sitting("fapshi"):
        1 / 0  # noqa: B018

    with seats.sitting("fapshi") as has_seat:
        assert has_seat


def test_who_found_no_seat_gives_none_back() -> None:
    seats = Seats(1)
    with seats.sitting("fapshi"):
        with seats.sitting("fapshi"):
            pass
        with seats.sitting("fapshi") as has_seat:
            assert not has_seat


def test_it_is_known_once_that_somebody_came() -> None:
    seats = Seats(1)
    with seats.sitting("fapshi"), seats.sitting("fapshi"):
        assert not seats.somebody_came("campay")
        assert seats.somebody_came("fapshi")
        assert not seats.somebody_came("fapshi")
