"""One payment with its customer, and what the sandbox has of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from rest_framework.authtoken.models import Token

from choptym.lib.jobs import redis
from choptym.lib.money import Money
from payments.confirm import confirm_batch
from payments.gateways import get_gateway
from payments.gateways.base import Accepted, CollectRequest
from payments.gateways.operators import operator_of
from payments.locks import Charge, Check
from payments.match import match_batch
from payments.models import Payment, PaymentAttempt, Refund, WebhookEvent
from payments.refunds.send import send_refunds
from payments.strangers import look_up_strangers
from tests.factories import a_while_ago, give_money, make_phone, make_product, make_shop, make_user, put_into_cart
from tests.machine.gateways import Gateways
from tests.machine.picture import Picture, Row, take_picture
from tests.payments.staff import make_staff

STOCK = 4
PRICE = {"XAF": 2_500, "INR": 25_000}
GIFT = 60_000  # lies in the wallet from the start, where the wallet is to pay
SIGNED, PLAIN, OTHER = "razorpay", "fapshi", "campay"
# How often what is due is done, at most: a hint, its answer, a refund of it, and its answer.
ROUNDS = 5
_LATER = """
UPDATE payments_payment SET next_check_at = now() + interval '1 day' WHERE next_check_at IS NOT NULL;
UPDATE payments_payment SET next_attempt_at = now() + interval '1 day', expires_at = now() + interval '1 day'
WHERE state IN ('QUEUED', 'REQUESTED', 'PENDING');
UPDATE payments_refund SET next_attempt_at = now() + interval '1 day' WHERE next_attempt_at IS NOT NULL;
UPDATE payments_webhookevent SET next_look_at = NULL, state = 'MATCHED' WHERE next_look_at IS NOT NULL;
UPDATE payments_deadletter SET replayed_at = now() WHERE replayed_at IS NULL
"""
_NOW = """
UPDATE payments_payment SET next_check_at = now() - interval '1 s' WHERE id = %(payment)s AND next_check_at IS NOT NULL;
UPDATE payments_refund SET next_attempt_at = now() - interval '1 s'
WHERE payment_id = %(payment)s AND next_attempt_at IS NOT NULL;
UPDATE payments_webhookevent SET next_look_at = now() - interval '1 s' WHERE next_look_at IS NOT NULL
"""
_IS_DUE = """
SELECT EXISTS (SELECT FROM payments_payment WHERE id = %(payment)s AND next_check_at IS NOT NULL)
    OR EXISTS (SELECT FROM payments_refund WHERE payment_id = %(payment)s AND next_attempt_at IS NOT NULL)
    OR EXISTS (SELECT FROM payments_webhookevent WHERE next_look_at IS NOT NULL)
