"""Delivering what waits: over real sockets, at least once, with patience and an end to it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from choptym.lib.deadline import moment
from notifications import deliver
from notifications.channels import DeliveryFailed
from notifications.deliver import GIVEN_UP_AFTER, deliver_batch, write_letter
from notifications.locks import claim_notifications
from notifications.models import Channel, Language, Notification
from tests.factories import a_while_ago, fresh, make_notification
from tests.lib.peers import free_port
from tests.notifications.peers import mailbox, texts_to

pytestmark = pytest.mark.django_db

TEMPLATES = Path(deliver.__file__).parent / "templates" / "notifications"
KINDS = sorted({path.name.split(".")[0] for path in TEMPLATES.iterdir()})


def due(row: Notification) -> None:
    Notification.objects.filter(pk=row.pk).update(next_attempt_at=a_while_ago())


def wait_of(row: Notification) -> float:
    return (fresh(row).next_attempt_at - timezone.now()).total_seconds()


def test_a_text_goes_to_the_number_with_its_country() -> None:
    row = make_notification(address="677000001")

    with texts_to((200, {})) as sink:
        assert deliver_batch() == 1

    [(_, path, _, body)] = sink.asked
    assert path == "/sms/237677000001"
    assert "We received 2,500 FCFA for order CT-000042 (Chez Ngono)" in json.loads(body)["message"]
    sent = fresh(row)
    assert (sent.state, sent.attempts, sent.problem) == ("SENT", 1, "")
    assert sent.sent_at is not None
    assert deliver_batch() == 0


def test_a_text_to_an_indian_number_goes_to_india() -> None:
    make_notification(address="9876500001")

    with texts_to((200, {})) as sink:
        assert deliver_batch() == 1

    assert [path for _, path, _, _ in sink.asked] == ["/sms/919876500001"]


def test_a_text_to_what_is_no_number_is_given_up_at_once() -> None:
    row = make_notification(address="12345")

    with texts_to((200, {})) as sink:
        deliver_batch()

    assert sink.asked == []
    assert (fresh(row).state, fresh(row).problem) == ("GIVEN_UP", "not a mobile number of a country that we know")


def test_a_push_goes_to_the_device() -> None:
    row = make_notification(channel=Channel.PUSH, address="token/with?odd#signs")

    with texts_to((200, {})) as sink:
        deliver_batch()

    assert sink.asked[0][1].startswith("/push/token")
    assert fresh(row).state == "SENT"


def test_a_mail_has_a_subject_and_a_text() -> None:
    row = make_notification(channel=Channel.EMAIL, address="eater@choptym.example")

    with mailbox() as box:
        deliver_batch()

    assert fresh(row).state == "SENT"
    [mail] = box.mails
    assert "Subject: Order CT-000042 is paid" in mail
    assert "To: eater@choptym.example" in mail
    assert "It is being prepared." in mail


# After a review what counts is what arrived.
DECIDED = {"payment_accepted", "payment_credited", "payment_returned"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", Language.values)
def test_every_kind_has_words_in_every_language(kind: str, language: str) -> None:
    names = {"order": "CT-000042", "shop": "Chez <Ngono> & fils", "why_en": "a", "why_fr": "b"}
    asked = {"amount_en": "2,500 FCFA", "amount_fr": "2 500 FCFA"}
    came = {"credited_en": "2,500 FCFA", "credited_fr": "2 500 FCFA"} if kind in DECIDED else {}

    letter = write_letter(make_notification(kind=kind, language=language, context=names | asked | came))

    assert letter.subject
    assert {"en": "2,500 FCFA", "fr": "2 500 FCFA"}[language] in letter.text
    assert "&amp;" not in letter.subject + letter.text
    assert "{" not in letter.subject + letter.text


def test_says_it_in_the_customers_language() -> None:
    row = make_notification(language=Language.FRENCH)

    assert write_letter(row).subject == "Commande CT-000042 payée"


@pytest.mark.invariant("INV-6")
def test_a_provider_that_does_not_take_it_is_tried_again_ever_later() -> None:
    row = make_notification()
    waits = []

    with texts_to((503, {})):
        for _ in range(5):
            due(row)
            deliver_batch()
            waits.append(round(wait_of(row)))

    assert waits == [5, 10, 20, 40, 80]
    assert (fresh(row).state, fresh(row).problem) == ("WAITING", "the provider did not take it")


def test_the_wait_is_never_longer_than_an_hour() -> None:
    row = make_notification(attempts=2000)

    with texts_to((503, {})):
        deliver_batch()

    assert wait_of(row) == pytest.approx(3600, abs=30)


def test_within_a_day_it_is_tried_again_however_often_that_was() -> None:
    row = make_notification(attempts=2000, created_at=timezone.now() - GIVEN_UP_AFTER + timedelta(minutes=1))

    with texts_to((503, {})):
        deliver_batch()

    assert (fresh(row).state, fresh(row).attempts) == ("WAITING", 2001)


@pytest.mark.parametrize("tried", [0, 8])
def test_a_message_that_nobody_was_there_to_send_for_days_is_tried_often_enough(tried: int) -> None:
    row = make_notification(attempts=tried, created_at=timezone.now() - 3 * GIVEN_UP_AFTER)

    with texts_to((503, {})):
        deliver_batch()

    assert (fresh(row).state, fresh(row).attempts) == ("WAITING", tried + 1)


def test_after_a_day_it_is_given_up_where_staff_see_it() -> None:
    row = make_notification(attempts=9, created_at=timezone.now() - GIVEN_UP_AFTER - timedelta(minutes=1))

    with texts_to((503, {})):
        deliver_batch()

    assert (fresh(row).state, fresh(row).attempts) == ("GIVEN_UP", 10)
    assert fresh(row).problem == "the provider did not take it"


def test_a_provider_that_is_not_there_is_tried_again() -> None:
    row = make_notification()

    with override_settings(SMS_URL=f"json://127.0.0.1:{free_port()}/{{to}}"):
        deliver_batch()

    assert fresh(row).state == "WAITING"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "this channel is switched off"),
        ("nonsense://{to}", "the address of this channel is not one that Apprise knows"),
    ],
)
def test_a_channel_that_our_settings_forget_waits_until_they_know_it_again(url: str, problem: str) -> None:
    row = make_notification()

    with override_settings(SMS_URL=url):
        deliver_batch()

    assert (fresh(row).state, fresh(row).problem) == ("WAITING", problem)
    due(row)
    with texts_to((200, {})):
        deliver_batch()
    assert fresh(row).state == "SENT"


def test_a_mail_server_that_is_away_is_tried_again() -> None:
    row = make_notification(channel=Channel.EMAIL, address="eater@choptym.example")

    backend = "django.core.mail.backends.smtp.EmailBackend"
    with override_settings(EMAIL_HOST="127.0.0.1", EMAIL_PORT=free_port(), EMAIL_BACKEND=backend):
        deliver_batch()

    assert (fresh(row).state, fresh(row).attempts) == ("WAITING", 1)
    assert "ConnectionRefusedError" in fresh(row).problem


def test_one_that_cannot_be_written_does_not_hold_up_the_others() -> None:
    bad, good = make_notification(kind="unheard_of"), make_notification()

    with texts_to((200, {})):
        assert deliver_batch() == 2

    assert (fresh(bad).state, fresh(bad).problem) == ("WAITING", "TemplateDoesNotExist")
    assert fresh(good).state == "SENT"


def test_what_is_not_due_or_done_is_left_alone() -> None:
    make_notification(next_attempt_at=timezone.now() + timedelta(seconds=30))
    make_notification(state="SENT")
    make_notification(state="GIVEN_UP")

    assert deliver_batch() == 0


@override_settings(NOTIFICATION_BATCH_SIZE=2)
def test_a_batch_holds_so_many_and_takes_the_oldest_first() -> None:
    rows = [make_notification(next_attempt_at=a_while_ago(60 - number)) for number in range(3)]

    with texts_to((200, {})):
        assert deliver_batch() == 2

    assert [fresh(row).state for row in rows] == ["SENT", "SENT", "WAITING"]


@pytest.mark.invariant("INV-1")
def test_the_message_of_a_sender_that_died_comes_up_again_after_its_lease() -> None:
    row = make_notification()
    [claimed] = claim_notifications(10)

    assert claimed.pk == row.pk
    assert claim_notifications(10) == []
    assert 40 < wait_of(row) <= settings.NOTIFICATION_LEASE_SECONDS
    due(row)
    assert [again.pk for again in claim_notifications(10)] == [row.pk]


@override_settings(NOTIFICATION_LEASE_SECONDS=-1)
def test_a_message_whose_turn_comes_after_its_lease_was_not_tried_and_is_due_as_before() -> None:
    row = make_notification()

    with texts_to((200, {})) as sink:
        assert deliver_batch() == 1

    assert sink.asked == []
    assert (fresh(row).state, fresh(row).problem, fresh(row).attempts) == ("WAITING", "", 0)
    assert wait_of(row) <= 0


@pytest.mark.parametrize(("share", "is_sent"), [(0.6, True), (0.7, False)])
def test_no_call_begins_that_its_lease_might_not_outlive(share: float, is_sent: bool) -> None:
    began = moment() - share * settings.NOTIFICATION_LEASE_SECONDS

    with texts_to((200, {})) as sink:
        problem = deliver._send(began, make_notification())

    assert (problem is None, len(sink.asked)) == (is_sent, int(is_sent))


@pytest.mark.parametrize("is_final", [False, True])
def test_a_failure_is_not_written_over_the_lease_of_somebody_else(is_final: bool) -> None:
    row = make_notification()
    [ours] = claim_notifications(10)
    due(row)
    [theirs] = claim_notifications(10)
    Notification.objects.filter(pk=row.pk).update(next_attempt_at=theirs.next_attempt_at + timedelta(seconds=1))

    deliver._record_failure(ours, DeliveryFailed("no answer", is_final=is_final))

    assert (fresh(row).state, fresh(row).problem) == ("WAITING", "")
    assert fresh(row).next_attempt_at == theirs.next_attempt_at + timedelta(seconds=1)
