"""The ways to reach a customer."""

from collections.abc import Callable, Mapping

from notifications.channels import email, texts
from notifications.channels.base import DeliveryFailed, Letter
from notifications.models import Channel

SENDERS: Mapping[str, Callable[[Letter], None]] = {
    Channel.EMAIL: email.send,
    Channel.SMS: texts.send_sms,
    Channel.PUSH: texts.send_push,
}

__all__ = ["SENDERS", "DeliveryFailed", "Letter"]
