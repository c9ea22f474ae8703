"""Texts to addresses of the kinds json:// and jsons://, as Apprise sends them, over connections that stay open.

Apprise makes an object for each address and a connection for each message: most of what a message costs. What it is
told by more than host and path (a password, or options after "?") is left to it.
"""

import json
import re

import structlog

from choptym.lib.errors import Unavailable
from choptym.lib.outbound import Door
from notifications.channels.base import DeliveryFailed, Letter

log = structlog.get_logger(__name__)

_PLAIN = re.compile(r"json(s?)://([^/?#@]+(?:/[^?#]*)?)")
# As Apprise's. Together less than the last third of the lease (choptym/settings/messages.py).
_CONNECT_SECONDS, _READ_SECONDS, _TOTAL_SECONDS = 4.0, 4.0, 8.0
_MOST_BYTES = 100_000  # of an answer of which only the status is read
_HEADERS = {"User-Agent": "Apprise", "Content-Type": "application/json", "Accept": "*/*"}

_door = Door(
    pool_size=100,  # as many as there may be threads
    connect_seconds=_CONNECT_SECONDS,
    read_seconds=_READ_SECONDS,
    total_seconds=_TOTAL_SECONDS,
    max_bytes=_MOST_BYTES,
)


def web_address(apprise_address: str) -> str:
    """Where such a message is posted to; empty when this address is for Apprise."""
    plain = _PLAIN.fullmatch(apprise_address)
    return f"http{plain[1]}://{plain[2]}" if plain else ""


def post(url: str, letter: Letter) -> None:
    """Post one message. Raises DeliveryFailed.

    Once more, when the connection was closed while it lay idle: customers may be told twice, never not.
    """
    told = {"version": "1.0", "title": letter.subject, "message": letter.text, "attachments": [], "type": "info"}
    try:
        answer = _door.call("POST", url, headers=_HEADERS, body=json.dumps(told).encode(), is_read=True)
    except Unavailable as error:
        log.warning("a message could not be posted", kind=type(error).__name__)  # its words name the receiver
        raise DeliveryFailed("the provider did not take it") from error
    if not 200 <= answer.status < 300:
        log.warning("a message was not taken", status=answer.status)
        raise DeliveryFailed("the provider did not take it")
