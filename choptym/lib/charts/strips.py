"""What state each of several things was in over time: a strip of colours for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from choptym.lib.charts.picture import NOT_KNOWN, Axis, Gap, gaps_of
from choptym.lib.charts.scale import Tick, runs_of
from choptym.lib.charts.units import SECONDS

HEIGHT = 20


@dataclass(frozen=True, slots=True)
class Meaning:
    """A state in a word and a colour. What is as it should be is not counted."""

    word: str
    tone: str
    is_usual: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """So long in one state."""

    x: int
    width: int
    tone: str


@dataclass(frozen=True, slots=True)
class Strip:
    """`unusual` says for how long it was in which other state than the usual one."""

    name: str
    pieces: tuple[Piece, ...]
    gaps: tuple[Gap, ...]
    now: str
    tone: str
    unusual: str
    hover: list[str]
    width: int
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Strips:
    """Several strips over one axis."""

    title: str
    note: str
    strips: tuple[Strip, ...]
    times: tuple[Tick, ...]
    meanings: tuple[Meaning, ...]


def draw_strips(
    title: str,
    axis: Axis,
    states: Mapping[str, Sequence[float | None]],
    meanings: Mapping[float, Meaning],
    *,
    note: str = "",
) -> Strips:
    strips = tuple(_strip(name, axis, values, meanings) for name, values in states.items())
    return Strips(title, note, strips, axis.ticks, tuple(meanings.values()))


def _strip(name: str, axis: Axis, values: Sequence[float | None], meanings: Mapping[float, Meaning]) -> Strip:
    found = [None if value is None else meanings[value] for value in values]
    pieces = tuple(
        Piece(first, end - first, meaning.tone) for meaning, first, end in runs_of(found) if meaning is not None
    )
    now = next((one for one in reversed(found) if one is not None), None)
    return Strip(
        name=name,
        pieces=pieces,
        gaps=gaps_of([one is not None for one in found]),
        now=now.word if now else NOT_KNOWN,
        tone=now.tone if now else "quiet",
        unusual=_unusual(found, axis),
        hover=[one.word if one else NOT_KNOWN for one in found],
        width=len(values),
    )


def _unusual(found: Sequence[Meaning | None], axis: Axis) -> str:
    others = dict.fromkeys(one for one in found if one is not None and not one.is_usual)
    # A point has the worst state of its time.
    return ", ".join(f"{one.word}: {SECONDS.write(found.count(one) * axis.step_seconds)} at most" for one in others)
