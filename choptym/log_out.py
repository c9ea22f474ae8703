"""Staff log somebody out everywhere: a phone was lost, or a token came into wrong hands."""

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from rest_framework.authtoken.models import Token

from choptym.audit.record import record_act


def log_out_everywhere(user_id: int, *, actor_id: int, reason: str) -> None:
    """End this person's token at the API and their sessions at the admin. Whoever knows the password may come back.

    Commits: all that, and the line in the audit log, together.
    Raises:  Rejected (no_reason).
    """
    with transaction.atomic(durable=True):
        tokens, _ = Token.objects.filter(user_id=user_id).delete()
        sessions, _ = Session.objects.filter(pk__in=_sessions_of(user_id)).delete()
        details = {"tokens": tokens, "sessions": sessions}
        about = f"person:{user_id}"
        record_act(actor_id=actor_id, verb="log_out_everywhere", about=about, reason=reason, details=details)


def _sessions_of(user_id: int) -> list[str]:
    """Only staff have any, so there are few to look into."""
    return [
        session.pk for session in Session.objects.iterator() if session.get_decoded().get(SESSION_KEY) == str(user_id)
    ]
