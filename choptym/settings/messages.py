"""How customers are told: e-mail through Django, SMS and push through Apprise addresses."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from choptym.settings import env


def email(address: str) -> dict[str, Any]:
    """Django's e-mail settings from smtp://user:password@host:port?tls=1."""
    parts = urlsplit(address)
    try:
        port = parts.port or 25
    except ValueError:
        env.problem("EMAIL_URL has a port that is no number")
        port = 25
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": options.get("tls") == "1",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


EMAIL_URL = env.secret("EMAIL_URL", "")
globals().update(email(EMAIL_URL))
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "ChopTym <no-reply@choptym.example>")

# Apprise addresses; {to} stands for the phone number or the device token. Empty: its messages wait for a day in vain.
SMS_URL = env.secret("SMS_URL", "")
PUSH_URL = env.secret("PUSH_URL", "")

# A sender that has not reported back after this long died. Within the last third of it no call begins (CALL_SHARE in
# notifications/deliver.py), so that third is to outlive the longest call of a channel.
NOTIFICATION_LEASE_SECONDS = env.integer("NOTIFICATION_LEASE_SECONDS", 45, minimum=5)
NOTIFICATION_BATCH_SIZE = 100
NOTIFICATION_THREADS = env.integer("NOTIFICATION_THREADS", 8, minimum=1, maximum=100)
