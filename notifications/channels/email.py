"""E-mail, through Django's own back end."""

import re
import smtplib

from django.core.mail import EmailMessage

from notifications.channels.base import DeliveryFailed, Letter

# RFC 3463: subject 1 is the address. Any other refusal at this point is of us (5.7: we are blocked), and may end.
_NO_ADDRESS = re.compile(rb"5\.1\.(?:[0-36]|10)\b")


def send(letter: Letter) -> None:
    """Hand one mail to the mail server. Raises DeliveryFailed."""
    mail = EmailMessage(subject=letter.subject, body=letter.text, to=[letter.address])
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        is_final = all(_is_no_address(*reply) for reply in error.recipients.values())
        raise DeliveryFailed("the mail server refuses this address", is_final=is_final) from error
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryFailed(f"the mail server did not take it: {type(error).__name__}") from error


def _is_no_address(code: int, words: bytes) -> bool:
    return code >= 500 and _NO_ADDRESS.match(words) is not None
