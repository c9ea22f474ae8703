"""One customer of the demo: logs in, fills a cart, pays, and looks until it is over. Only public HTTP."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import requests

from choptym.local.demo.plan import Purchase

PASSING = frozenset({HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS})  # come again later
FINAL = frozenset({"SETTLED", "FAILED", "EXPIRED", "CANCELLED", "REVIEW"})
TIMEOUT_SECONDS = 20
RETRY_SECONDS = 1.0
MOST_RETRY_SECONDS = 2.0
# Of a customer who was asked to pay. Longer than the first poll takes to find what a lost webhook did not tell.
PATIENCE_SECONDS = 15.0


class Refused(Exception):
    """The service said no, and said why."""


class Customer:
    def __init__(
        self,
        web: str,
        username: str,
        password: str,
        deadline: Callable[[], float],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._web = web
        self._patience_seconds = patience_seconds
        self._deadline = deadline
        self._session = requests.Session()
        token = self._call("POST", "/api/auth/token/", {"username": username, "password": password})["token"]
        self._session.headers["Authorization"] = f"Token {token}"

    def close(self) -> None:
        self._session.close()

    def balance_minor(self, currency: str) -> int:
        """Return what the wallet holds in this currency."""
        accounts = self._call("GET", "/api/wallet/")["accounts"]
        return sum(account["balance_minor"] for account in accounts if account["currency"] == currency)

    def start_payment(self, purchase: Purchase) -> dict[str, Any]:
        """Fill the cart and check out; returns the payment as the service sees it."""
        self._empty_cart()
        self._call("POST", "/api/cart/", {"product": purchase.product, "quantity": purchase.quantity})
        body = {"method": purchase.method, "phone": purchase.phone}
        # The same key whenever we repeat ourselves: however often we ask, it is one payment.
        answer = self._call("POST", "/api/checkout/", body, {"Idempotency-Key": str(uuid.uuid4())})
        payment: dict[str, Any] = answer["payment"]
        return payment

    def top_up(self, purchase: Purchase) -> bool:
        """Put into the wallet what the purchase costs; True once it is there."""
        body = {
            "method": purchase.gateway,
            "phone": purchase.phone,
            "amount_minor": purchase.total_minor,
            "currency": purchase.currency,
        }
        answer = self._call("POST", "/api/wallet/topups/", body, {"Idempotency-Key": str(uuid.uuid4())})
        ended = self.wait_for_end(answer["payment"]["id"])
        return ended is not None and ended["status"] == "SETTLED"

    def wait_for_end(self, payment_id: object) -> dict[str, Any] | None:
        """Look until the payment is over and return it as the service shows it; None when time ran out first.

        Who waits too long gives up: a UPI payment that was declined stays open for another try, so only that ends it.
        """
        asked_at = None
        while time.monotonic() < self._deadline():
            response = self._send("GET", f"/api/payments/{payment_id}/", None, {})
            payment: dict[str, Any] = response.json()
            if payment["status"] in FINAL:
                return payment
            if payment["status"] == "PENDING":
                asked_at = asked_at or time.monotonic()
                if time.monotonic() > asked_at + self._patience_seconds:
                    self._give_up(payment_id)
                    continue
            time.sleep(_retry_seconds(response))
        return None

    def _give_up(self, payment_id: object) -> None:
        """Cancel, and let the next look say what came of it: the payment may just have ended by itself."""
        with suppress(requests.RequestException):
            self._session.post(f"{self._web}/api/payments/{payment_id}/cancel/", timeout=TIMEOUT_SECONDS)
        time.sleep(RETRY_SECONDS)

    def _empty_cart(self) -> None:
        """What an earlier demo could not pay for still lies there."""
        for line in self._call("GET", "/api/cart/"):
            self._call("DELETE", f"/api/cart/{line['id']}/")

    def _call(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
        response = self._send(method, path, body, headers or {})
        return response.json() if response.content else {}

    def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> requests.Response:
        """Send until there is an answer. Raises Refused on a no, and when time is up."""
        while True:
            problem: str
            wait_seconds = RETRY_SECONDS
            try:
                response = self._session.request(
                    method, self._web + path, json=body, headers=headers, timeout=TIMEOUT_SECONDS
                )
            except requests.RequestException as error:
                problem = str(error)
            else:
                if response.ok:
                    return response
                problem = f"{method} {path}: {response.status_code} {response.text[:300]}"
                if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and response.status_code not in PASSING:
                    raise Refused(problem)
                wait_seconds = _retry_seconds(response)
            if time.monotonic() + wait_seconds > self._deadline():
                raise Refused(problem)
            time.sleep(wait_seconds)


def _retry_seconds(response: requests.Response) -> float:
    said = response.headers.get("Retry-After", "")
    seconds = float(said) if said.replace(".", "", 1).isdecimal() else RETRY_SECONDS
    return min(max(seconds, 0.1), MOST_RETRY_SECONDS)
