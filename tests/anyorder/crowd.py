"""Many payments with one story, each with a plan of its own: they take their steps together."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.db import connection
from django.test import Client

from choptym.lib.deadline import moment
from choptym.lib.errors import NotAllowed
from orders.models import Product
from payments import confirm
from payments.ask import ask_all
from payments.cancel import cancel_payment
from payments.charge import charge_payment
from payments.confirm import confirm_batch
from payments.expire import expire_batch
from payments.locks import claim_checks
from payments.match import match_batch
from payments.models import Payment
from payments.prove import find_breaks
from payments.refunds.send import send_refunds
from payments.review import accept_payment
from payments.states import PaymentState
from payments.strangers import look_up_strangers
from tests.anyorder.digest import Digest, Kept, digests_of, events_of
from tests.anyorder.payers import Member, Payers
from tests.anyorder.plans import ANSWER, CANCEL, EXPIRE, POLL, RIVAL, Plan, is_deed
from tests.anyorder.stories import LIES, Story
from tests.factories import fresh, make_order, make_payment, make_product, make_shop, make_user, put_into_cart
from tests.machine.gateways import Gateways
from tests.machine.picture import Row

PRICES = {"XAF": 2_500, "INR": 74_950}
CURRENCIES = {"fapshi": "XAF", "campay": "XAF", "razorpay": "INR", "cashfree": "INR"}
QUIET_ROUNDS = 8
_phones = {"XAF": count(670_100_000), "INR": count(9_300_000_100)}

_DUE = """
UPDATE payments_payment SET next_check_at = now() - interval '1 second' WHERE next_check_at IS NOT NULL;
UPDATE payments_webhookevent SET next_look_at = now() - interval '1 second' WHERE next_look_at IS NOT NULL;
UPDATE payments_refund SET next_attempt_at = now() - interval '1 second' WHERE next_attempt_at IS NOT NULL
"""
_ONLY_DUE = """
UPDATE payments_payment
SET next_check_at = now() + CASE WHEN id = ANY(%s) THEN interval '-1 second' ELSE interval '1 day' END
WHERE next_check_at IS NOT NULL
"""
_WAITING = """
SELECT (SELECT count(*) FROM payments_payment WHERE next_check_at IS NOT NULL)
     + (SELECT count(*) FROM payments_webhookevent WHERE next_look_at IS NOT NULL)
     + (SELECT count(*) FROM payments_refund WHERE next_attempt_at IS NOT NULL)
