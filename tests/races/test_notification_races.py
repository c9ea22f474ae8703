"""Races between those who deliver."""

from functools import partial

import pytest

from notifications import deliver
from notifications.deliver import deliver_batch
from notifications.models import Notification
from tests.factories import fresh, make_notification
from tests.notifications.peers import texts_to
from tests.races.track import at_once, meeting, slowed


def deliver_at_once() -> tuple[list[Notification], int]:
    """Four senders, five messages. How many messages went out."""
    Notification.objects.filter(state="WAITING").update(state="GIVEN_UP")
    rows = [make_notification() for _ in range(5)]
    with texts_to((200, {})) as sink, slowed("notifications_notification", "UPDATE", seconds=0.05):
        at_once(*(partial(deliver_batch) for _ in range(4)))
    return [fresh(row) for row in rows], len(sink.asked)


@pytest.mark.invariant("INV-2")
def test_a_message_that_several_could_send_is_sent_once() -> None:
    rows, sent = deliver_at_once()

    assert sent == 5
    assert [(row.state, row.attempts) for row in rows] == [("SENT", 1)] * 5


def test_control_with_a_claim_that_reads_first_it_is_sent_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = meeting(4)

    def claim(limit: int) -> list[Notification]:
        rows = list(Notification.objects.filter(state="WAITING")[:limit])
        meet()
        Notification.objects.filter(pk__in=[row.pk for row in rows]).update(attempts=1)
        return rows

    monkeypatch.setattr(deliver, "claim_notifications", claim)

    _, sent = deliver_at_once()

    assert sent == 20
