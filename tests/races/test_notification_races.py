"""Races between those who deliver, and what is written down while others are still being sent."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest
from django.db import DatabaseError, connection
from django.test import override_settings

from notifications import deliver
from notifications.deliver import deliver_batch
from notifications.models import Notification
from tests.factories import fresh, make_notification
from tests.lib.peers import OK, Peer, serve
from tests.notifications.peers import texts_to
from tests.payments.gateways.sandbox import wait_for
from tests.races.track import at_once, meeting, slowed

REFUSER = """
CREATE FUNCTION refuse_sent() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE TRIGGER refuse_sent BEFORE UPDATE ON notifications_notification
FOR EACH ROW WHEN (NEW.state = 'SENT') EXECUTE FUNCTION refuse_sent()
"""


def only(*rows: Notification) -> None:
    """Nothing that another test left is sent."""
    others = Notification.objects.filter(state="WAITING").exclude(pk__in=[row.pk for row in rows])
    others.update(state="GIVEN_UP")


def deliver_at_once() -> tuple[list[Notification], int]:
    """Four senders, five messages. How many messages went out."""
    rows = [make_notification() for _ in range(5)]
    only(*rows)
    with texts_to((200, {})) as sink, slowed("notifications_notification", "UPDATE", seconds=0.05):
        at_once(*(partial(deliver_batch) for _ in range(4)))
    return [fresh(row) for row in rows], len(sink.asked)


@contextmanager
def texts_answered(pause: Callable[[bytes], object]) -> Iterator[Peer]:
    """SMS go to a provider that answers each when `pause` is over."""

    def handle(peer: Peer, sender: socket.socket, _number: int) -> None:
        while request := peer.read(sender):
            pause(request)
            sender.sendall(OK)

    with serve(handle) as peer, override_settings(SMS_URL=f"json://{peer.url.removeprefix('http://')}/{{to}}"):
        yield peer


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


@pytest.mark.invariant("INV-2")
def test_what_was_sent_is_written_down_while_a_slow_one_is_still_being_sent() -> None:
    """Otherwise its lease would pass meanwhile, and somebody else would send it again."""
    quick, slow = make_notification(address="677000001"), make_notification(address="677000002")
    only(quick, slow)
    may_answer = threading.Event()

    def pause(request: bytes) -> object:
        return b"/237677000002" in request and may_answer.wait(20)

    with texts_answered(pause), ThreadPoolExecutor(1) as drains:
        drain = drains.submit(_run, deliver_batch)
        try:
            seen = wait_for(lambda: fresh(quick), lambda row: row.state == "SENT", seconds=10)
            assert (seen.state, fresh(slow).state) == ("SENT", "WAITING")
        finally:
            may_answer.set()
        assert drain.result(20) == 2

    assert fresh(slow).state == "SENT"


@pytest.mark.invariant("INV-2")
def test_what_cannot_be_written_down_is_not_sent_either() -> None:
    rows = [make_notification() for _ in range(60)]
    only(*rows)

    with texts_answered(lambda _: threading.Event().wait(0.1)) as peer, refusing_to_write():
        with pytest.raises(DatabaseError, match="not now"):
            deliver_batch()
        deliver._threads().submit(int).result(20)  # comes after all that was not called off

    assert 0 < len(peer.requests) < 60


@contextmanager
def refusing_to_write() -> Iterator[None]:
    """The database takes no word of a message that was sent."""
    with connection.cursor() as cursor:
        cursor.execute(REFUSER)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER refuse_sent ON notifications_notification; DROP FUNCTION refuse_sent()")


def _run(act: Callable[[], int]) -> int:
    """In a thread of its own."""
    try:
        return act()
    finally:
        connection.close()
