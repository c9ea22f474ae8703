"""What a mail server says of an address, and what it says of us."""

import pytest

from notifications.deliver import deliver_batch
from notifications.models import Channel
from tests.factories import fresh, make_notification
from tests.notifications.peers import mailbox

pytestmark = pytest.mark.django_db


def test_an_address_that_the_mail_server_refuses_is_given_up_at_once() -> None:
    row = make_notification(channel=Channel.EMAIL, address="nobody@choptym.example")

    with mailbox(refuse="550 5.1.1 no such user"):
        deliver_batch()

    assert (fresh(row).state, fresh(row).problem) == ("GIVEN_UP", "the mail server refuses this address")


@pytest.mark.parametrize(
    "reply",
    [
        "451 4.7.1 come back later",
        "450 5.1.1 not now, says the number that counts",
        "554 5.7.1 your address is on a block list",
        "550 5.1.8 sender's system",
        "550 no",
    ],
)
def test_an_address_that_the_mail_server_refuses_because_of_us_is_tried_again(reply: str) -> None:
    row = make_notification(channel=Channel.EMAIL, address="eater@choptym.example")

    with mailbox(refuse=reply):
        deliver_batch()

    assert (fresh(row).state, fresh(row).problem) == ("WAITING", "the mail server refuses this address")
