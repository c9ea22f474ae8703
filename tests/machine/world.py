"""What can happen to payments, one call each: customers, workers, payers, gateways, time."""

import json
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from rest_framework.authtoken.models import Token

from choptym.lib.deadline import moment
from choptym.lib.jobs import BELL_SECONDS, answer, publish, redis
from choptym.lib.money import Money
from orders.models import CartItem
from payments import charge, confirm, hand_out, tasks
from payments.ask import ask_all
from payments.gateways import get_gateway
from payments.gateways.base import Accepted, CollectRequest, RefundRequest
from payments.gateways.operators import operator_of
from payments.locks import Charge, claim_charge, claim_checks
from payments.models import WALLET, Refund
from payments.prove import find_breaks
from payments.refund import refund_payment, resolve_refund
from payments.refunds import send
from payments.refunds.locks import claim_refunds
from payments.refunds.write import Wish
from tests.factories import give_money, make_phone, make_product, make_shop, make_user
from tests.machine.gateways import GATEWAYS, Gateways
from tests.machine.parts import Customer, Message, columns_of_time, may_be_called, read_message
from tests.machine.picture import Picture, Row, take_picture

# One currency a customer. Three dishes, one of each priority.
PRICES = {"XAF": (2_500, 6_000, 11_000), "INR": (25_000, 80_000, 160_000)}
STOCK = 4
GIFTS = {"XAF": 6_000, "INR": 60_000}  # lies in the wallet from the start
# The machine does not send messages to customers: that is the notifications' own matter.
QUEUES = [queue for queue in settings.QUEUES if queue != "notifications"]
SWEEPERS = ("sweep_charges", "sweep_events", "sweep_confirmations", "expire_payments", "sweep_refunds")
STILL_WITHIN_SECONDS = 0.3
_BURY = """
UPDATE payments_payment SET state = 'CANCELLED', finished_at = now() WHERE state IN ('QUEUED', 'REQUESTED', 'PENDING');
UPDATE payments_refund SET state = 'FAILED', finished_at = now(), next_attempt_at = NULL WHERE finished_at IS NULL
"""
_TIMES = (
    "payments_payment WHERE user_id = ANY(%(users)s)",
    "payments_paymentattempt WHERE payment_id IN (SELECT id FROM payments_payment WHERE user_id = ANY(%(users)s))",
    "payments_refund WHERE payment_id IN (SELECT id FROM payments_payment WHERE user_id = ANY(%(users)s))",
    "payments_webhookevent WHERE next_look_at IS NOT NULL",
)


