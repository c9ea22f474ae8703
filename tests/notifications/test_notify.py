"""Writing down what must be said: by the customer's own channels, in their language, once."""

import pytest

from notifications.models import Notification, Preference
from notifications.notify import Message, notify
from tests.constraints import refused_by
from tests.factories import make_notification, make_user

pytestmark = pytest.mark.django_db

PHONE = "677000001"


def said(user_id: int) -> list[tuple[str, str, str]]:
    rows = Notification.objects.filter(user_id=user_id).order_by("channel")
    return list(rows.values_list("channel", "address", "language"))


def message(user_id: int, *, kind: str = "payment_settled", phone: str = PHONE) -> Message:
    return Message(user_id=user_id, kind=kind, about=f"payment:{user_id}", phone=phone, context={"amount_en": "1 FCFA"})


def test_without_a_wish_by_text_in_french() -> None:
    user = make_user()

    notify([message(user.pk)])

    assert said(user.pk) == [("sms", PHONE, "fr")]
    assert Notification.objects.get(user=user).context == {"amount_en": "1 FCFA"}


@pytest.mark.parametrize(
    ("wish", "phone", "email", "channels"),
    [
        ({"by_email": True}, PHONE, "a@b.cm", ["email", "sms"]),
        ({"by_sms": False, "by_email": True}, PHONE, "a@b.cm", ["email"]),
        ({"by_sms": False, "push_token": "t"}, PHONE, "a@b.cm", ["push"]),
        ({"by_email": True, "push_token": "t"}, PHONE, "a@b.cm", ["email", "push", "sms"]),
        ({}, "", "a@b.cm", ["email"]),
        ({"by_sms": False}, PHONE, "a@b.cm", ["email"]),
        ({"by_email": True}, PHONE, "", ["sms"]),
        ({}, "", "", []),
    ],
)
def test_by_the_channels_that_the_customer_wants(
    wish: dict[str, object], phone: str, email: str, channels: list[str]
) -> None:
    user = make_user(email=email)
    Preference.objects.create(user=user, language="en", **wish)

    notify([message(user.pk, phone=phone)])

    assert [channel for channel, _, _ in said(user.pk)] == channels
    assert {language for _, _, language in said(user.pk)} <= {"en"}


def test_each_customer_of_a_batch_by_their_own_wish() -> None:
    french, english = make_user(), make_user()
    Preference.objects.create(user=english, language="en")

    notify([message(french.pk), message(english.pk, phone="699000001")])

    assert said(french.pk) == [("sms", PHONE, "fr")]
    assert said(english.pk) == [("sms", "699000001", "en")]


@pytest.mark.invariant("INV-2")
def test_a_thing_is_said_once() -> None:
    user = make_user()

    notify([message(user.pk)])
    notify([message(user.pk), message(user.pk, kind="payment_failed")])

    assert Notification.objects.filter(user=user).count() == 2


def test_nothing_to_say_is_no_error() -> None:
    notify([])


def test_the_table_refuses_what_was_said_and_states_that_it_does_not_know() -> None:
    row = make_notification()

    with refused_by("notification_said_once"):
        make_notification(about=row.about)
    with refused_by("notification_state_known"):
        Notification.objects.filter(pk=row.pk).update(state="LOST")


def test_a_customer_has_one_preference() -> None:
    wish = Preference.objects.create(user=make_user())

    with refused_by("notifications_preference_user_id_key"):
        Preference.objects.create(user=wish.user)