"""


class World(Gateways):
    """The sandbox and what all races share. Everything in it begins anew with each race."""

    def __init__(self, sandbox: str) -> None:
        super().__init__(sandbox)
        get_gateway(OTHER).fetch_balance()  # it has its access token from here on
        self.keys = count(1)
        self.races = 0
        self.forget()

    def begin(self) -> None:
        super().begin()
        # How many calls, circuits, slots; but not since when Redis knows: a new one lets nobody through at first.
        if known := redis().keys("choptym:throttle:[^b]*"):
            redis().delete(*known)

    def forget(self) -> None:
        """Another database: what was made in the one before is not there."""
        self.shops = {currency: make_shop(currency=currency) for currency in PRICE}
        self.staff_id = make_staff().pk


@dataclass
class Case:
    world: World
    gateway: str
    payment_id: int = 0
    fault: str = ""  # what is wrong with the gateway when it is asked to collect
    waits: bool = True  # whether the payment's time may run out before the two knock
    subject: int = 0  # the try that is talked about
    charge: Charge | None = None  # of the try that is talked about
    check: Check | None = None  # the same: a worker had begun to ask what became of it
    second: Charge | None = None  # what a worker has asked the gateway for,
    answer: Accepted | Exception | None = None  # and what that answered
    dead_letters: int = 0  # were there from the start
    tells_again: bool = False  # the gateway, of the try that is talked about, until it is heard

    def __post_init__(self) -> None:
        self.world.begin()
        self.currency = "INR" if self.gateway == SIGNED else "XAF"
        self.user = make_user()
        self.token = Token.objects.create(user=self.user).key
        self.product = make_product(shop=self.world.shops[self.currency], stock=STOCK, price_minor=PRICE[self.currency])
        put_into_cart(self.user, self.product)
        number = next(self.world.keys)
        self.phone = make_phone() if self.currency == "XAF" else f"9{number:09d}"
        self.key = f"race-{number}"

    # The customer

    def check_out(self) -> HttpResponse:
        body: dict[str, object] = {"method": self.gateway}
        if self.gateway == "wallet":
            give_money(self.user, GIFT)
        else:
            body["phone"] = self.phone
        return self.ask_to_check_out(body)

    def ask_to_check_out(self, body: Mapping[str, object]) -> HttpResponse:
        answer = self.post("/api/checkout/", body, **{"Idempotency-Key": self.key})
        if answer.status_code == 202:
            self.payment_id = json.loads(answer.content)["payment"]["id"]
        return answer

    def top_up(self) -> None:
        money = {"amount_minor": PRICE[self.currency], "currency": self.currency}
        body = {"method": self.gateway, "phone": self.phone, **money}
        answer = self.post("/api/wallet/topups/", body, **{"Idempotency-Key": self.key})
        assert answer.status_code == 202, answer.content
        self.payment_id = json.loads(answer.content)["payment"]["id"]

    def post(self, path: str, body: Mapping[str, object], **headers: str) -> HttpResponse:
        answer: Any = Client().post(
            path, json.dumps(body), content_type="application/json",
            headers={"Authorization": f"Token {self.token}", **headers},
        )  # fmt: skip
        return HttpResponse(answer.content, status=answer.status_code, headers=dict(answer.items()))

    # Rows

    @property
    def payment(self) -> Payment:
        return Payment.objects.get(pk=self.payment_id)

    @property
    def attempt(self) -> PaymentAttempt:
        """The try that is talked about: the last one, unless the start says otherwise."""
        tries = PaymentAttempt.objects.filter(payment=self.payment_id).order_by("-number")
        return tries.get(pk=self.subject) if self.subject else tries[0]

    def change(self, **columns: object) -> None:
        Payment.objects.filter(pk=self.payment_id).update(**columns)

    def let_expire(self) -> None:
        self.change(expires_at=a_while_ago())

    def look(self) -> Picture:
        self.world.touch(self.gateway)
        if PaymentAttempt.objects.filter(payment=self.payment_id, gateway=OTHER).exists():
            self.world.touch(OTHER)
        return take_picture([self.user.pk], [self.product.pk], self.world.books() if self.gateway != "wallet" else [])

    # The gateway

    def entries(self) -> list[Row]:
        """What the sandbox has of the try that is talked about."""
        found = self.world.control("GET", f"{self.gateway}/books?reference={self.attempt.reference}")["entries"]
        return [entry for entry in found if entry["kind"] == "collection"]

    def calls_made(self) -> int:
        gateways = [self.gateway, OTHER] if self.gateway == PLAIN else [self.gateway]
        if self.gateway == "wallet":
            return 0
        return sum(int(self.world.control("GET", f"{name}/books?limit=1")["calls"]) for name in gateways)

    def decide(self, decision: str) -> None:
        """The payer does. A request that was stuck on its way arrives first."""
        if not self.entries():
            self.arrive()
        [entry] = self.entries()
        if entry["state"] not in {"collected", "failed" if decision == "decline" else "collected"}:
            self.world.decide({**entry, "gateway": self.gateway}, decision)

    def arrive(self) -> Accepted:
        money, phone = Money(PRICE[self.currency], self.currency), self.phone
        return get_gateway(self.gateway).collect(
            CollectRequest(str(self.attempt.reference), money, phone, "late", operator=operator_of(phone))
        )

    def taken_webhooks(self) -> list[Row]:
        """What the gateway wanted to tell; told once more when that was taken before."""
        return self._take_webhooks() or self._webhooks_told_again()

    def _webhooks_told_again(self) -> list[Row]:
        [entry] = self.entries()
        self.world.control("POST", f"{self.gateway}/webhooks/resend", gateway_id=entry["gateway_id"])
        return self._take_webhooks()

    def _take_webhooks(self) -> list[Row]:
        taken: list[Row] = self.world.control("POST", f"{self.gateway}/webhooks/take")["webhooks"]
        return taken

    def deliver(self, webhook: Row) -> int:
        answer: Any = Client().generic(
            webhook["method"],
            f"/webhooks/{self.gateway}/",
            webhook["body"],
            content_type="application/json",
            headers=webhook["headers"],
            query_params=webhook["query"],
        )
        return int(answer.status_code)

    # The time after

    def settle_down(self) -> None:
        """All that is due, and all that time would bring up, is done once more and again, until nothing changes."""
        if self.gateway == "wallet":
            return
        if self.tells_again:
            assert {self.deliver(webhook) for webhook in self._webhooks_told_again()} == {200}
        before: object = None
        for _ in range(ROUNDS):
            with connection.cursor() as cursor:
                for statement in _NOW.split(";"):
                    cursor.execute(statement, {"payment": self.payment_id})
                cursor.execute(_IS_DUE, {"payment": self.payment_id})
                if cursor.fetchone() == (False,):
                    return
            steps: list[Callable[[str], int]] = [match_batch, look_up_strangers, confirm_batch, send_refunds]
            for step in steps:
                step(self.payment.gateway)
            now = self._stand()
            if now == before:
                return
            before = now

    def _stand(self) -> object:
        tries = PaymentAttempt.objects.filter(payment=self.payment_id).order_by("pk").values_list("state")
        refunds = Refund.objects.filter(payment=self.payment_id).order_by("pk").values_list("state")
        waiting = WebhookEvent.objects.filter(next_look_at__isnull=False).count()
        return self.payment.state, [*tries], [*refunds], waiting

    def leave(self) -> None:
        """Nothing of it is due while others race."""
        with connection.cursor() as cursor:
            for statement in _LATER.split(";"):
                cursor.execute(statement)
