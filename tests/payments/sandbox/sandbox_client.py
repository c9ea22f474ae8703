"""What the tests of the sandbox talk with: its control side, merchants of each gateway, a receiver of webhooks."""

import itertools
import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests

T = TypeVar("T")


def eventually(check: Callable[[], T | None], seconds: float = 3.0) -> T:
    """What `check` returns once that is true; fails when it never is."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        found = check()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it never happened")


def read_object(answer: requests.Response) -> dict[str, Any]:
    document: dict[str, Any] = answer.json()
    return document


class Receiver(ThreadingHTTPServer):
    """The merchant's side of webhooks: keeps what came, answers `status`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.status = 200
        self.events: list[dict[str, Any]] = []

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        eventually(lambda: len(self.events) >= count)
        return self.events


class _Take(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fields = json.loads(body) if body else dict(parse_qsl(urlsplit(self.path).query))
        self.server.events.append(
            {
                "method": self.command,
                "path": urlsplit(self.path).path,
                "headers": dict(self.headers),
                "body": body,
                "fields": fields,
            }
        )
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = _take  # noqa: N815 — the library's name
    do_POST = _take  # noqa: N815 — the library's name

    def log_message(self, *_: object) -> None:
        pass


class Control:
    """The sandbox's control side."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = requests.Session()

    def turn(self, gateway: str, **knobs: Any) -> requests.Response:
        return self.http.patch(f"{self.address}/control/{gateway}", json=knobs, timeout=5)

    def knobs(self, gateway: str) -> dict[str, Any]:
        return read_object(self.http.get(f"{self.address}/control/{gateway}", timeout=5))

    def override(self, gateway: str, phone: str, times: int | None = None, **knobs: Any) -> requests.Response:
        return self.turn(gateway, phones={phone: {"knobs": knobs, "times": times}})

    def books(self, gateway: str, **wanted: Any) -> dict[str, Any]:
        return read_object(self.http.get(f"{self.address}/control/{gateway}/books", params=wanted, timeout=5))

    def entries(self, gateway: str, **wanted: Any) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.books(gateway, **wanted)["entries"]
        return entries

    def wait_for_state(self, gateway: str, state: str, count: int = 1) -> list[dict[str, Any]]:
        def find() -> list[dict[str, Any]] | None:
            entries = self.entries(gateway, state=state)
            return entries if len(entries) >= count else None

        return eventually(find)

    def webhooks(self, gateway: str, **wanted: Any) -> list[dict[str, Any]]:
        answer = self.http.get(f"{self.address}/control/{gateway}/webhooks", params=wanted, timeout=5)
        lines: list[dict[str, Any]] = read_object(answer)["webhooks"]
        return lines

    def advance(self, seconds: float) -> None:
        self.post("clock", advance_seconds=seconds).raise_for_status()

    def post(self, what: str, **body: Any) -> requests.Response:
        return self.http.post(f"{self.address}/control/{what}", json=body, timeout=5)


class Merchant:
    """A caller of one gateway."""

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.headers.update(headers)
        self._references = itertools.count(1)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(f"{self.base}/{path}", timeout=more.pop("timeout", 5), **more)

    def post(self, path: str, *, timeout: float = 5, **body: Any) -> requests.Response:
        return self.http.post(f"{self.base}/{path}", json=body, timeout=timeout)

    def reference(self) -> str:
        return f"ref-{next(self._references)}"


class FapshiMerchant(Merchant):
    def pay(self, phone: str = "677000000", amount: int = 500, **more: Any) -> requests.Response:
        more.setdefault("externalId", self.reference())
        return self.post("direct-pay", phone=phone, amount=amount, **more)

    def link(self, amount: int = 500, **more: Any) -> dict[str, Any]:
        return read_object(self.post("initiate-pay", amount=amount, **more))

    def status(self, trans_id: str) -> dict[str, Any]:
        return read_object(self.get(f"payment-status/{trans_id}"))


class CamPayMerchant(Merchant):
    def login(self) -> None:
        answer = self.post("token/", username="sandbox-user", password="sandbox-password")
        self.http.headers["Authorization"] = f"Token {answer.json()['token']}"

    def collect(self, phone: str = "237677000000", amount: object = "500", **more: Any) -> requests.Response:
        more.setdefault("external_reference", self.reference())
        body = {"from": phone, "amount": amount, "currency": "XAF", "description": "test", **more}
        return self.post("collect/", **body)

    def status(self, reference: str) -> dict[str, Any]:
        return read_object(self.get(f"transaction/{reference}/"))


class RazorpayMerchant(Merchant):
    phone = "9000000000"

    def order(self, amount: int = 50_000, **more: Any) -> dict[str, Any]:
        more.setdefault("receipt", self.reference())
        return read_object(self.post("orders", amount=amount, currency="INR", **more))

    def charge(self, order: dict[str, Any], phone: str = phone, **more: Any) -> requests.Response:
        body = {"amount": order["amount"], "currency": "INR", "order_id": order["id"], "contact": phone,
                "method": "upi", "upi": {"flow": "intent"}}  # fmt: skip
        return self.post("payments/create/json", **{**body, **more})

    def pay(self, amount: int = 50_000, phone: str = phone, **more: Any) -> tuple[str, str]:
        """An order that the payer was asked for: its id and the payment's."""
        order = self.order(amount, **more)
        return order["id"], self.charge(order, phone).json()["razorpay_payment_id"]

    def payment(self, payment_id: str) -> dict[str, Any]:
        return read_object(self.get(f"payments/{payment_id}"))

    def wait_for(self, payment_id: str, status: str) -> dict[str, Any]:
        def find() -> dict[str, Any] | None:
            payment = self.payment(payment_id)
            return payment if payment["status"] == status else None

        return eventually(find)

    def refund(self, payment_id: str, key: str = "", **body: Any) -> requests.Response:
        headers = {"X-Refund-Idempotency": key} if key else {}
        return self.http.post(f"{self.base}/payments/{payment_id}/refund", json=body, headers=headers, timeout=5)

    def link(self, amount: int = 50_000, **more: Any) -> dict[str, Any]:
        more.setdefault("reference_id", self.reference())
        return read_object(self.post("payment_links", amount=amount, currency="INR", **more))


class CashfreeMerchant(Merchant):
    phone = "9000000000"

    def order(self, amount: float = 500, phone: str = phone, **more: Any) -> requests.Response:
        more.setdefault("order_id", self.reference())
        customer = {"customer_id": "payer_1", "customer_phone": phone}
        return self.post("orders", order_amount=amount, order_currency="INR", customer_details=customer, **more)

    def charge(self, order: dict[str, Any], **upi: Any) -> requests.Response:
        method = {"upi": {"channel": "link", **upi}}
        return self.post("orders/sessions", payment_session_id=order["payment_session_id"], payment_method=method)

    def pay(self, amount: float = 500, phone: str = phone, **more: Any) -> tuple[str, str]:
        """An order that the payer was asked for: its id and the payment's."""
        order = self.order(amount, phone, **more).json()
        return order["order_id"], self.charge(order).json()["cf_payment_id"]

    def status(self, order_id: str) -> str:
        return str(self.get(f"orders/{order_id}").json()["order_status"])

    def payments(self, order_id: str) -> list[dict[str, Any]]:
        payments: list[dict[str, Any]] = self.get(f"orders/{order_id}/payments").json()
        return payments

    def words(self, order_id: str) -> list[str]:
        return [payment["payment_status"] for payment in self.payments(order_id)]

    def link(self, amount: float = 500, phone: str = phone, **more: Any) -> dict[str, Any]:
        more.setdefault("link_id", self.reference())
        return read_object(
            self.post("links", link_amount=amount, link_currency="INR", link_purpose="test",
                      customer_details={"customer_phone": phone}, **more)
        )  # fmt: skip
