"""Customers who pay, come what may: so many a second, each repeating themselves with the same key until they know.

They run in one thread of their own, as coroutines, so that thousands of waiting ones cost next to nothing. What they
were promised (a 202, with the payment's id) is kept in `tally`, and held against the tables afterwards.
"""

import asyncio
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp

from tests.chaos.plan import Kind, Wish
from tests.chaos.world import Customer

# Who has no answer by then gives up; it must not be told from one whose answer was lost.
PATIENCE_SECONDS = 90.0
TIMEOUT_SECONDS = 15.0
# Who gets no answer comes again, later from time to time, as a decent app does: else a crowd keeps a slow server busy
# with what nobody waits for any more.
AGAIN_SECONDS = (0.5, 8.0)
LOOK_SECONDS = 3.0  # no more often, whatever Retry-After says
ENDED = frozenset({"SETTLED", "FAILED", "EXPIRED", "CANCELLED", "REVIEW"})
# Answers after which the same request is sent again.
AGAIN = frozenset({HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR})
# A 409 that will not change.
FOR_GOOD = frozenset({"insufficient_balance", "sold_out", "already_ended", "other_shop", "shop_closed"})


@dataclass(slots=True)
class Tally:
    """What the customers saw. `promised`: payment id by key; `unanswered`: keys whose answer never came."""

    wanted: int = 0
    begun: int = 0
    over: int = 0
    promised: dict[str, int] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    contradicted: list[str] = field(default_factory=list)  # the same key, another payment
    refunds: dict[int, int] = field(default_factory=dict)  # promised to staff: refund by payment
    ends: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)  # of refusals
    broken: int = 0  # connections
    troubles: list[str] = field(default_factory=list)


