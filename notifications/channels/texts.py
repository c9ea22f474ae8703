"""SMS and push, to the Apprise address in the settings; {to} in it stands for the receiver."""

from functools import lru_cache
from urllib.parse import quote

import apprise
from django.conf import settings

from choptym.lib.phones import international_number
from notifications.channels import json_door
from notifications.channels.base import DeliveryFailed, Letter


def send_sms(letter: Letter) -> None:
    """Send one text message to a national number, whose length says of which country. Raises DeliveryFailed."""
    number = international_number(letter.address)
    if number is None:
        raise DeliveryFailed("not a mobile number of a country that we know", is_final=True)
    _send(settings.SMS_URL, number, letter)


def send_push(letter: Letter) -> None:
    """Send one push message to a device token. Raises DeliveryFailed."""
    _send(settings.PUSH_URL, letter.address, letter)


def _send(template: str, to: str, letter: Letter) -> None:
    if not template:
        raise DeliveryFailed("this channel is switched off")  # perhaps for as long as a setting is forgotten
    send_to(template.replace("{to}", quote(to, safe="")), letter)


def send_to(apprise_address: str, letter: Letter) -> None:
    """Send a message to whoever is behind this Apprise address. Raises DeliveryFailed."""
    if url := json_door.web_address(apprise_address):
        json_door.post(url, letter)
        return
    service = _service(apprise_address)
    if service is None:
        raise DeliveryFailed("the address of this channel is not one that Apprise knows")
    if not service.notify(title=letter.subject, body=letter.text):
        raise DeliveryFailed("the provider did not take it")


@lru_cache(maxsize=2048)
def _service(address: str) -> apprise.Apprise | None:
    service = apprise.Apprise()
    return service if service.add(address) else None
