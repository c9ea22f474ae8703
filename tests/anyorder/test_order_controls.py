"""Controls: with a guard switched off the same orders end differently, and the tests of this folder see it."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from payments import told
from payments.states import ATTEMPT_MOVES, PAYMENT_MOVES
from tests.anyorder.crowd import Crowd, End
from tests.anyorder.digest import summary_of
from tests.anyorder.judge import judge, number_of_ends
from tests.anyorder.plans import ANSWER, Plan, every_order, repeated
from tests.anyorder.stories import CASHFREE_TWICE, FAPSHI_LATE, RAZORPAY_LATE, Story
from tests.anyorder.test_any_order import SEED
from tests.machine.gateways import Gateways
from tests.races.track import without

pytestmark = pytest.mark.timeout(600)


def lived(gateways: Gateways, story: Story, plans: Sequence[Plan]) -> Crowd:
    crowd = Crowd(gateways, story, plans)
    crowd.live()
    return crowd


def _summary(end: End) -> dict[str, Any]:
    return summary_of(end.digest)


def assert_seen(crowd: Crowd) -> None:
    with pytest.raises(AssertionError):
        judge(crowd)


@pytest.fixture
def last_word_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any state may follow any other: whoever comes last decides."""
    for moves in (PAYMENT_MOVES, ATTEMPT_MOVES):
        for state in list(moves):
            monkeypatch.setitem(moves, state, set(moves))


def test_where_the_last_word_wins_orders_end_differently(gateways: Gateways, last_word_wins: None) -> None:
    """An old "not paid" takes the paid try back when it is taken up last, and the money comes to the books again."""
    plans = every_order(("SUCCESSFUL", f"{ANSWER}0", f"{ANSWER}1"))

    crowd = lived(gateways, FAPSHI_LATE, plans)

    ends = crowd.ends()
    assert number_of_ends(ends) > 1
    fates = {(summary["payment"], *summary["tries"], summary["set_aside"]) for summary in map(_summary, ends)}
    assert len(fates) > 1, fates
    assert_seen(crowd)


def test_where_an_event_is_stored_as_often_as_it_comes_it_is_seen(gateways: Gateways) -> None:
    plans = [repeated(RAZORPAY_LATE.events, Random(SEED))] * 2
    restore = (
        "DELETE FROM payments_webhookevent one USING payments_webhookevent other "
        "WHERE one.gateway = other.gateway AND one.key = other.key AND one.id > other.id; "
        "ALTER TABLE payments_webhookevent ADD CONSTRAINT event_stored_once UNIQUE (gateway, key)"
    )
    with without("ALTER TABLE payments_webhookevent DROP CONSTRAINT event_stored_once", restore):
        crowd = lived(gateways, RAZORPAY_LATE, plans)

        with pytest.raises(AssertionError, match="after"):
            judge(crowd)


def test_where_a_refund_by_itself_is_booked_at_once_orders_end_differently(
    gateways: Gateways, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was paid twice stands as given back in our books, though the gateway holds it."""
    monkeypatch.setattr(told, "may_be_parked", lambda _: False)

    crowd = lived(gateways, CASHFREE_TWICE, every_order(CASHFREE_TWICE.events[1:]))

    refunds = {len(end.digest["refunds"]) for end in crowd.ends()}
    assert refunds == {0, 1}
    assert_seen(crowd)


def test_where_a_paid_payment_may_be_settled_again_it_is_seen(
    gateways: Gateways, monkeypatch: pytest.MonkeyPatch, last_word_wins: None
) -> None:
    """The second announcement of the same money comes to the books again, and only their unique reasons stop it."""
    crowd = lived(gateways, RAZORPAY_LATE, [RAZORPAY_LATE.events, ("order.paid", f"{ANSWER}1")])

    assert [len(end.digest["set_aside"]) for end in crowd.ends()] == [0, 1]
    assert_seen(crowd)
