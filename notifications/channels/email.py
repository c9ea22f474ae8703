"""E-mail, through Django's own back end."""

import smtplib

from django.core.mail import EmailMessage

from notifications.channels.base import DeliveryFailed, Letter


def send(letter: Letter) -> None:
    """Hand one mail to the mail server. Raises DeliveryFailed."""
    mail = EmailMessage(subject=letter.subject, body=letter.text, to=[letter.address])
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        # 4xx: not now. 5xx: never.
        is_final = all(code >= 500 for code, _ in error.recipients.values())
        raise DeliveryFailed("the mail server refuses this address", is_final=is_final) from error
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryFailed(f"the mail server did not take it: {type(error).__name__}") from error