class World(Gateways):
    """One for all examples; begin() makes everything anew for the next."""

    def __init__(self, sandbox: str) -> None:
        super().__init__(sandbox)
        get_gateway("campay").fetch_balance()  # it has its access token from here on: what happens never hangs on that
        self._shops = {currency: make_shop(currency=currency) for currency in PRICES}
        self.staff_id = make_user().pk
        self._keys = count(1)
        self._columns = columns_of_time()
        self._client = Client()
        self._known: set[str] = set()
        self._stood_still_at = time.monotonic()

    def begin(self) -> None:
        super().begin()
        self.lose_messages()
        self.forget_bells()
        self.forget_limits()
        self.customers = [self._make_customer(currency) for currency in PRICES]
        self._stood_still_at = time.monotonic()
        self.look()

    def _make_customer(self, currency: str) -> Customer:
        user, shop = make_user(), self._shops[currency]
        give_money(user, GIFTS[currency], currency)
        products = [make_product(shop=shop, stock=STOCK, price_minor=price).pk for price in PRICES[currency]]
        phone = make_phone() if currency == "XAF" else f"9{next(self._keys):09d}"
        return Customer(user.pk, phone, Token.objects.create(user=user).key, currency, products)

    def new_breaks(self) -> dict[str, list[str]]:
        """What the project's own proof finds wrong, but for what earlier examples left behind when they failed."""
        found = {
            name: [place for place in places if place not in self._known] for name, places in find_breaks().items()
        }
        return {name: places for name, places in found.items() if places}

    def end(self, *, in_the_middle: bool) -> None:
        """Whatever still waits belongs to an example that is over: nothing of it may reach the next one."""
        with connection.cursor() as cursor:
            cursor.execute("UPDATE payments_payment SET next_check_at = NULL WHERE next_check_at IS NOT NULL")
            cursor.execute("UPDATE payments_webhookevent SET next_look_at = NULL WHERE next_look_at IS NOT NULL")
            if in_the_middle:
                cursor.execute(_BURY)
        if in_the_middle:
            self._known.update(place for places in find_breaks().values() for place in places)

    # Looking

    def look(self) -> Picture:
        """Everything as it is now."""
        self._stand_still()
        products = [product for customer in self.customers for product in customer.products]
        self.seen = take_picture([customer.id for customer in self.customers], products, self.books())
        return self.seen

    def messages(self) -> list[Message]:
        """What waits for workers: in an order that does not hang on how the rows were found.

        Whoever is rung for to charge hands out at once; what a thread of the crew then has in hand stands as a message:
        it may come late, twice, or be lost.
        """
        for bell in [one for one in self._read() if one.task == tasks.charge_due.name]:
            self.lose(bell)
            self._hand_out(bell.queue)
        return sorted(self._read(), key=lambda one: (one.queue, one.task, str(one.arguments)))

    def _read(self) -> list[Message]:
        with redis().pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.lrange(settings.KEY_PREFIX + queue, 0, -1)
            found = zip(QUEUES, pipe.execute(), strict=True)
        return [read_message(queue, raw) for queue, raws in found for raw in raws]

    # Customers

    def check_out(self, customer: Customer, lines: Mapping[int, int], **wish: object) -> HttpResponse:
        for product, quantity in lines.items():
            CartItem.objects.update_or_create(
                user_id=customer.id, product_id=customer.products[product], order=None, defaults={"quantity": quantity}
            )
        return self.ask(customer, "/api/checkout/", f"key-{next(self._keys)}", dict(wish))

    def top_up(self, customer: Customer, amount_minor: int, **wish: object) -> HttpResponse:
        body = {"amount_minor": amount_minor, **wish}
        return self.ask(customer, "/api/wallet/topups/", f"key-{next(self._keys)}", body)

    def ask(self, customer: Customer, path: str, key: str, body: Row) -> HttpResponse:
        if body.get("method") != "wallet":
            body = {**body, "phone": customer.phone}
        answer = self._call("POST", path, body, customer, **{"Idempotency-Key": key})
        if answer.status_code == 202 and "Idempotency-Replayed" not in answer:
            customer.asked.append((path, key, body, json.loads(answer.content)["payment"]["id"]))
        return answer

    def cancel(self, customer: Customer, payment_id: int) -> HttpResponse:
        return self._call("POST", f"/api/payments/{payment_id}/cancel/", {}, customer)

    def _call(self, method: str, path: str, body: object, customer: Customer, **headers: str) -> HttpResponse:
        given = {"Authorization": f"Token {customer.token}", **headers}
        answer: Any = self._client.generic(
            method, path, json.dumps(body), content_type="application/json", headers=given
        )
        return HttpResponse(answer.content, status=answer.status_code, headers=dict(answer.items()))

    # Staff

    def refund(self, payment_id: int, wish: Wish) -> Refund:
        return refund_payment(payment_id, wish, actor_id=self.staff_id)

    def refund_outside(self, attempt: Row, amount_minor: int, currency: str, *, is_link: bool) -> None:
        """Somebody gives back a part of this collection at the gateway, without us."""
        self.touch(attempt["gateway"])
        reference = str(UUID(int=next(self._keys), version=4))
        money = Money(amount_minor, currency)
        get_gateway(attempt["gateway"]).refund(RefundRequest(reference, attempt["transaction"], money, is_link=is_link))

    def resolve(self, refund_id: int, *, was_given: bool) -> None:
        resolve_refund(refund_id, actor_id=self.staff_id, was_given=was_given, reason="seen on the gateway's pages")

    # Workers

    def lose_messages(self) -> None:
        redis().delete(*(settings.KEY_PREFIX + queue for queue in settings.QUEUES))

    def lose(self, message: Message) -> None:
        redis().lrem(settings.KEY_PREFIX + message.queue, 1, message.raw)  # type: ignore[arg-type]

    def forget_bells(self) -> None:
        if bells := redis().keys("choptym:bell:*"):
            redis().delete(*bells)

    def forget_limits(self) -> None:
        """How many calls, circuits, slots; but not since when Redis knows: a new Redis lets nobody through at first."""
        if limits := redis().keys("choptym:throttle:[^b]*"):
            redis().delete(*limits)

    def work(self, message: Message, fault: Mapping[str, Mapping[str, object]] | None = None) -> None:
        """A worker takes this message and does what it says; meanwhile this is wrong, by gateway."""
        self.lose(message)
        gateway = self.gateway_of(message)
        for name in may_be_called(gateway):
            self.touch(name)
        with self.wrong(gateway, (fault or {}).get(gateway, {})):
            current_app.tasks[message.task](*message.arguments)
        if fault and gateway:
            redis().delete(f"choptym:throttle:rate:{gateway}")  # a busy gateway would make us wait in earnest

    def _hand_out(self, queue: str) -> None:
        answer(tasks.charge_due, queue)
        for one in hand_out.in_hand(hand_out.priority_of(queue), settings.CHARGE_THREADS):
            task = tasks.pay_from_wallet if one.gateway == WALLET else tasks.charge_payment
            publish(task, one.payment_id, queue=queue)

    def gateway_of(self, message: Message) -> str:
        """Whom it makes a worker call; "" for nobody."""
        [about, *_] = message.arguments or [""]
        if message.task.endswith("charge_payment"):
            return str(self.seen.find_payment(about)["gateway"])
        return about if about in GATEWAYS else ""

    def tick(self, *sweepers: str) -> None:
        """Beat: these sweepers, once."""
        for name in sweepers:
            getattr(tasks, name)()

    def die(self, payment_id: int, *, has_asked: bool) -> tuple[Charge, Accepted] | None:
        """A worker claims the payment, perhaps asks the gateway, and is not heard of again; unless it wakes."""
        claimed = claim_charge(payment_id, self.seen.find_payment(payment_id)["gateway"])
        if claimed:
            self.touch(claimed.gateway)
        return (claimed, charge._ask(claimed)) if claimed and has_asked else None

    def wake(self, asleep: tuple[Charge, Accepted]) -> None:
        """A worker that was paused after the gateway's answer writes it down now."""
        charge._record_accepted(*asleep)

    def die_refunding(self, gateway: str, *, has_asked: bool) -> Callable[[], None] | None:
        """The same with a refund that is due."""
        self.touch(gateway)
        began = moment()
        dues = claim_refunds(gateway, 1, may_send_again=get_gateway(gateway).rules.refund_is_repeatable)
        if not dues or not has_asked:
            return None
        word = send._call(gateway, dues[0], began)
        return lambda: send._record(word)

    def ask_slowly(self, gateway: str) -> Callable[[], None] | None:
        """A worker asks the gateway, and is paused before it takes up the answers: that is what is returned."""
        self.touch(gateway)
        began = moment()
        checks = [check for check in claim_checks(gateway, 10) if check.attempt_id is not None]
        answers = [answer for group in ask_all(gateway, checks, began) for answer in group]
        return (lambda: confirm._take_up(gateway, answers)) if answers else None

    def arrive(self, attempt: Row) -> None:
        """A request that was stuck on its way reaches the gateway after all. Nobody waits for the answer."""
        self.touch(attempt["gateway"])
        payment = self.seen.find_payment(attempt["payment"])
        phone = next(customer.phone for customer in self.customers if customer.id == payment["user"])
        request = CollectRequest(
            attempt["reference"], Money(payment["amount"], "XAF"), phone, "late", operator=operator_of(phone)
        )
        get_gateway(attempt["gateway"]).collect(request)

    def deliver(self, gateway: str, webhook: Row) -> int:
        answer: Any = self._client.generic(
            webhook["method"],
            f"/webhooks/{gateway}/",
            webhook["body"],
            content_type="application/json",
            headers=webhook["headers"],
            query_params=webhook["query"],
        )
        return int(answer.status_code)

    # Time

    def pass_time(self, seconds: int) -> None:
        """Every time that stands in this example's rows is so much longer ago; bells and limits are forgotten."""
        self._shift(seconds)
        self.forget_bells()
        self.forget_limits()

    def _shift(self, seconds: float) -> None:
        users = [customer.id for customer in self.customers]
        with connection.cursor() as cursor:
            for rows in _TIMES:
                table, _, which = rows.partition(" ")
                # What is past stays past: a row that was just written may be younger than the time that is taken back.
                moved = "least({0} - interval '{1} s', CASE WHEN {0} <= now() THEN now() END)"
                changes = ", ".join(f"{name} = {moved.format(name, seconds)}" for name in self._columns[table])
                cursor.execute(f"UPDATE {table} SET {changes} {which}", {"users": users})  # noqa: S608

    def _stand_still(self) -> None:
        """Take back the time that really went by: an example on a slow machine is the same as on a quick one."""
        gone = time.monotonic() - self._stood_still_at
        if gone > STILL_WITHIN_SECONDS:
            self._shift(-gone)
            self._stood_still_at += gone
            for bell in redis().keys("choptym:bell:*"):
                redis().expire(bell, BELL_SECONDS)
