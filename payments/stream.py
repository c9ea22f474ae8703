"""Following a payment as server-sent events: one loop per process reads for everybody who watches.

Ten or five thousand watchers cost the same one query per tick; what changed is sent to those who watch it.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import OperationalError, close_old_connections
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.utils.translation import get_language_from_request
from django.views.decorators.http import require_GET
from psycopg_pool import PoolTimeout
from rest_framework.authtoken.models import Token

from choptym.lib.api_errors import error_body
from payments.models import Payment
from payments.serializers import show_payment
from payments.states import FINAL_STATES

TICK_SECONDS = 0.5
# A line that says nothing, so that proxies keep the stream open and a dead client is noticed.
SILENCE_SECONDS = 15.0

Body = dict[str, Any]


class Hub:
    """Who watches which payment, and the loop that reads for them. Lives in one event loop."""

    def __init__(self) -> None:
        self._watchers: dict[int, set[asyncio.Queue[Body]]] = defaultdict(set)
        self._last: dict[int, tuple[object, ...]] = {}
        self._loop: asyncio.Task[None] | None = None

    async def watch(self, payment_id: int) -> AsyncIterator[Body | None]:
        """The payment's bodies as they change; None after a silence."""
        queue: asyncio.Queue[Body] = asyncio.Queue()
        self._watchers[payment_id].add(queue)
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._run())
        try:
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), SILENCE_SECONDS)
                except TimeoutError:
                    yield None
        finally:
            self._watchers[payment_id].discard(queue)
            if not self._watchers[payment_id]:
                del self._watchers[payment_id]
                self._last.pop(payment_id, None)

    async def _run(self) -> None:
        while self._watchers:
            try:
                changed = await sync_to_async(self._read)(list(self._watchers))
            except (OperationalError, PoolTimeout):
                changed = {}  # the database is away; the watchers keep their stream, and hear when it is back
            for payment_id, body in changed.items():
                for queue in self._watchers.get(payment_id, ()):
                    queue.put_nowait(body)
            await asyncio.sleep(TICK_SECONDS)

    def _read(self, payment_ids: list[int]) -> dict[int, Body]:
        """The bodies of those that changed since the last tick."""
        close_old_connections()
        changed = {}
        for payment in Payment.objects.filter(pk__in=payment_ids):
            mark = (payment.state, payment.attempts_made, payment.next_attempt_at)
            if self._last.get(payment.pk) != mark:
                self._last[payment.pk] = mark
                changed[payment.pk] = show_payment(payment)
        return changed


hub = Hub()


@require_GET
async def events(request: HttpRequest, payment_id: int) -> HttpResponseBase:
    """`event: payment` with the body of GET /api/payments/{id}/ at once and at every change; ends when the payment has.

    Served by the event process; the web process sends the client there.
    """
    if not isinstance(request, ASGIRequest):
        return _elsewhere(request)
    payment = await sync_to_async(_own_payment)(request.headers.get("Authorization", ""), payment_id)
    if payment is None:
        return JsonResponse(error_body("not_found", "There is no such payment."), status=HTTPStatus.NOT_FOUND)
    first = await sync_to_async(show_payment)(payment, get_language_from_request(request))
    response = StreamingHttpResponse(_lines(payment_id, first), content_type="text/event-stream")
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


def _own_payment(authorization: str, payment_id: int) -> Payment | None:
    """The payment, if the token is its customer's. A stranger learns no more than that it is not theirs."""
    scheme, _, key = authorization.partition(" ")
    if scheme != "Token" or not key.isalnum():
        return None
    token = Token.objects.filter(key=key, user__is_active=True).first()
    return Payment.objects.filter(pk=payment_id, user_id=token.user_id).first() if token else None


async def _lines(payment_id: int, first: Body) -> AsyncIterator[bytes]:
    yield _line(first)
    if first["status"] in FINAL_STATES:
        return
    async for body in hub.watch(payment_id):
        if body is None:
            yield b": still here\n\n"
            continue
        yield _line(body)
        if body["status"] in FINAL_STATES:
            return


def _line(body: Body) -> bytes:
    return f"event: payment\ndata: {json.dumps(body)}\n\n".encode()
