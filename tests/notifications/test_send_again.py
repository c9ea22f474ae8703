"""Staff have messages sent again that were given up: those who may, with a reason that is kept."""

from datetime import timedelta

import pytest
from django.utils import timezone

from choptym.audit.models import Act
from choptym.lib.errors import NotAllowed, Rejected
from notifications.deliver import GIVEN_UP_AFTER, LEAST_TRIES, deliver_batch
from notifications.models import Notification
from notifications.send_again import send_again
from tests.factories import a_while_ago, fresh, make_notification
from tests.notifications.peers import texts_to
from tests.payments.staff import acts_about, make_staff, page_of, signed_in

pytestmark = pytest.mark.django_db

PAGE = "/admin/notifications/notification/send_again/"
LIST = "/admin/notifications/notification/"


@pytest.fixture
def row() -> Notification:
    """Given up two days ago."""
    written = timezone.now() - 2 * GIVEN_UP_AFTER
    return make_notification(state="GIVEN_UP", attempts=33, problem="away", created_at=written)


def again(row: Notification, reason: str = "the provider is back") -> None:
    """And its time has come: within a test it is always the time at which that began."""
    send_again(row.pk, actor_id=make_staff().pk, reason=reason)
    Notification.objects.filter(pk=row.pk).update(next_attempt_at=a_while_ago())


def test_it_is_sent(row: Notification) -> None:
    again(row)

    with texts_to((200, {})) as sink:
        deliver_batch()

    assert (fresh(row).state, fresh(row).attempts, len(sink.asked)) == ("SENT", 1, 1)
    assert Act.objects.get().details["was"] == "away"


def test_it_has_a_day_more_however_old_it_is(row: Notification) -> None:
    again(row)

    with texts_to((503, {})):
        deliver_batch()
        assert fresh(row).state == "WAITING"
        over = timezone.now() - GIVEN_UP_AFTER - timedelta(minutes=1)
        Notification.objects.filter(pk=row.pk).update(asked_again_at=over, next_attempt_at=over, attempts=LEAST_TRIES)
        deliver_batch()

    assert fresh(row).state == "GIVEN_UP"


@pytest.mark.parametrize("state", ["WAITING", "SENT"])
def test_one_that_was_not_given_up_is_left_alone(row: Notification, state: str) -> None:
    Notification.objects.filter(pk=row.pk).update(state=state)

    with pytest.raises(NotAllowed) as refused:
        again(row)

    assert refused.value.code == "not_given_up"
    assert (fresh(row).state, fresh(row).attempts) == (state, 33)
    assert not Act.objects.exists()


def test_without_a_reason_nothing_happens(row: Notification) -> None:
    with pytest.raises(Rejected):
        again(row, reason=" ")

    assert (fresh(row).state, fresh(row).problem) == ("GIVEN_UP", "away")


@pytest.mark.parametrize("role", ["support", "operators"])
def test_the_button_asks_and_sends(row: Notification, role: str) -> None:
    member = make_staff(role)
    staff = signed_in(member)

    assert "Send again" in staff.get(page_of(row)).content.decode()
    asked = staff.get(page_of(row).replace("/change/", "/send_again/"))
    assert asked.headers["Location"] == f"{PAGE}?ids={row.pk}"
    assert "away" in staff.get(asked.headers["Location"]).content.decode()
    assert staff.post(asked.headers["Location"], {"reason": ""}).status_code == 200
    assert fresh(row).state == "GIVEN_UP"
    done = staff.post(asked.headers["Location"], {"reason": "the provider is back"})

    assert done.headers["Location"] == page_of(row)
    assert fresh(row).state == "WAITING"
    assert acts_about(row.about) == [(member.username, "send_message_again", "the provider is back")]
    assert "Send again" not in staff.get(page_of(row)).content.decode()


def test_many_are_chosen_in_the_list(row: Notification) -> None:
    other, sent = make_notification(state="GIVEN_UP"), make_notification(state="SENT")
    staff = signed_in(make_staff("operators"))
    chosen = {"action": "send_selected_again", "_selected_action": [str(one.pk) for one in (row, other, sent)]}

    asked = staff.post(LIST, chosen).headers["Location"]
    done = staff.post(asked, {"reason": "the provider is back"}, follow=True)

    assert [fresh(one).state for one in (row, other, sent)] == ["WAITING", "WAITING", "SENT"]
    assert "it was not given up" in done.content.decode()
    assert Act.objects.filter(verb="send_message_again").count() == 2


def test_finance_sees_messages_and_sends_none(row: Notification) -> None:
    staff = signed_in(make_staff("finance"))

    assert "Send again" not in staff.get(page_of(row)).content.decode()
    assert staff.post(f"{PAGE}?ids={row.pk}", {"reason": "why not"}).status_code == 403
    assert fresh(row).state == "GIVEN_UP"