"""
_OVER = """
UPDATE payments_payment SET next_check_at = NULL WHERE next_check_at IS NOT NULL;
UPDATE payments_payment SET state = 'CANCELLED', finished_at = now() WHERE state IN ('QUEUED', 'REQUESTED', 'PENDING');
UPDATE payments_webhookevent SET next_look_at = NULL WHERE next_look_at IS NOT NULL;
UPDATE payments_refund SET next_attempt_at = NULL, state = 'FAILED', finished_at = coalesce(finished_at, now())
WHERE next_attempt_at IS NOT NULL
"""


@dataclass(frozen=True)
class End:
    """What our tables say of one member, and which events of it they hold."""

    member: Member
    digest: Digest
    events: list[Kept]


class Crowd:
    """`live()` is what is tried: each payment takes the steps of its plan, and then all is done that is due."""

    def __init__(self, gateways: Gateways, story: Story, plans: Sequence[Plan]) -> None:
        self.story = story
        self.gateway = story.gateway
        self.client = Client()
        self._gateways = gateways
        self._run(_OVER)  # nothing of the crowds before
        self._breaks_before = set(_all_breaks())
        gateways.begin()
        gateways.control("PATCH", self.gateway, **story.knobs)
        self._shop = make_shop(currency=CURRENCIES[self.gateway])
        self._staff_id = make_user().pk
        self._other_dish = make_product(shop=self._shop, price_minor=100)
        self.members = [self._make_member(plan) for plan in plans]
        self._tell_story()

    def _make_member(self, plan: Plan) -> Member:
        """Two plates of a dish of their own, charged; something else stays in the cart."""
        currency, user = CURRENCIES[self.gateway], make_user()
        dish = make_product(shop=self._shop, price_minor=PRICES[currency])
        order = make_order(user=user, lines=[(dish, 2)])
        put_into_cart(user, self._other_dish)
        payment = make_payment(
            order=order, gateway=self.gateway, by_link=self.story.by_link, phone=str(next(_phones[currency]))
        )
        charge_payment(payment.pk)
        payment = fresh(payment)
        assert payment.state == "PENDING", payment.problem
        return Member(payment, payment.attempts.get(), plan, self._shop.name, dish.pk)

    def _tell_story(self) -> None:
        payers = Payers(self._gateways, self.story, self.members)
        for deed in self.story.deeds:
            if deed == "ask":
                self._ask_slowly()
            else:
                payers.do(deed)
        for member in self.members:
            assert sorted(member.webhooks) == sorted(self.story.events), sorted(member.webhooks)
            member.webhooks |= {lie: self._lie(member, lie) for lie in self.story.lies}

    def _lie(self, member: Member, lie: str) -> Row:
        """What somebody with the secret might write, from a true one."""
        true = member.webhooks["SUCCESSFUL"]
        changes = dict(LIES[lie].changes)
        if "transId" in changes:
            changes["transId"] = f"X{member.payment.pk:08d}"
        return {**true, "body": json.dumps({**json.loads(true["body"]), **changes})}

    def _ask_slowly(self) -> None:
        """A worker asks about everybody now; what it hears is taken up whenever a plan says so."""
        self._run(_ONLY_DUE, [member.payment.pk for member in self.members])
        by_payment = {member.payment.pk: member for member in self.members}
        while checks := claim_checks(self.gateway, 100):
            for group in ask_all(self.gateway, checks, moment()):
                for answer in group:
                    by_payment[answer.check.payment_id].answers.append(answer)

    # What is tried

    def live(self) -> None:
        for number in range(max(len(member.plan) for member in self.members)):
            steps = [(member, member.plan[number]) for member in self.members if number < len(member.plan)]
            self._take(steps)
        self.quiet()

    def _take(self, steps: Sequence[tuple[Member, str]]) -> None:
        told = [(member, step) for member, step in steps if not is_deed(step)]
        for member, step in told:
            for event in step.split("|"):
                self.tell(member, event)
        if told:
            self.match()
        if polled := [member.payment.pk for member, step in steps if step == POLL]:
            self._run(_ONLY_DUE, polled)
            while confirm_batch(self.gateway):
                pass
        for member, step in steps:
            if is_deed(step) and step != POLL:
                self._do(member, step)

    def _do(self, member: Member, step: str) -> None:
        if step == CANCEL:
            with suppress(NotAllowed):  # it has ended
                cancel_payment(member.payment.pk)
        elif step == RIVAL:
            self._buy_all(member)
        elif step == EXPIRE:
            self._run("UPDATE payments_payment SET expires_at = now() WHERE id = %s", member.payment.pk)
            expire_batch()
        elif step.startswith(ANSWER):
            answer = member.answers[int(step.removeprefix(ANSWER))]
            confirm._take_up(self.gateway, [answer])

    def _buy_all(self, member: Member) -> None:
        """Somebody else orders all that is left of this dish."""
        dish = Product.objects.get(pk=member.dish_id)
        if dish.stock_on_hand:
            order = make_order(lines=[(dish, dish.stock_on_hand)])
            make_payment(order=order, gateway="wallet")  # whose turn never comes here

    def tell(self, member: Member, event: str, client: Client | None = None) -> None:
        """Through the door, byte for byte."""
        webhook = member.webhooks[event]
        answer: Any = (client or self.client).generic(
            webhook["method"],
            f"/webhooks/{self.gateway}/",
            webhook["body"],
            content_type="application/json",
            headers=webhook["headers"],
            query_params=webhook["query"],
        )
        assert answer.status_code == 200, answer.content

    def match(self) -> None:
        while match_batch(self.gateway):
            pass

    def quiet(self) -> None:
        """No more news: everything that is due, or will be, is done."""
        for _ in range(QUIET_ROUNDS):
            self._decide()
            if not self._count():
                return
            self._run(_DUE)
            for work in (match_batch, look_up_strangers, confirm_batch, send_refunds):
                while work(self.gateway):
                    pass

    def _decide(self) -> None:
        """A person looks at what is under review, reads on the gateway's pages what came, and lets it pay its order."""
        ids = [member.payment.pk for member in self.members]
        doubtful = set(Payment.objects.filter(pk__in=ids, state=PaymentState.REVIEW).values_list("pk", flat=True))
        for member in self.members:
            if member.payment.pk in doubtful:
                reason, collected = "seen on the gateway's pages", member.payment.amount
                accept_payment(member.payment.pk, actor_id=self._staff_id, reason=reason, collected=collected)
                member.was_decided = True

    def _count(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(_WAITING)
            return int(cursor.fetchone()[0])

    def _run(self, query: str, *values: int | list[int]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(query, values or None)

    # What came of it

    def ends(self) -> list[End]:
        ends = zip(self.members, digests_of(self.members), events_of(self.members), strict=True)
        return [End(*end) for end in ends]

    def new_breaks(self) -> list[str]:
        """What the proof of the books finds, but for what was there before."""
        return sorted(set(_all_breaks()) - self._breaks_before)


def _all_breaks() -> list[str]:
    return [f"{name}: {place}" for name, places in find_breaks().items() for place in places]
