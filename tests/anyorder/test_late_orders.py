"""Money that comes for a payment that failed, expired or was cancelled, in any order with our own ends of it (INV-6).

The order is taken up again when its food is still there: whatever came first, it is paid in the end. Three things may
hang on the order, for they tell what happened and not what is:

- what the customer was told: who was told that it failed, or expired, is told later that it went through after all
- that the order had been cancelled (`cancelled_at`), and why the try was not paid at first (`problem`)

Where somebody else has bought the food meanwhile, the money is in the wallet. That hangs on the order of things too,
and must: what is sold is sold.
"""

from collections.abc import Sequence
from random import Random

import pytest

from tests.anyorder.crowd import Crowd, End
from tests.anyorder.digest import Digest, summary_of
from tests.anyorder.judge import assert_kept, assert_same
from tests.anyorder.plans import ANSWER, CANCEL, EXPIRE, POLL, RIVAL, Plan, every_order, told_in
from tests.anyorder.stories import CAMPAY_LATE, CASHFREE_LATE, FAPSHI_LATE, LATE_STORIES, RAZORPAY_LATE, Story
from tests.anyorder.test_any_order import SEED
from tests.machine.gateways import Gateways

pytestmark = [pytest.mark.timeout(600), pytest.mark.invariant("INV-2"), pytest.mark.invariant("INV-6")]

ITEMS = {
    FAPSHI_LATE.name: ("FAILED", "SUCCESSFUL", f"{ANSWER}0", f"{ANSWER}1", EXPIRE, CANCEL),
    CAMPAY_LATE.name: ("FAILED", "SUCCESSFUL", f"{ANSWER}0", f"{ANSWER}1", EXPIRE, CANCEL),
    RAZORPAY_LATE.name: ("payment.failed", "payment.captured", f"{ANSWER}0", POLL, EXPIRE, CANCEL),
    CASHFREE_LATE.name: ("PAYMENT_FAILED_WEBHOOK", "PAYMENT_SUCCESS_WEBHOOK", f"{ANSWER}0", POLL, EXPIRE, CANCEL),
}
BEFORE = {"payment_failed", "payment_expired"}


def live_late(gateways: Gateways, story: Story, plans: Sequence[Plan]) -> None:
    crowd = Crowd(gateways, story, plans)
    crowd.live()

    ends = crowd.ends()
    first: Digest | None = None
    for end in ends:
        _assert_told(end)
        assert_kept(story, end)
        end.digest.update(told=[])
        for attempt in end.digest["attempts"]:
            attempt["problem"] = ""
        for order in end.digest["orders"]:
            order["cancelled_at"] = None
        first = first or end.digest
        assert_same(first, end)
        assert summary_of(end.digest) == {**story.ends, "told": []}
    assert crowd.new_breaks() == []


def _assert_told(end: End) -> None:
    """One end before at most; and that it is paid, in words that fit what was before."""
    told = {message["kind"] for message in end.digest["told"]}
    was_cancelled = end.digest["orders"][0]["cancelled_at"]
    assert len(told & BEFORE) <= 1
    assert told - BEFORE == {"payment_settled_late" if was_cancelled else "payment_settled"}
    assert was_cancelled or not told & BEFORE


@pytest.mark.parametrize("story", LATE_STORIES, ids=str)
def test_money_that_comes_late_takes_the_order_up_again_in_any_order(gateways: Gateways, story: Story) -> None:
    live_late(gateways, story, Random(SEED).sample(every_order(ITEMS[story.name]), 24))


@pytest.mark.long
@pytest.mark.parametrize("story", LATE_STORIES, ids=str)
def test_money_that_comes_late_takes_the_order_up_again_in_every_order(gateways: Gateways, story: Story) -> None:
    live_late(gateways, story, every_order(ITEMS[story.name]))


def test_when_the_food_was_sold_meanwhile_the_money_is_in_the_wallet(gateways: Gateways) -> None:
    """Exactly then: it was given up, and somebody bought all of it, before we heard of the money."""
    items = ("payment.captured", "order.paid", EXPIRE, RIVAL)
    crowd = Crowd(gateways, RAZORPAY_LATE, every_order(items))
    crowd.live()

    ends: dict[bool, str] = {}
    for end in crowd.ends():
        plan = end.member.plan
        heard_at = min(plan.index(event) for event in told_in(plan))
        is_sold = plan.index(EXPIRE) < plan.index(RIVAL) < heard_at
        seen = summary_of(end.digest)
        landed = (seen["order"], seen["balance"], "payment:sale" in seen["entries"])
        assert landed == (("CANCELLED", 149_900, False) if is_sold else ("PAID", 0, True)), plan
        assert seen["payment"] == "SETTLED"
        ends[is_sold] = seen["order"]
    assert ends == {True: "CANCELLED", False: "PAID"}
    assert crowd.new_breaks() == []
