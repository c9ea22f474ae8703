"""Sending webhooks, with everything that can go wrong on their way, or holding them. Remembers the last thousand."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from payments.sandbox.books import Entry, State
from payments.sandbox.calls import Message
from payments.sandbox.clock import as_iso

if TYPE_CHECKING:
    from payments.sandbox.gateway import Gateway

REMEMBERED = 1_000
SWAP_WITHIN_SECONDS = 1.0  # a webhook held back to be overtaken goes anyway after this


@dataclass(slots=True)
class Delivery:
    """One line of the log. `status` is the receiver's answer; None: lost on purpose, under way, or no answer."""

    gateway_id: str
    kind: str  # genuine, late, reordered, duplicate, forged, unknown, resent, retry or lost
    word: str
    sent_at: str
    status: int | None = None
    error: str = ""
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A webhook that was kept back: what would have been sent, for somebody else to deliver."""

    gateway_id: str
    kind: str  # as in Delivery
    word: str
    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str


def open_session() -> ClientSession:
    """The one session for all webhooks; its connections stay open between them."""
    return ClientSession(connector=TCPConnector(limit=100, keepalive_timeout=60))


class Sender:
    def __init__(self, gateway: "Gateway") -> None:
        self.session: ClientSession | None = None  # set when the server starts
        self._gateway = gateway
        self._under_way: set[asyncio.Task[None]] = set()
        self.forget()

    def forget(self) -> None:
        self.log: deque[Delivery] = deque(maxlen=REMEMBERED)
        self._overtaken: Message | None = None
        self._held: list[Held] = []

    def announce(self, entry: Entry) -> None:
        """Tell the merchant what became of a transaction, as well as the knobs allow."""
        gateway = self._gateway
        knobs = gateway.knobs_for(entry)
        if not self.has_receiver or not knobs.webhooks_enabled or not gateway.dialect.announces(entry):
            return
        for message in gateway.dialect.webhooks(entry):
            self._release(entry, message)
        self._invent(entry)

    def _release(self, entry: Entry, message: Message) -> None:
        """Lose it, send it late, let it be overtaken, or just send it; perhaps twice."""
        knobs, key = self._gateway.knobs_for(entry), f"{entry.key}/{entry.tries}/{message.word}"
        happens = self._gateway.chance.happens
        if happens(knobs.webhook_lost_rate, key, "webhook_lost"):
            self._note(message, "lost")
        elif happens(knobs.webhook_late_rate, key, "webhook_late"):
            self._gateway.clock.call_later(knobs.webhook_late_ms / 1000, partial(self.send, message, "late"))
        elif happens(knobs.webhook_reorder_rate, key, "webhook_reorder") and self._overtaken is None:
            self._overtaken = message
            self._gateway.clock.call_later(SWAP_WITHIN_SECONDS, partial(self._send_overtaken, message))
        else:
            self.send(message, "genuine")
            if happens(knobs.webhook_duplicate_rate, key, "webhook_duplicate"):
                self.send(message, "duplicate")
            self._send_overtaken(self._overtaken)

    def _send_overtaken(self, message: Message | None) -> None:
        if message is not None and message is self._overtaken:
            self._overtaken = None
            self.send(message, "reordered")

    def _invent(self, entry: Entry) -> None:
        """Perhaps also announce a paid transaction that nobody knows, with a valid signature."""
        gateway = self._gateway
        if gateway.chance.happens(gateway.knobs_for(entry).webhook_unknown_rate, entry.key, "webhook_unknown"):
            key = f"{entry.key}/ghost"
            ghost = replace(
                entry, gateway_id=gateway.dialect.new_id(key), reference=gateway.chance.uuid4(key, "reference"),
                state=State.COLLECTED, closed_at=gateway.clock.now(),
            )  # fmt: skip
            for message in gateway.dialect.webhooks(ghost):
                self.send(message, "unknown")

    def forge(self, entry: Entry) -> None:
        """Perhaps claim at once that a new transaction is paid, in the manner of someone without our secret."""
        gateway = self._gateway
        knobs = gateway.knobs_for(entry)
        if knobs.webhooks_enabled and gateway.chance.happens(knobs.webhook_forged_rate, entry.key, "webhook_forged"):
            claim = replace(entry, state=State.COLLECTED, closed_at=gateway.clock.now())
            for message in gateway.dialect.webhooks(claim, is_forged=True):
                self.send(message, "forged")

    def resend(self, entry: Entry) -> None:
        """Send the webhooks for what the transaction is now, untouched by any knob."""
        for message in self._gateway.dialect.webhooks(entry):
            self.send(message, "resent")

    @property
    def has_receiver(self) -> bool:
        """Whether there is anybody to send to, or to hold for."""
        return self._gateway.knobs.webhook_url is not None or self._gateway.knobs.webhooks_held

    @property
    def held(self) -> int:
        """How many are kept back."""
        return len(self._held)

    def take_held(self) -> list[Held]:
        """What was kept back since the last time, oldest first; it is forgotten here."""
        held, self._held = self._held, []
        return held

    def send(self, message: Message, kind: str, tried: int = 0) -> None:
        url = self._gateway.knobs.webhook_url
        if self._gateway.knobs.webhooks_held:
            self._note(message, kind)
            self._held.append(_hold(message, kind, tried))
        elif url is not None:
            delivering = self._deliver(url, message, self._note(message, kind), tried)
            task = asyncio.get_running_loop().create_task(delivering, name=message.gateway_id)
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def wait_for(self, entry: Entry) -> None:
        """Until what is under way about this transaction has been answered."""
        tasks = [task for task in self._under_way if task.get_name() == entry.gateway_id]
        if tasks:
            await asyncio.wait(tasks)

    def _note(self, message: Message, kind: str) -> Delivery:
        delivery = Delivery(message.gateway_id, kind, message.word, as_iso(self._gateway.clock.now()))
        self.log.append(delivery)
        return delivery

    async def _deliver(self, url: str, message: Message, delivery: Delivery, tried: int) -> None:
        if self.session is None:
            return
        headers = _headers(message, tried)
        timeout = ClientTimeout(total=self._gateway.dialect.webhook_timeout_seconds)
        started = time.monotonic()
        try:
            async with self.session.request(
                message.method,
                url,
                params=message.query,
                data=message.body or None,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            ) as answer:
                await answer.read()
                delivery.status = answer.status
        except (ClientError, TimeoutError) as error:
            delivery.error = type(error).__name__
        delivery.milliseconds = round((time.monotonic() - started) * 1000)
        self._retry(message, delivery, tried)

    def _retry(self, message: Message, delivery: Delivery, tried: int) -> None:
        """Some gateways try again until they hear a 2xx; the dialect says after how long."""
        delays = self._gateway.dialect.webhook_retry_seconds()
        is_heard = delivery.status is not None and 200 <= delivery.status < 300
        if not is_heard and tried < len(delays):
            again = partial(self.send, message, "retry", tried + 1)
            self._gateway.clock.call_later(delays[tried], again)

    def as_json(self, gateway_id: str | None = None) -> list[dict[str, Any]]:
        """The log, oldest first; of one transaction when its id is given."""
        return [asdict(delivery) for delivery in self.log if gateway_id in (None, delivery.gateway_id)]


def _headers(message: Message, tried: int) -> Mapping[str, str]:
    return message.headers if message.stamp is None else {**message.headers, **message.stamp(tried + 1)}


def _hold(message: Message, kind: str, tried: int) -> Held:
    return Held(
        gateway_id=message.gateway_id,
        kind=kind,
        word=message.word,
        method=message.method,
        query=message.query or {},
        headers=_headers(message, tried),
        body=message.body.decode(),
    )
