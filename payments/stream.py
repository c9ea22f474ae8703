"""Following a payment as server-sent events: one loop per process reads for everybody who watches.

Ten or five thousand watchers cost the same one query per tick; what changed is sent to those who watch it.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.utils.translation import get_language_from_request
from django.views.decorators.http import require_GET
from psycopg_pool import PoolTimeout
from rest_framework.exceptions import APIException, NotAuthenticated
from rest_framework.request import Request

from choptym.lib.api_errors import answer_error, error_body
from choptym.lib.errors import Rejected
from choptym.lib.throttle import count_read
from choptym.lib.tokens import TokenAuthentication
from payments.models import Payment
from payments.progress import is_paused, paused_until
from payments.serializers import show_payment
from payments.states import FINAL_STATES

TICK_SECONDS = 0.5
# A line that says nothing, so that proxies keep the stream open and a dead client is noticed.
SILENCE_SECONDS = 15.0

READ_THREADS = 4
# Of one customer at a time: a few payments on a few devices. Each costs memory, and a look every tick, until it ends.
STREAMS_EACH = 5

Body = dict[str, Any]
Result = TypeVar("Result")
Watched = tuple[int, str]  # a payment, and the language in which it is shown


class TooManyStreams(Rejected):
    """One of the others has to end. One whose client closed it is noticed with its next sign of life; one whose client
    vanished from the network, when the kernel in front gives up on it (deploy/compose.yaml: tcp_retries2)."""

    code = "too_many_streams"
    http_status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self) -> None:
        super().__init__(f"You have {STREAMS_EACH} streams open already.")
        self.retry_after_seconds = SILENCE_SECONDS


class Place:
    """One of the streams that a customer may have open at a time."""

    def __init__(self, user_id: int, number: int) -> None:
        self.key = user_id, number


class Hub:
    """Who watches which payment, and the loop that reads for them. Lives in one event loop."""

    def __init__(self) -> None:
        # Weak: whose client goes before its first event never begins to stream, so nothing would give its place back.
        self._places: WeakValueDictionary[tuple[int, int], Place] = WeakValueDictionary()
        self._watchers: dict[Watched, set[asyncio.Queue[Body]]] = defaultdict(set)
        self._last: dict[Watched, tuple[object, ...]] = {}
        self._loop: asyncio.Task[None] | None = None

    def take_place(self, user_id: int) -> Place:
        """Free again when it is left, or when nobody holds it any more.

        Raises:  TooManyStreams.
        """
        for number in range(STREAMS_EACH):
            if (user_id, number) not in self._places:
                place = self._places[user_id, number] = Place(user_id, number)
                return place
        raise TooManyStreams

    def leave(self, place: Place) -> None:
        self._places.pop(place.key, None)

    async def watch(self, watched: Watched) -> AsyncIterator[Body | None]:
        """The payment's bodies as they change; None after a silence."""
        queue: asyncio.Queue[Body] = asyncio.Queue()
        self._watchers[watched].add(queue)
        # It may have changed since this watcher read it: the next tick tells everybody anew.
        self._last.pop(watched, None)
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._run())
        try:
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), SILENCE_SECONDS)
                except TimeoutError:
                    yield None
        finally:
            self._watchers[watched].discard(queue)
            if not self._watchers[watched]:
                del self._watchers[watched]
                self._last.pop(watched, None)

    async def _run(self) -> None:
        while self._watchers:
            try:
                changed = await _in_thread(self._read, list(self._watchers))
            except (OperationalError, PoolTimeout):
                changed = {}  # the database is away; the watchers keep their stream, and hear when it is back
            for watched, body in changed.items():
                for queue in self._watchers.get(watched, ()):
                    queue.put_nowait(body)
            await asyncio.sleep(TICK_SECONDS)

    def _read(self, watched: list[Watched]) -> dict[Watched, Body]:
        """The bodies of those that changed since the last tick."""
        changed = {}
        payments = Payment.objects.in_bulk({payment_id for payment_id, _ in watched})
        for payment_id, language in watched:
            payment = payments[payment_id]  # payments are never deleted
            changes = (payment.state, payment.failure_code, payment.attempts_made, payment.next_attempt_at)
            mark = (*changes, is_paused(payment), paused_until(payment))
            if self._last.get((payment_id, language)) != mark:
                self._last[payment_id, language] = mark
                changed[payment_id, language] = show_payment(payment, language)
        return changed


hub = Hub()
# Django keeps a thread, and with it a connection, for as long as a response lasts: a dozen streams would have them all.
_threads = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="stream")


async def _in_thread(read: Callable[..., Result], *arguments: Any) -> Result:
    """Read in one of a few threads of our own, and give the connection back before the stream goes on."""

    def run() -> Result:
        try:
            return read(*arguments)
        finally:
            connection.close()

    return await asyncio.get_running_loop().run_in_executor(_threads, run)


@require_GET
async def events(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """`event: payment` with the body of GET /api/payments/{id}/ at once and at every change; ends when the payment has.

    Served by the event process; the web process sends the client there. Clients that drop Authorization on the way
    take the payment's `events_url` instead. The document describes it in payments/openapi.py.
    """
    if not isinstance(request, ASGIRequest):
        return _elsewhere(request)
    language = get_language_from_request(request)
    try:
        payment = await _in_thread(_own_payment, request, payment_id)
        if payment is None:
            return JsonResponse(error_body("not_found", "There is no such payment."), status=HTTPStatus.NOT_FOUND)
        first = await _in_thread(show_payment, payment, language)
        place = hub.take_place(payment.user_id)
    except (APIException, TooManyStreams, OperationalError, PoolTimeout) as error:
        return _refusal(error)
    response = StreamingHttpResponse(_lines(place, (payment_id, language), first), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _elsewhere(request: HttpRequest) -> HttpResponseBase:
    if not settings.EVENTS_URL:
        message = "The event stream is served by another process."
        return JsonResponse(error_body("not_here", message), status=HTTPStatus.NOT_FOUND)
    response = HttpResponseRedirect(f"{settings.EVENTS_URL}{request.path}")
    response.status_code = HTTPStatus.TEMPORARY_REDIRECT
    return response


def _own_payment(request: HttpRequest, payment_id: int) -> Payment | None:
    """The payment, if the token is its customer's. A stranger learns no more than that it is not theirs.

    Raises:  NotAuthenticated, AuthenticationFailed, Throttled.
    """
    found = TokenAuthentication().authenticate(Request(request))
    if found is None:
        raise NotAuthenticated
    count_read(found[0].pk)
    return Payment.objects.filter(pk=payment_id, user_id=found[0].pk).first()


def _refusal(error: Exception) -> JsonResponse:
    """What the API would answer."""
    answer = answer_error(error, {})
    assert answer is not None  # noqa: S101 - it knows every error that is caught above
    headers = {name: answer.headers[name] for name in ("Retry-After",) if name in answer.headers}
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = TokenAuthentication.keyword
    return JsonResponse(answer.data, status=answer.status_code, headers=headers)


async def _lines(place: Place, watched: Watched, first: Body) -> AsyncIterator[bytes]:
    try:
        yield _line(first)
        if first["status"] in FINAL_STATES:
            return
        async for body in hub.watch(watched):
            if body is None:
                yield b": still here\n\n"
                continue
            if any(body[name] != first[name] for name in ("steps", "status", "failure_code", "paused", "paused_until")):
                yield _line(body)
                first = body
            if body["status"] in FINAL_STATES:
                return
    finally:
        hub.leave(place)


def _line(body: Body) -> bytes:
    return f"event: payment\ndata: {json.dumps(body)}\n\n".encode()
