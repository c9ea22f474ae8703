"""Writing down what was sent: together, and soon."""

import socket
import time

import pytest
from django.test import override_settings
from pytest_django import DjangoAssertNumQueries

from notifications.deliver import RECORD_SECONDS, deliver_batch
from tests.factories import fresh, make_notification
from tests.lib.peers import OK, Peer, serve
from tests.notifications.peers import texts_to

pytestmark = pytest.mark.django_db


def test_what_is_sent_together_is_recorded_together(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    rows = [make_notification(address=f"67700000{number}") for number in range(6)]

    with texts_to((200, {})), django_assert_max_num_queries(4):  # the claim, and on a busy machine two records or three
        assert deliver_batch() == 6

    assert {fresh(row).state for row in rows} == {"SENT"}


def test_what_was_sent_is_recorded_while_others_still_are(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    rows = [make_notification(address=f"67700000{number}") for number in (1, 2, 3)]

    def answer(peer: Peer, connection: socket.socket, _number: int) -> None:
        while request := peer.read(connection):
            if b"237677000002" in request:
                time.sleep(6 * RECORD_SECONDS)
            connection.sendall(OK)

    with (
        serve(answer) as peer,
        override_settings(SMS_URL=f"json{peer.url.removeprefix('http')}/{{to}}"),
        django_assert_num_queries(3),  # the claim, the record of the quick ones, that of the slow one
    ):
        deliver_batch()

    assert {fresh(row).state for row in rows} == {"SENT"}
