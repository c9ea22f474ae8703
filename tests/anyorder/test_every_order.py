"""The long form: every order of six events, of every part of them, with repetitions, questions and old answers."""

import os
from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest

from tests.anyorder.crowd import Crowd
from tests.anyorder.judge import judge
from tests.anyorder.plans import (
    ANSWER,
    POLL,
    Plan,
    at_once,
    every_order,
    every_part,
    polled_after,
    polled_everywhere,
    repeated,
    scattered,
)
from tests.anyorder.stories import STORIES, Story
from tests.anyorder.test_any_order import SEED
from tests.machine.gateways import Gateways

pytestmark = [pytest.mark.long, pytest.mark.timeout(4 * 3600), pytest.mark.invariant("INV-2")]

CROWD = 480  # so many payments at a time
# Every which of the plans is tried; 1 is all of them.
STRIDE = int(os.environ.get("ANYORDER_STRIDE", "1"))


def all_plans(story: Story, chance: Random) -> Iterator[Plan]:
    """Every order of every part; and every order of all with repetitions, questions, old answers, and all at once."""
    yield from every_part(story.items)
    for number, order in enumerate(every_order(story.items)):
        yield repeated(order, chance)
        yield polled_everywhere(order)
        yield polled_after(order, [number % (len(order) + 1)])
        old = [f"{ANSWER}{answer}" for answer in range(story.answers)]
        yield scattered(repeated(order, chance), [*old, POLL], chance)
        yield at_once(order)


@pytest.fixture(scope="module")
def tried() -> dict[str, int]:
    return {}


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_every_order_ends_the_same(
    gateways: Gateways, story: Story, tried: dict[str, int], tell: Callable[..., None]
) -> None:
    plans = list(all_plans(story, Random(SEED)))[::STRIDE]
    for crowd_of in _crowds(plans):
        crowd = Crowd(gateways, story, crowd_of)
        crowd.live()
        judge(crowd)
    tried[story.name] = len(plans)
    if story is STORIES[-1]:
        number = sum(tried.values())
        figures = {"payments": number, "lost": 0, "doubled": 0, "recovery_seconds": 0, "orders": number, "seed": SEED}
        tell(fault="webhooks_in_any_order", ok=len(tried) == len(STORIES), **figures)


def _crowds(plans: Sequence[Plan]) -> Iterator[Sequence[Plan]]:
    for start in range(0, len(plans), CROWD):
        yield plans[start : start + CROWD]
