"""The gate in front of every request to a gateway: none leaves without a place in the line and a slot.

It stands in the network door that the adapters are made with, so that nobody can forget it: one method of an adapter
may send several requests, and each counts.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from uuid import uuid4

from redis import RedisError

from choptym.lib.deadline import Deadline
from choptym.lib.errors import Held
from choptym.lib.outbound import Hear
from payments.throttle.admit import WITHOUT_REDIS_SECONDS, current_admission, wait_until
from payments.throttle.heard import Heard, Kind
from payments.throttle.lead import Lead, to_ask, to_claim
from payments.throttle.limits import Limits, limits_of
from payments.throttle.rate import slow_down
from payments.throttle.slots import give_back_question, lease_milliseconds
from payments.throttle.store import run, text

CHARGE, QUESTION = "charge", "question"

# A request that is turned away asks again for so long; then its caller comes back another time.
PATIENCE_SECONDS = 5.0
# Somebody has ordered that nothing leaves. What waits is taken up again soon after they say otherwise.
HELD_BACK_SECONDS = 1.0
_SHORTEST_SLEEP_SECONDS = 0.02


class Gate:
    """One gateway's. `read_wait` finds in the headers of a 429 how long to stay away."""

    def __init__(self, gateway: str, read_wait: Callable[[Mapping[str, str]], float | None]) -> None:
        self._gateway = gateway
        self._read_wait = read_wait

    @contextmanager
    def passing(self, deadline: Deadline) -> Iterator[Hear]:
        """Wait for this request's turn, and hold its slot while it is under way. Raises Held: nothing was sent.

        Whoever sends it tells what the gateway answered; who tells nothing had no answer.
        """
        admission = current_admission(self._gateway)
        if admission is not None:
            lead = to_claim[self._gateway]
            if not (admission.is_unspent and _is_in_time(admission.ready_at, admission.late_seconds, lead)):
                self._line_up(CHARGE, "", deadline)
            self._limits(CHARGE)  # again: a line is longer than an order takes to be in force
            admission.is_unspent = False
            with self._listening(admission.heard) as hear:
                yield hear
            return
        holder, answers = uuid4().hex, list[Heard]()
        try:
            self._line_up(QUESTION, holder, deadline)
            self._limits(QUESTION)
            with self._listening(answers) as hear:
                yield hear
        finally:
            give_back_question(self._gateway, holder, answers)

    @contextmanager
    def _listening(self, answers: list[Heard]) -> Iterator[Hear]:
        began, statuses = time.monotonic(), list[int]()

        def hear(status: int, headers: Mapping[str, str]) -> None:
            statuses.append(status)
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                slow_down(self._gateway, self._read_wait(headers), sent_seconds_ago=time.monotonic() - began)

        try:
            yield hear
        finally:
            answers += _as_heard(statuses, time.monotonic() - began)

    def _line_up(self, side: str, holder: str, deadline: Deadline) -> None:
        gives_up_at = time.monotonic() + min(PATIENCE_SECONDS, deadline.left_seconds() / 2)
        while True:
            asked_at = time.monotonic()
            answer, wait_seconds, late_seconds = self._ask(side, holder)
            if answer == "go" and _is_in_time(asked_at + wait_seconds, late_seconds, to_ask[self._gateway]):
                return
            again_at = asked_at + max(wait_seconds, _SHORTEST_SLEEP_SECONDS)
            if again_at > gives_up_at:
                raise Held(f"{self._gateway} is busy with others", retry_after_seconds=wait_seconds + 1)
            wait_until(again_at)

    def _ask(self, side: str, holder: str) -> tuple[str, float, float]:
        now = self._limits(side)
        limits = (lease_milliseconds(), now.per_second, now.most, to_ask[self._gateway].seconds * 1000)
        try:
            answer, wait_ms, late_ms = run("pass", self._gateway, side, holder, *limits)
        except RedisError as error:
            raise Held("no request is sent without Redis", retry_after_seconds=WITHOUT_REDIS_SECONDS) from error
        return text(answer), wait_ms / 1000, late_ms / 1000

    def _limits(self, side: str) -> Limits:
        """Raises Held when such a request may not leave now."""
        now = limits_of(self._gateway)
        if not (now.may_charge if side == CHARGE else now.may_ask):
            raise Held(f"{self._gateway} is held back by order", retry_after_seconds=HELD_BACK_SECONDS)
        return now


def _as_heard(statuses: Sequence[int], seconds: float) -> list[Heard]:
    if HTTPStatus.TOO_MANY_REQUESTS in statuses:
        return []  # counted already
    is_answered = bool(statuses) and statuses[0] < HTTPStatus.INTERNAL_SERVER_ERROR
    return [Heard(Kind.TAKEN if is_answered else Kind.ILL, seconds)]


def _is_in_time(place: float, late_seconds: float, lead: Lead) -> bool:
    """Wait for this place in the line. False: it has passed, and is lost (see scripts/rate.lua)."""
    wait_until(place)
    too_late = time.monotonic() - place - late_seconds
    lead.note(too_late)
    return too_late < 0
