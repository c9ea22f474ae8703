"""Writing down what must be said, in the transaction of what it tells."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from choptym.lib import clock
from choptym.lib.jobs import ring_after_commit
from choptym.lib.plain_rows import PlainRows
from notifications.models import Channel, Language, NotificationState, Preference
from notifications.tasks import deliver_notifications

_WISHES = PlainRows(Preference)
_PEOPLE = f"""
    SELECT auth_user.id, email, {_WISHES.columns}
    FROM auth_user LEFT JOIN notifications_preference ON user_id = auth_user.id WHERE auth_user.id = ANY(%s)
"""  # noqa: S608


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
    people = _people({message.user_id for message in messages})
    rows = []
    for message in messages:
        wish, email = people[message.user_id]
        for channel, address in _addresses(message, wish, email):
            rows.append(
                {
                    "user_id": message.user_id,
                    "kind": message.kind,
                    "about": message.about,
                    "channel": channel,
                    "language": wish.language,
                    "address": address,
                    "context": dict(message.context),
                }
            )
    if rows:
        _insert(rows)
    ring_after_commit(deliver_notifications)


def _people(user_ids: Collection[int]) -> dict[int, tuple[Preference, str]]:
    """How each of them wants to be told, and their e-mail address."""
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [list(user_ids)])
        return {
            user_id: (_WISHES.row(wish) if wish[0] is not None else Preference(language=Language.FRENCH), email)
            for user_id, email, *wish in cursor.fetchall()
        }


def _insert(rows: Sequence[Mapping[str, object]]) -> None:
    """Those that are there already stay as they are: everything is said once."""
    with connection.cursor() as cursor:
        now = clock.now()
        cursor.execute(
            """
            INSERT INTO notifications_notification
                (user_id, kind, about, channel, language, address, context, state, next_attempt_at, attempts, problem,
                 created_at)
            SELECT user_id, kind, about, channel, language, address, context, %s, %s, 0, '', %s
            FROM json_to_recordset(%s::json) AS said(
                user_id bigint, kind text, about text, channel text, language text, address text, context jsonb)
            ON CONFLICT DO NOTHING
            """,
            [NotificationState.WAITING, now, now, json.dumps(rows)],
        )


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