class Load:
    """Starts with `start()`; `wishes` are begun at `per_second`, and `tally` tells how far they are."""

    def __init__(
        self, web: str, customers: Sequence[Customer], wishes: Sequence[Wish], *, per_second: float, staff: str
    ) -> None:
        self.tally = Tally(wanted=len(wishes))
        self._web = web
        self._customers = customers
        self._wishes = wishes
        self._per_second = per_second
        self._staff = staff
        self._thread = threading.Thread(target=self._drive, name="load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> bool:
        """Until every customer knows, or has given up. False: some are still at it."""
        self._thread.join(seconds)
        return self.is_over()

    def _drive(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:
            self.tally.troubles.insert(0, f"the load ended early: {error!r}")
            raise

    async def _run(self) -> None:
        free: asyncio.Queue[Customer] = asyncio.Queue()
        for customer in self._customers:
            free.put_nowait(customer)
        connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=5)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            began_at = time.monotonic()
            async with asyncio.TaskGroup() as journeys:
                for number, wish in enumerate(self._wishes):
                    await asyncio.sleep(began_at + number / self._per_second - time.monotonic())
                    customer = await free.get()
                    journey = Journey(self._web, session, customer, wish, self.tally, self._staff)
                    journeys.create_task(self._follow(journey, free))

    async def _follow(self, journey: "Journey", free: asyncio.Queue[Customer]) -> None:
        self.tally.begun += 1
        try:
            await journey.run()
        except GaveUp as trouble:
            self.tally.troubles.append(str(trouble))
        except Exception as surprise:  # noqa: BLE001 - the other customers go on, and this one is told of
            self.tally.troubles.append(f"a customer was surprised: {surprise!r}")
        finally:
            self.tally.over += 1
            free.put_nowait(journey.customer)


class GaveUp(Exception):
    """No answer for too long, or one that ends the matter."""


class Journey:
    """One wish of one customer, from the cart to the end of its payment. Only public HTTP."""

    def __init__(
        self, web: str, session: aiohttp.ClientSession, customer: Customer, wish: Wish, tally: Tally, staff: str
    ) -> None:
        self.customer = customer
        self._web = web
        self._session = session
        self._wish = wish
        self._tally = tally
        self._headers = {"Authorization": f"Token {customer.token}"}
        self._staff = {"Authorization": f"Token {staff}"}
        self._until = time.monotonic() + PATIENCE_SECONDS

    async def run(self) -> None:
        wish = self._wish
        if wish.kind is Kind.WALLET and not await self._fills_wallet():
            return
        takes_cart = wish.kind is not Kind.TOPUP
        if takes_cart:
            await self._fill_cart()
            self.customer.has_leftovers = True
        payment = await self._start(wish.kind)
        if wish.kind is Kind.IMPATIENT:
            await asyncio.sleep(wish.patience_seconds)
            await self._send("POST", f"/api/payments/{payment}/cancel/", None, self._headers, again=False)
        shown = await self._wait_for_end(payment)
        end = shown["status"]
        if takes_cart:  # what came after a cancellation may be in the wallet, with the goods in the cart
            self.customer.has_leftovers = shown["landed"] != "order"
        self._tally.ends[end] += 1
        if wish.kind is Kind.REFUNDED and end == "SETTLED":
            await self._give_back(payment)

    async def _give_back(self, payment: int) -> None:
        """By staff, all of it."""
        path, headers = f"/api/payments/{payment}/refunds/", {**self._staff, "Idempotency-Key": str(uuid.uuid4())}
        status, answer = await self._send("POST", path, {"reason": "the kitchen is closed"}, headers)
        if status != HTTPStatus.ACCEPTED:
            raise GaveUp(f"{path}: {status} {answer}")
        self._tally.refunds[payment] = answer["id"]

    async def _fills_wallet(self) -> bool:
        shown = await self._wait_for_end(await self._start(Kind.TOPUP))
        return bool(shown["status"] == "SETTLED")

    async def _fill_cart(self) -> None:
        """What an earlier purchase could not pay for still lies there."""
        lines: list[dict[str, Any]] = []
        if self.customer.has_leftovers:
            _, lines = await self._send("GET", "/api/cart/", None, self._headers)
        for line in lines:
            await self._send("DELETE", f"/api/cart/{line['id']}/", None, self._headers)
        body = {"product": self._wish.product, "quantity": self._wish.quantity}
        status, answer = await self._send("POST", "/api/cart/", body, self._headers)
        if status != HTTPStatus.CREATED:
            raise GaveUp(f"/api/cart/: {status} {answer}")
        if answer["quantity"] != self._wish.quantity:  # an earlier try without an answer had arrived after all
            quantity = {"quantity": self._wish.quantity}
            await self._send("PATCH", f"/api/cart/{answer['id']}/", quantity, self._headers)

    async def _start(self, kind: Kind) -> int:
        key = str(uuid.uuid4())
        self._tally.unanswered.add(key)
        taps = [self._ask(kind, key) for _ in range(2 if self._wish.taps_twice else 1)]
        answers = await asyncio.gather(*taps, return_exceptions=True)
        payments = {answer for answer in answers if isinstance(answer, int)}
        if len(payments) > 1:
            self._tally.contradicted.append(f"key {key}: payments {sorted(payments)}")
        for answer in answers:
            if isinstance(answer, BaseException) and not payments:
                raise answer
        return payments.pop()

    async def _ask(self, kind: Kind, key: str) -> int:
        wish = self._wish
        method = "wallet" if kind is Kind.WALLET else wish.gateway
        path = "/api/checkout/"
        body: dict[str, Any] = {"method": method, "phone": self.customer.phone(wish.currency)}
        if kind is Kind.TOPUP:
            path, body = "/api/wallet/topups/", {**body, "amount_minor": wish.amount_minor, "currency": wish.currency}
        if kind is Kind.LINK:
            body["link"] = True
        headers = {**self._headers, "Idempotency-Key": key}
        status, answer = await self._send("POST", path, body, headers, key=key)
        if status != HTTPStatus.ACCEPTED:
            raise GaveUp(f"{path}: {status} {answer}")
        payment = int(answer["payment"]["id"])
        before = self._tally.promised.setdefault(key, payment)
        self._tally.unanswered.discard(key)
        if before != payment:
            self._tally.contradicted.append(f"key {key}: payments {before} and {payment}")
        return payment

    async def _wait_for_end(self, payment: int) -> dict[str, Any]:
        """The payment as it is shown in its end."""
        while True:
            status, body = await self._send("GET", f"/api/payments/{payment}/", None, self._headers)
            if status != HTTPStatus.OK:
                raise GaveUp(f"payment {payment}: {status} {body}")
            if body["status"] in ENDED:
                return dict(body)
            if time.monotonic() > self._until:
                raise GaveUp(f"payment {payment} is {body['status']} after {PATIENCE_SECONDS:g} s")
            await asyncio.sleep(max(body.get("retry_after_seconds") or 0, LOOK_SECONDS))

    async def _send(
        self, method: str, path: str, body: object, headers: dict[str, str], *, key: str = "", again: bool = True
    ) -> tuple[int, Any]:
        """Send until there is an answer that counts: a success, or a refusal for good. Raises GaveUp.

        `again`: also after a refusal that may not be the last word.
        """
        pause, longest = AGAIN_SECONDS
        while True:
            try:
                async with self._session.request(method, self._web + path, json=body, headers=headers) as response:
                    status = response.status
                    answer = await response.json(content_type=None) if status != HTTPStatus.NO_CONTENT else {}
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                self._tally.broken += 1
                problem = f"{type(error).__name__} {error}"
            else:
                if status < HTTPStatus.BAD_REQUEST:
                    return status, answer
                self._tally.statuses[status] += 1
                problem = f"{status} {str(answer)[:200]}"
                if status == HTTPStatus.INTERNAL_SERVER_ERROR:
                    self._tally.troubles.append(f"{method} {path}: {problem}")
                if not _comes_again(status, answer) or not again:
                    self._tally.unanswered.discard(key)
                    return status, answer
            if time.monotonic() > self._until:
                raise GaveUp(f"{method} {path}: {problem}")
            await asyncio.sleep(pause)
            pause = min(longest, 2 * pause)


def _comes_again(status: int, answer: Any) -> bool:
    code = answer.get("code") if isinstance(answer, dict) else None
    return code not in FOR_GOOD and (status in AGAIN or status > HTTPStatus.INTERNAL_SERVER_ERROR)
