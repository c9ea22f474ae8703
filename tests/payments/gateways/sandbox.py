"""What the gateway tests need around an adapter: the sandbox's control side, webhooks received, canned answers."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

from choptym.lib.errors import NotFound, OutcomeUnknown, Unavailable
from choptym.lib.money import Money
from payments.gateways.base import CollectRequest, Event, Gateway, Outcome, Status

T = TypeVar("T")

CREDENTIALS = {
    "FAPSHI_API_USER": "user-of-fapshi",
    "FAPSHI_API_KEY": "FAK_TEST_key-of-fapshi",
    "FAPSHI_WEBHOOK_SECRET": "secret-of-fapshi",
    "FAPSHI_PAYOUT_USER": "payout-user-of-fapshi",
    "FAPSHI_PAYOUT_KEY": "FAK_TEST_payout-key-of-fapshi",
    "CAMPAY_USERNAME": "user-of-campay",
    "CAMPAY_PASSWORD": "password-of-campay",
    "CAMPAY_WEBHOOK_KEY": "key-of-campay",
    "RAZORPAY_KEY_ID": "rzp_test_keyofrazorpay",
    "RAZORPAY_KEY_SECRET": "key-secret-of-razorpay",
    "RAZORPAY_WEBHOOK_SECRET": "webhook-secret-of-razorpay",
    "CASHFREE_CLIENT_ID": "TEST-id-of-cashfree",
    "CASHFREE_CLIENT_SECRET": "cfsk_ma_test_secret-of-cashfree",
}
SECRETS = tuple(CREDENTIALS.values())
_phones = {"XAF": count(671_000_100), "INR": count(9_100_000_100)}


class Sandbox:
    """The control side of the sandbox process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data=data, method=method), timeout=5) as answer:  # noqa: S310
            return json.load(answer)


@dataclass(frozen=True)
class Peer:
    """One gateway in the sandbox and how to make our adapter for it; `make` takes what should be different."""

    name: str
    sandbox: Sandbox
    make: Callable[..., Gateway]
    unknown_id: str
    malformed_id: str
    busy_seconds: float | None  # when a 429 does not say
    failed_link_is: Outcome
    finds_pending: bool
    currency: str = "XAF"
    paid_word: str = "SUCCESSFUL"
    declined: tuple[Outcome, str] = (Outcome.NOT_PAID, "FAILED")
    failed_link_word: str = "FAILED"
    operator: str = "mtn"
    instructions: str = "*126#"
    tells_fee: bool = True
    shows_pages: bool = False  # tells the address of a payment page again, to whom lost the first answer
    history_is_complete: bool = True
    # What a peer that is down means for a collection: where that begins with an order, nothing that could be paid.
    when_down: type[Unavailable] = OutcomeUnknown
    events: tuple[str, ...] = ("SUCCESSFUL",)  # the words of the webhooks about one payment
    refund_kind: str = "refund"  # what a refund of ours is in the peer's books
    patience: Mapping[str, object] = field(default_factory=dict)  # knobs that let one transaction be asked about often

    def refund_reference(self, reference: str) -> str:
        """How a refund of ours stands in the peer's books."""
        return reference.replace("-", "_") if self.name == "cashfree" else reference

    def request(self, amount_minor: int = 2500, **changes: object) -> CollectRequest:
        return a_request(amount_minor, currency=self.currency, **changes)

    def look(self, gateway: Gateway) -> None:
        """A call that changes nothing and is about nothing."""
        if gateway.rules.tells_balance:
            gateway.fetch_balance()
        else:
            with suppress(NotFound):
                gateway.fetch_status(self.unknown_id)

    def heard(self, gateway: Gateway, told: "Receiver", reference: str, *, copies: int = 1) -> list[Event]:
        """The events about this attempt, once all have come. Other tests' may come late."""
        events: list[Event] = []
        ends_at = time.monotonic() + 5
        while len(events) < copies * len(self.events) and time.monotonic() < ends_at:
            time.sleep(0.02)
            read = [gateway.read_webhook(**delivery.as_arguments()) for delivery in list(told.deliveries)]
            events = [event for event in read if event.reference == reference]
        return events

    def turn(self, **knobs: object) -> None:
        self.sandbox.ask("PATCH", f"/control/{self.name}", knobs)

    def turn_phone(self, phone: str, **knobs: object) -> None:
        """Other knobs for the next transaction of this phone only."""
        self.turn(phones={phone: {"knobs": knobs, "times": 1}})

    def booked(self, reference: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.sandbox.ask("GET", f"/control/{self.name}/books?reference={reference}")[
            "entries"
        ]
        return entries

    def wait_until_paid(self, gateway: Gateway, transaction_id: str) -> Status:
        return wait_for(lambda: gateway.fetch_status(transaction_id), lambda status: status.outcome is Outcome.PAID)


def a_request(amount_minor: int = 2500, *, currency: str = "XAF", **changes: object) -> CollectRequest:
    """For a number of its own, so that tests do not touch each other's knobs."""
    return CollectRequest(
        **{  # type: ignore[arg-type]
            "reference": str(uuid4()),
            "money": Money(amount_minor, currency),
            "phone": str(next(_phones[currency])),
            "description": "Two plates of ndolé",
            **changes,
        }
    )


def wait_for(look: Callable[[], T], is_right: Callable[[T], bool], seconds: float = 4) -> T:
    """Look at most five times, because status queries are rationed; return the last view."""
    for _ in range(4):
        seen = look()
        if is_right(seen):
            return seen
        time.sleep(seconds / 20)
        seconds *= 1.6
    return look()


@dataclass(frozen=True)
class Delivery:
    method: str
    body: bytes
    query: Mapping[str, str]
    headers: Mapping[str, str]

    def as_arguments(self) -> dict[str, Any]:
        return {"method": self.method, "body": self.body, "query": self.query, "headers": self.headers}


class _Server:
    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Receiver(_Server):
    """Takes webhooks and answers 200."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        deliveries = self.deliveries

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
                deliveries.append(Delivery(self.command, body, query, dict(self.headers.items())))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815 — the base class's name

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class's name
                pass

        super().__init__(Handler)

    def wait(self, number: int) -> list[Delivery]:
        ends_at = time.monotonic() + 5
        while len(self.deliveries) < number and time.monotonic() < ends_at:
            time.sleep(0.02)
        return self.deliveries


class Canned(_Server):
    """Answers what the test has put up, in turn, the last one for ever; keeps what it was asked."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, str, Mapping[str, str], bytes]] = []
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                canned.asked.append((self.command, self.path, dict(self.headers.items()), body))
                status, answer = canned.answers.pop(0) if len(canned.answers) > 1 else canned.answers[0]
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**canned.headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 — the base class's name

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class's name
                pass

        super().__init__(Handler)


@contextmanager
def canned(*answers: tuple[int, object]) -> Iterator[Canned]:
    server = Canned(*answers)
    try:
        yield server
    finally:
        server.close()
