"""The short form: every order of four events, and samples of the others. The long one is in test_every_order.py."""

import os
from collections.abc import Sequence
from random import Random

import pytest

from tests.anyorder.crowd import Crowd
from tests.anyorder.judge import judge
from tests.anyorder.plans import Plan, any_orders, at_once, every_order, every_part, polled_everywhere, repeated
from tests.anyorder.stories import CASHFREE_TWICE, FAPSHI, RAZORPAY, STORIES, Story
from tests.machine.gateways import Gateways

pytestmark = [pytest.mark.timeout(600), pytest.mark.invariant("INV-2"), pytest.mark.invariant("INV-4")]

SEED = int(os.environ.get("SEED", "1"))
SAMPLES = 12


def live(gateways: Gateways, story: Story, plans: Sequence[Plan]) -> None:
    crowd = Crowd(gateways, story, plans)
    crowd.live()
    judge(crowd)


@pytest.mark.parametrize(
    ("story", "left_out"),
    [(RAZORPAY, {"payment.authorized", "refund.created"}), (FAPSHI, {"EXPIRED", "our transaction, CREATED"})],
    ids=["razorpay", "fapshi"],
)
def test_every_order_of_every_part_of_four_events_ends_the_same(
    gateways: Gateways, story: Story, left_out: set[str]
) -> None:
    """Told alone: each by itself, and some twice; or with a question after each; or all at once."""
    four = [event for event in story.items if event not in left_out]
    chance = Random(SEED)
    orders = every_order(four)
    plans = every_part(four)
    plans += [repeated(order, chance) for order in orders]
    plans += [polled_everywhere(order) for order in orders[:: 1 if story is FAPSHI else 3]]
    plans += [at_once(order) for order in orders[::6]]

    live(gateways, story, plans)


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_any_orders_of_six_events_with_questions_and_old_answers_in_between_end_the_same(
    gateways: Gateways, story: Story
) -> None:
    plans = [story.items, story.items[::-1], (), *any_orders(story.items, story.answers, SAMPLES, Random(SEED))]

    live(gateways, story, plans)


def test_of_two_payments_of_which_one_goes_back_every_order_leaves_us_one(gateways: Gateways) -> None:
    """Told of either first, that is the one in our books; the gateway's books show under its order the same money."""
    crowd = Crowd(gateways, CASHFREE_TWICE, every_order(CASHFREE_TWICE.events))
    crowd.live()

    which = {end.digest["attempts"][0]["gateway_payment_id"] for end in crowd.ends()}
    assert which == {"<money of PAYMENT_SUCCESS_WEBHOOK>", "<money of PAYMENT_SUCCESS_WEBHOOK#2>"}
    judge(crowd, but=[("attempts", "gateway_payment_id")])
