"""Every pair of doors knocks at one payment at the same time, and it ends in one of the ways that are allowed."""

import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement, groupby

import pytest

from payments.prove import find_breaks
from tests.races.pairs.case import World
from tests.races.pairs.doors import DOORS, GROUPS, NEVER
from tests.races.pairs.ends import Pair, all_pairs
from tests.races.pairs.races import Stopped, race, together
from tests.races.pairs.starts import STARTS
from tests.races.pairs.stops import AFTER, BEFORE, Stop

SEED = int(os.environ.get("SEED", "1"))
USUAL = [pair for pair in all_pairs() if not pair.is_rare]
PAIRS = {name: list(pairs) for name, pairs in groupby(USUAL, key=lambda pair: pair.name)}
# The long form: each pair in each state so often from one signal, and each of the two stopped at so many of its places.
# At 40 that is all of them, and takes hours.
SCALE = int(os.environ.get("CHAOS_SCALE", "1"))
MOST_PLACES = 40
TOPUPS = 5


def rare_pairs() -> list[Pair]:
    """Of each two groups that would not meet otherwise one pair, as the seed says; and some top-ups."""
    luck, usual = random.Random(f"{SEED} rare"), {pair.groups for pair in USUAL}
    others: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in all_pairs():
        if pair.is_rare and pair.groups not in usual and all(pair.groups):
            others[pair.groups].append(pair)
    topups = [pair for pair in all_pairs() if pair.start == "topup"]
    return [*(luck.choice(pairs) for pairs in others.values()), *luck.sample(topups, TOPUPS)]


RARE = rare_pairs()


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-4")
@pytest.mark.invariant("INV-5")
@pytest.mark.invariant("INV-6")
@pytest.mark.invariant("INV-7")
@pytest.mark.parametrize("name", PAIRS)
def test_two_doors_at_once_end_as_they_may(world: World, name: str) -> None:
    """Once each: in which of their states, and which of the two is stopped where, the seed says."""
    luck = random.Random(f"{SEED} {name}")

    race_once(world, luck.choice(PAIRS[name]), luck)


@pytest.mark.invariant("INV-2")
@pytest.mark.invariant("INV-4")
@pytest.mark.invariant("INV-6")
@pytest.mark.parametrize("pair", RARE, ids=lambda pair: f"{pair.name}-{pair.start}")
def test_those_who_seldom_meet_end_as_they_may(world: World, pair: Pair) -> None:
    race_once(world, pair, random.Random(f"{SEED} {pair.name} {pair.start}"))


def race_once(world: World, pair: Pair, luck: random.Random) -> None:
    stop, is_second = luck.choice((BEFORE, AFTER)), luck.random() < 0.5

    wrong = race(world, pair, Stopped(stop, is_second=is_second))

    assert not wrong, _told(pair, stop, wrong, is_second=is_second)


@pytest.mark.invariant("INV-3")
def test_after_all_of_them_the_books_balance(world: World) -> None:
    assert find_breaks() == {}


@pytest.mark.long
@pytest.mark.timeout(0)
def test_every_pair_in_every_state_stopped_anywhere(world: World, tell: Callable[..., None]) -> None:
    """From one signal; then each of the two stopped at places that the seed says, while the other runs."""
    wrong, before = [], world.races
    for pair in all_pairs():
        wrong += [_told(pair, None, found) for _ in range(SCALE) if (found := race(world, pair, together))]
        wrong += _stopped_here_and_there(world, pair)
    breaks = find_breaks()
    doubled = sum("INV-2" in what for what in wrong)
    lost = sum("INV-1" in what or "INV-6" in what for what in wrong)
    ok = not wrong and not breaks
    tell(
        fault="every_pair_of_doors", payments=world.races - before, lost=lost, doubled=doubled, recovery_seconds=0,
        ok=ok, pairs=len({pair.name for pair in all_pairs()}), seed=SEED,
    )  # fmt: skip
    assert ok, "\n".join([*wrong, str(breaks)])


def _stopped_here_and_there(world: World, pair: Pair) -> Iterator[str]:
    """A place that is never reached lets the two run one after the other: that must be right too."""
    luck = random.Random(f"{SEED} {pair.name} {pair.start}")
    for is_second in (False, True):
        for number in luck.sample(range(1, MOST_PLACES + 1), min(SCALE, MOST_PLACES)):
            if found := race(world, pair, Stopped(Stop(number), is_second=is_second)):
                yield _told(pair, Stop(number), found, is_second=is_second)


def _told(pair: Pair, stop: Stop | None, wrong: list[str], *, is_second: bool = False) -> str:
    where = f"{pair.doors[is_second].name} {stop}" if stop else "from one signal"
    return "\n  ".join([f"{pair.name} at a payment that is {pair.start}, {where} (SEED={SEED})", *wrong])


def test_every_door_meets_itself_or_others_and_every_start_is_raced() -> None:
    pairs = list(all_pairs())

    assert {door.name for pair in pairs for door in pair.doors} == {door.name for door in DOORS}
    assert {pair.start for pair in pairs} == {*STARTS}
    assert all(pair.ends for pair in pairs)
    assert {door.group for door in DOORS} == {*GROUPS, ""}


@pytest.mark.parametrize("pairs", [list(all_pairs()), [*USUAL, *RARE]], ids=["in the long form", "in the short form"])
def test_every_two_groups_meet(pairs: list[Pair]) -> None:
    """Otherwise it would be tried by nobody what they do to one payment at once."""
    met = {pair.groups for pair in pairs}
    two = {(min(two), max(two)) for two in combinations_with_replacement(GROUPS, 2)}

    assert sorted(two - met - {*NEVER}) == [], "they never meet: doors.py"
    assert sorted(met & {*NEVER}) == [], "they do meet: take them off the list"
