"""The sandbox's control side, as the machine uses it: every decision is an order, every webhook is held back."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.machine.picture import Row

# By the currency that they collect.
GATEWAYS_OF = {"XAF": ("fapshi", "campay"), "INR": ("razorpay", "cashfree")}
GATEWAYS = tuple(gateway for gateways in GATEWAYS_OF.values() for gateway in gateways)
# Where a collection is one call: with the others it begins with an order, of which nothing can be paid.
PUSHED_AT_ONCE = GATEWAYS_OF["XAF"]
_STILL: Mapping[str, object] = {"never_approve_rate": 1, "webhooks_held": True, "timeout_hold_ms": 0}
# Each gateway as quiet as can be: it decides nothing, sends nothing, and lets itself be asked as often as we like.
STILL: Mapping[str, Mapping[str, object]] = {
    **dict.fromkeys(GATEWAYS, _STILL),
    "fapshi": {**_STILL, "status_reads_per_minute": None},
}
# What may be wrong with a gateway while a worker calls it.
FAULTS: Mapping[str, Mapping[str, object]] = {
    "answer lost": {"timeout_after_capture_rate": 1},
    "error after it acted": {"error_after_capture_rate": 1},
    "request lost": {"reset_rate": 1},
    "error": {"error_rate": 1},
    "page instead of an answer": {"html_error_rate": 1},
    "busy": {"busy_rate": 1},
    "down": {"outage": True},
}
REFUSALS: Mapping[str, Mapping[str, object]] = {
    "fapshi": {"ip_refused": True},
    "campay": {"demo_cap": 1, "float_short": True},
    "razorpay": {"server_to_server": False},
}


class Gateways:
    """What the gateways have in their books, and what is wrong with them."""

    def __init__(self, sandbox: str) -> None:
        # One connection and nothing more: this is much of what the machine does.
        self._http = HTTPConnection(urlsplit(sandbox).netloc, timeout=10)
        self._knobs: dict[str, Row] = {}  # as they are while nothing is wrong

    def close(self) -> None:
        self._http.close()

    def begin(self) -> None:
        """Empty books, nothing wrong, no webhook on its way."""
        self.control("POST", "reset", seed=1, knobs=STILL)
        self._knobs = self._knobs or {gateway: self.control("GET", gateway) for gateway in GATEWAYS}
        self.held: list[tuple[str, Row]] = []  # webhooks on their way, each with its gateway
        self._books: dict[str, list[Row]] = {gateway: [] for gateway in GATEWAYS}
        self._touched: set[str] = set()

    def touch(self, gateway: str) -> None:
        """Its books may have changed: they are read again."""
        self._touched.add(gateway)

    def books(self) -> list[Row]:
        """All entries of all gateways; what they wanted to tell meanwhile is held."""
        for gateway in sorted(self._touched):
            found = self.control("GET", f"{gateway}/books")
            self._books[gateway] = [_in_our_words(gateway, entry) for entry in found["entries"]]
            if found["webhooks_held"]:
                taken = self.control("POST", f"{gateway}/webhooks/take")["webhooks"]
                self.held += [(gateway, webhook) for webhook in taken]
        self._touched.clear()
        return [entry for gateway in GATEWAYS for entry in self._books[gateway]]

    @contextmanager
    def wrong(self, gateway: str, knobs: Mapping[str, object]) -> Iterator[None]:
        """This gateway behaves so while the block runs."""
        if not knobs:
            yield
            return
        self.control("PATCH", gateway, **knobs)
        try:
            yield
        finally:
            self.control("PATCH", gateway, **{name: self._knobs[gateway][name] for name in knobs})

    def decide(self, entry: Row, decision: str) -> None:
        self.touch(entry["gateway"])
        self.control("POST", f"{entry['gateway']}/payer", gateway_id=entry["gateway_id"], decides=decision)

    def tell_again(self, entry: Row) -> None:
        self.touch(entry["gateway"])
        self.control("POST", f"{entry['gateway']}/webhooks/resend", gateway_id=entry["gateway_id"])

    def control(self, method: str, path: str, **body: object) -> Any:
        self._http.request(method, f"/control/{path}", json.dumps(body))
        answer = self._http.getresponse()
        content = answer.read()
        assert answer.status in {200, 202}, content
        return json.loads(content)


def _in_our_words(gateway: str, entry: Row) -> Row:
    """Cashfree's ids know no hyphens in refunds."""
    reference = entry["reference"]
    if entry["kind"] == "refund" and gateway == "cashfree":
        reference = reference.replace("_", "-")
    return {**entry, "gateway": gateway, "reference": reference}
