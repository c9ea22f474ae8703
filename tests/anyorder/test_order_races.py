"""All at once: who tells us, who looks at what was told, who asks, and who is late with an answer, on the same rows."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle
from random import Random

import pytest
from django.db import OperationalError, connection
from django.test import Client

from payments import confirm
from payments.confirm import confirm_batch
from payments.match import match_batch
from payments.models import Payment
from payments.strangers import look_up_strangers
from tests.anyorder.crowd import Crowd
from tests.anyorder.judge import judge
from tests.anyorder.payers import Member
from tests.anyorder.stories import CAMPAY, CASHFREE, FAPSHI, RAZORPAY, STORIES, Story
from tests.anyorder.test_any_order import SEED
from tests.factories import a_while_ago
from tests.machine.gateways import Gateways

pytestmark = [pytest.mark.timeout(600), pytest.mark.invariant("INV-2"), pytest.mark.invariant("INV-4")]

MEMBERS = 4
SEEDS = 48


def race(gateways: Gateways, story: Story, seed: int) -> None:
    """Three tell everything twice, in an order of their own; two look, two ask, one takes up old answers."""
    crowd = Crowd(gateways, story, [story.items] * MEMBERS)
    chance = Random(seed)
    news = [(member, event) for member in crowd.members for event in story.items]
    piles = [chance.sample(pile, len(pile)) for pile in (news[::2], news[1::2], news)]
    told = threading.Event()
    others: list[Callable[[], object]] = [
        lambda: match_batch(story.gateway),
        lambda: match_batch(story.gateway),
        lambda: look_up_strangers(story.gateway),
        lambda: _ask(crowd),
        lambda: _ask(crowd),
    ]
    tellers = [lambda pile=pile: _tell(crowd, pile) for pile in piles]
    answers = [member for member in crowd.members for _ in member.answers]
    with ThreadPoolExecutor(len(tellers) + len(others) + 1) as threads:
        racing = [threads.submit(_until, told, other) for other in others]
        telling = [threads.submit(_closing, teller) for teller in tellers]
        telling.append(threads.submit(_closing, lambda: _answer(crowd, chance.sample(answers, len(answers)))))
        for future in telling:
            future.result()
        told.set()
        for future in racing:
            future.result()

    crowd.quiet()
    judge(crowd)


def _tell(crowd: Crowd, pile: Sequence[tuple[Member, str]]) -> None:
    client = Client()
    for member, event in pile:
        crowd.tell(member, event, client)


def _answer(crowd: Crowd, members: Sequence[Member]) -> None:
    for number, member in enumerate(members):
        _try(lambda: confirm._take_up(crowd.gateway, [member.answers[number % len(member.answers)]]))  # noqa: B023


def _ask(crowd: Crowd) -> None:
    due = Payment.objects.filter(pk__in=[member.payment.pk for member in crowd.members], next_check_at__isnull=False)
    due.update(next_check_at=a_while_ago())
    confirm_batch(crowd.gateway)


def _until(told: threading.Event, work: Callable[[], object]) -> None:
    def again() -> None:
        while not told.is_set():
            _try(work)

    _closing(again)


def _try(work: Callable[[], object]) -> None:
    with suppress(OperationalError):  # a lock that was not to be had: what was not done is due again
        work()


def _closing(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connection.close()


@pytest.mark.parametrize("story", [RAZORPAY, FAPSHI], ids=str)
def test_all_at_once_ends_the_same(gateways: Gateways, story: Story) -> None:
    race(gateways, story, SEED)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_all_at_once_ends_the_same_whatever_the_seed(gateways: Gateways) -> None:
    for seed, story in zip(range(SEED, SEED + SEEDS), cycle([*STORIES, RAZORPAY, CASHFREE, CAMPAY]), strict=False):
        race(gateways, story, seed)
