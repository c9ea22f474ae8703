"""The door for the gateways: check who speaks, store once, ring, answer. Nothing else happens here.

What an event says is kept as facts only where the gateway's signature covers the body: they may settle a payment.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeAlias

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.translation import activate
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from psycopg_pool import PoolTimeout

from choptym.lib import clock
from choptym.lib.api_errors import error_body
from choptym.lib.errors import Rejected
from choptym.lib.failpoints import commits
from choptym.lib.jobs import ring
from choptym.lib.malformed import refusal
from choptym.lib.straight import straight
from choptym.lib.together import Together
from payments.gateways import gateway_names, get_gateway
from payments.gateways.base import Event
from payments.gateways.facts_json import dump_facts
from payments.states import EventState
from payments.tasks import process_events

log = structlog.get_logger(__name__)

# The database is away, or the way to it.
_AWAY = (OperationalError, InterfaceError, PoolTimeout)

# gateway, key, transaction_id, reference, word, payload and facts, by these names
Row: TypeAlias = Mapping[str, Any]


@csrf_exempt
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest, gateway: str) -> HttpResponse:
    """Store what a gateway says happened. 200 means that it is kept, also when it is known or belongs to nobody.

    400 for nonsense, 401 for a bad signature, 404 for a gateway that is not switched on, 413 over the size cap, 503
    when it could not be stored.
    """
    if gateway not in gateway_names():
        return _refuse(HTTPStatus.NOT_FOUND, "not_found", "There is no such gateway here.")
    try:
        clock.now()  # by which the age of a signature is judged: not by this machine's
        event = _read(request, gateway)
    except RequestDataTooBig:
        return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "The body is too large.")
    except Rejected as error:
        log.warning("webhook refused", gateway=gateway, code=error.code)
        return _refuse(error.http_status, error.code, error.message)
    try:
        _store(gateway, event)
    except _AWAY as error:
        log.warning("webhook could not be stored", gateway=gateway, error=str(error))
        return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Please send it again in a moment.")
    return HttpResponse(status=HTTPStatus.OK)


def _read(request: HttpRequest, gateway: str) -> Event:
    length = request.META.get("CONTENT_LENGTH") or "0"
    # Ten digits are enough: int() reads no number of thousands of them, nor "²", which isdigit() takes for one.
    if not (length.isascii() and length.isdigit() and len(length) <= 10) or int(length) > settings.WEBHOOK_MAX_BYTES:
        raise RequestDataTooBig
    body = request.body
    if len(body) > settings.WEBHOOK_MAX_BYTES or len(request.META.get("QUERY_STRING", "")) > settings.WEBHOOK_MAX_BYTES:
        raise RequestDataTooBig
    return get_gateway(gateway).read_webhook(
        method=request.method or "",
        body=body,
        query=_query(request),
        headers=request.headers,
    )


def _query(request: HttpRequest) -> dict[str, str]:
    try:
        return {name: request.GET[name] for name in request.GET}
    except TooManyFieldsSent:
        raise Rejected("a query of too many fields") from None


def _store(gateway: str, event: Event) -> None:
    """Once per fact: a repeated delivery finds its row, and changes nothing."""
    _stored.call(
        {
            "gateway": gateway,
            "key": event.key,
            "transaction_id": event.transaction_id,
            "reference": event.reference,
            "word": event.word,
            "payload": dict(event.payload),
            "facts": _believable(gateway, event),
        }
    )


def _insert_and_ring(rows: Sequence[Row]) -> None:
    for gateway in _insert(rows):
        ring(process_events, gateway)


@commits("webhook")
def _insert(rows: Sequence[Row]) -> set[str]:
    """One statement, which commits by itself: the gateways of those that are new. Plain SQL, for a crowd comes by here.

    In the order of the index, as everybody writes them: else two who bring the same events would wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_webhookevent
                (gateway, key, transaction_id, reference, word, payload, facts, state, received_at, next_look_at, looks,
                 problem)
            SELECT gateway, key, transaction_id, reference, word, payload, facts, %s, clock_timestamp(),
                   clock_timestamp(), 0, ''
            FROM json_to_recordset(%s::json) AS told(
                gateway text, key text, transaction_id text, reference text, word text, payload jsonb, facts jsonb)
            ORDER BY gateway, key
            ON CONFLICT DO NOTHING RETURNING gateway
            """,
            [EventState.NEW, json.dumps(rows)],
        )
        return {gateway for (gateway,) in cursor.fetchall()}


# Webhooks that come while others are being stored are stored next, by one statement and one commit.
_stored = Together(_insert_and_ring, shared=_AWAY, apart=(DatabaseError,))


def _believable(gateway: str, event: Event) -> dict[str, Any]:
    """What a signed event says. Never of a gateway that does not sign, whatever its adapter made of the body."""
    said = dump_facts(event)
    if said and not get_gateway(gateway).rules.signs_events:
        log.error("an adapter believes what is not signed", gateway=gateway, key=event.key)
        return {}
    return said


def _refuse(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse(error_body(code, message), status=status)


DOOR = path("webhooks/<slug:gateway>/", receive)


@straight
def go_straight(request: HttpRequest) -> HttpResponseBase | None:
    """Middleware. A gateway has no session, no language and no form: of the middlewares that follow it needs one."""
    match = DOOR.resolve(request.path_info.removeprefix("/"))
    if match is None:
        return None
    request.resolver_match = match
    activate(settings.LANGUAGE_CODE)  # not of whoever was served by this thread before
    request.get_host()  # as Django does on the long way: who asks for another host is refused
    response = refusal(request) or receive(request, **match.kwargs)
    response.headers["Content-Length"] = str(len(response.content))
    return response
