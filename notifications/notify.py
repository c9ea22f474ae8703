"""Writing down what must be said, in the transaction of what it tells."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User

from choptym.lib import clock
from choptym.lib.jobs import ring_after_commit
from notifications.models import Channel, Language, Notification, Preference
from notifications.tasks import deliver_notifications


@dataclass(frozen=True, slots=True)
class Message:
    """Something a customer must be told. `about` and `kind` together are said once per channel."""

    user_id: int
    kind: str
    about: str
    phone: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)


def notify(messages: Sequence[Message]) -> None:
    """Write one row per message and channel that the customer wants. Runs in the caller's transaction.

    A customer whose wishes lead nowhere (no number known, say) is told by e-mail if we have an address.
    """
    if not messages:
        return
    user_ids = {message.user_id for message in messages}
    wishes = {wish.user_id: wish for wish in Preference.objects.filter(user_id__in=user_ids)}
    emails = dict(User.objects.filter(pk__in=user_ids).values_list("pk", "email"))
    now = clock.now()
    rows = []
    for message in messages:
        wish = wishes.get(message.user_id) or Preference(language=Language.FRENCH)
        for channel, address in _addresses(message, wish, emails.get(message.user_id, "")):
            rows.append(
                Notification(
                    user_id=message.user_id,
                    kind=message.kind,
                    about=message.about,
                    channel=channel,
                    language=wish.language,
                    address=address,
                    context=dict(message.context),
                    next_attempt_at=now,
                )
            )
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    ring_after_commit(deliver_notifications)


def _addresses(message: Message, wish: Preference, email: str) -> Iterable[tuple[Channel, str]]:
    chosen = []
    if wish.by_sms and message.phone:
        chosen.append((Channel.SMS, message.phone))
    if wish.by_email and email:
        chosen.append((Channel.EMAIL, email))
    if wish.push_token:
        chosen.append((Channel.PUSH, wish.push_token))
    if not chosen and email:
        chosen.append((Channel.EMAIL, email))
    return chosen
