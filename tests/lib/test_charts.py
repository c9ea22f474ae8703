"""Pictures: where a line is broken, how things stand on top of each other, and round numbers at the axes."""

from datetime import UTC, datetime, timedelta

import pytest

from choptym.lib.charts.picture import Axis, Series, area_path, draw_lines, draw_stack, line_path
from choptym.lib.charts.scale import time_ticks, top_of, value_ticks
from choptym.lib.charts.strips import Meaning, draw_strips
from choptym.lib.charts.units import BYTES, COUNT, RATE, SECONDS

NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)  # 12:00 in Douala


def axis_of(*known: bool) -> Axis:
    return Axis(tuple(NOON + timedelta(seconds=10 * at) for at in range(len(known))), 10, known)


def test_a_line_is_broken_where_nothing_is_known_and_a_single_value_is_a_dot() -> None:
    assert line_path((0.0, 10.0, None, 5.0, None), 10) == "M0.5 200L1.5 0M3.5 100h0"


def test_nothing_is_not_drawn_as_zero() -> None:
    assert line_path((None, None), 10) == ""
    assert area_path((0.0, None), (0.0, None), 10) == ""


def test_an_area_has_a_step_for_each_point_and_ends_at_a_gap() -> None:
    assert area_path((0.0, 0.0, None, 0.0), (5.0, 10.0, None, 10.0), 10) == "M0 200V100h1V0h1V200h-2ZM3 200V0h1V200h-1Z"


def test_a_stack_adds_up_and_is_not_known_where_one_of_them_is_not() -> None:
    series = [Series("a", "good", (1.0, 2.0, None)), Series("b", "bad", (3.0, None, 4.0))]

    picture = draw_stack("two", axis_of(True, True, True), series, COUNT)

    assert [shape.path for shape in picture.shapes] == ["M0 200V150h1V100h1V200h-2Z", "M0 150V0h1V150h-1Z"]
    assert [tick.label for tick in picture.values] == ["0", "1", "2", "3", "4"]


def test_a_limit_is_a_line_over_the_stack_and_the_axis_reaches_it() -> None:
    series = [Series("used", "busy", (3.0,)), Series("limit", "limit", (20.0,), is_limit=True)]

    picture = draw_stack("calls", axis_of(True), series, COUNT)

    assert [shape.kind for shape in picture.shapes] == ["area", "limit"]
    assert picture.shapes[1].path == "M0.5 0h0"
    assert picture.values[-1].label == "20"


def test_the_words_beside_a_picture_tell_now_and_the_highest() -> None:
    series = [Series("p95", "warning", (0.25, 61.0, None)), Series("none", "busy", (None, None, None))]

    picture = draw_lines("waits", axis_of(True, True, False), series, SECONDS)

    assert picture.description == "p95: now 61 s, highest 61 s; none: now –, highest –"
    assert picture.hover[0] == {"name": "p95", "tone": "warning", "values": ["250 ms", "61 s", "–"]}
    assert [(gap.x, gap.width) for gap in picture.gaps] == [("66.7", "33.3")]


@pytest.mark.parametrize(
    ("highest", "is_whole", "top"),
    [(0.9, False, 1.0), (1, True, 1), (4, True, 4), (5, True, 6), (41, False, 60), (100, True, 100), (101, True, 150),
     (0.0031, False, 0.004), (999_999, True, 1_000_000)],
)  # fmt: skip
def test_an_axis_ends_at_a_round_number_not_far_above_the_highest(highest: float, is_whole: bool, top: float) -> None:
    end, step = top_of(highest, is_whole=is_whole)

    assert end == pytest.approx(top)
    assert 1 <= round(end / step) <= 4


def test_bytes_have_round_marks_of_their_own() -> None:
    end, step = top_of(256 * 1024**2, is_whole=False, base=1024)

    assert [tick.label for tick in value_ticks(end, step, BYTES.write)] == [
        "0 B",
        "64 MB",
        "128 MB",
        "192 MB",
        "256 MB",
    ]


@pytest.mark.parametrize(
    ("write", "value", "words"),
    [
        (COUNT.write, 12_345, "12.35k"),
        (COUNT.write, 2_500_000, "2.5M"),
        (RATE.write, 12.34, "12.3"),
        (SECONDS.write, 0.0301, "30.1 ms"),
        (SECONDS.write, 1500, "25 min"),
        (SECONDS.write, 48 * 3600, "48 h"),
        (BYTES.write, 1000 * 1024, "1000 KB"),
    ],
)
def test_values_are_short_words(write: object, value: float, words: str) -> None:
    assert callable(write)
    assert write(value) == words


@pytest.mark.parametrize(
    ("points", "step", "labels"),
    [
        (90, 10, ["12:05", "12:10"]),
        (180, 20, ["12:10", "12:20", "12:30", "12:40", "12:50"]),
        (192, 900, ["16:00", "23 Nov", "08:00", "16:00", "24 Nov", "08:00"]),
    ],
)
def test_the_marks_of_time_are_round_on_the_local_clock(points: int, step: int, labels: list[str]) -> None:
    starts = [NOON + timedelta(seconds=step * at) for at in range(points)]

    found = [tick.label for tick in time_ticks(starts, step)]

    assert found == labels


def test_a_strip_has_one_piece_for_as_long_as_nothing_changed() -> None:
    meanings = {0.0: Meaning("closed", "good", is_usual=True), 1.0: Meaning("open", "bad")}

    [strip] = draw_strips("circuits", axis_of(*[True] * 5), {"fapshi": (0.0, 0.0, 1.0, 1.0, None)}, meanings).strips

    assert [(one.x, one.width, one.tone) for one in strip.pieces] == [(0, 2, "good"), (2, 2, "bad")]
    assert (strip.now, strip.unusual) == ("open", "open: 20 s at most")
    assert [(gap.x, gap.width) for gap in strip.gaps] == [("80", "20")]
    assert strip.hover == ["closed", "closed", "open", "open", "–"]
