"""A look at one payment, the short way: a crowd that waits sends hardly anything else.

Only the usual request is answered here, by one statement and past the middlewares that it has no use for. Every other
one, and whatever is refused, goes the long way (views.PaymentView). Both answer alike: tests/payments/test_look.py.
"""

import re
from typing import Any

from django.core.exceptions import DisallowedHost
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import activate, get_language_from_request
from psycopg_pool import PoolTimeout
from rest_framework.exceptions import Throttled
from rest_framework.renderers import JSONRenderer

from choptym.lib.api_errors import away
from choptym.lib.straight import straight
from choptym.lib.throttle import count_read
from payments.prompts import read_payment_of_token
from payments.serializers import show_payment
from payments.views import PaymentView

_LOOK = path("api/payments/<bigint:payment_id>/", PaymentView.as_view())
_TOKEN = re.compile(r"Token ([0-9A-Za-z]{1,40})", re.ASCII)
_USUAL = frozenset({"*/*", "application/json"})


def _is_plain(request: HttpRequest) -> bool:
    meta = request.META
    wants_what_we_have = request.method == "GET" and meta.get("HTTP_ACCEPT", "*/*") in _USUAL
    return wants_what_we_have and not meta["QUERY_STRING"] and "HTTP_TRANSFER_ENCODING" not in meta


def _is_here(request: HttpRequest) -> bool:
    """Whether it is for this host, as Django sees to on the long way."""
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


@straight
def look_straight(request: HttpRequest) -> HttpResponse | None:
    """Middleware. None: the long way."""
    if not _is_plain(request):
        return None
    token, match = _TOKEN.fullmatch(request.META.get("HTTP_AUTHORIZATION", "")), _LOOK.resolve(request.path_info[1:])
    if token is None or match is None or not _is_here(request):
        return None
    request.resolver_match = match
    language = get_language_from_request(request)
    activate(language)  # not that of whoever was served by this thread before
    try:
        found = read_payment_of_token(match.kwargs["payment_id"], token=token[1])
        if found is None:
            return None
        payment, prompt = found
        count_read(payment.user_id)
        return _write(show_payment(payment, language, prompt), language)
    except Throttled:
        return None
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        return away(error)


def _write(body: dict[str, Any], language: str) -> HttpResponse:
    content = JSONRenderer().render(body)
    seconds = body["retry_after_seconds"]
    headers = {
        "Content-Length": str(len(content)),
        "Content-Language": language,
        "Vary": "Accept-Language",
        "X-Frame-Options": "DENY",
        "Allow": "GET, HEAD, OPTIONS",
        **({"Retry-After": str(seconds)} if seconds else {}),
    }
    return HttpResponse(content, content_type="application/json", headers=headers)
