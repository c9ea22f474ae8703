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
        context = json.dumps(dict(message.context))
        for channel, address in _addresses(message, wish, email):
            rows.append((message.user_id, message.kind, message.about, channel, wish.language, address, context))
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


def _insert(rows: Sequence[tuple[object, ...]]) -> None:
    """Those that are there already stay as they are: everything is said once."""
    with connection.cursor() as cursor:
        now = clock.now()
        cursor.execute(
            """
            INSERT INTO notifications_notification
                (user_id, kind, about, channel, language, address, context, state, next_attempt_at, attempts, problem,
                 created_at)
            SELECT user_id, kind, about, channel, language, address, context::jsonb, %s, %s, 0, '', %s
            FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
                 AS said(user_id, kind, about, channel, language, address, context)
            ON CONFLICT DO NOTHING
            """,
            [NotificationState.WAITING, now, now, *map(list, zip(*rows, strict=True))],
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
