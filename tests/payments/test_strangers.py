"""Webhook events that name nothing of ours: set aside at once, and looked up a few at a time."""

import pytest

from payments.match import match_batch
from payments.models import WebhookEvent
from payments.strangers import STRANGER_BATCH, look_up_strangers
from tests.factories import a_while_ago, fresh, make_event, make_pending
from tests.payments.gateways.sandbox import Sandbox

pytestmark = pytest.mark.django_db

FLOOD = 60


@pytest.mark.invariant("INV-9")
def test_a_flood_of_strangers_keeps_no_payment_waiting(sandbox: Sandbox) -> None:
    """What is known is taken up without a single call for the others."""
    before = _calls(sandbox)
    strangers = [make_event(transaction_id=f"Str{number:05d}") for number in range(FLOOD)]
    payment, attempt = make_pending(next_check_at=None)
    known = make_event(transaction_id=attempt.transaction_id)

    assert match_batch("fapshi") == FLOOD + 1

    assert (fresh(known).state, fresh(payment).next_check_at is not None) == ("MATCHED", True)
    assert {(fresh(event).state, fresh(event).looks) for event in strangers} == {("PARKED", 1)}
    assert _calls(sandbox) == before


def _calls(sandbox: Sandbox) -> int:
    return int(sandbox.ask("GET", "/control/fapshi/books?limit=0")["calls"])


def test_strangers_are_looked_up_a_few_at_a_time(sandbox: Sandbox) -> None:
    for number in range(STRANGER_BATCH + 3):
        make_event(transaction_id=f"Str{number:05d}")
    match_batch("fapshi")
    WebhookEvent.objects.update(next_look_at=a_while_ago())

    assert [look_up_strangers("fapshi") for _ in range(3)] == [STRANGER_BATCH, 3, 0]
