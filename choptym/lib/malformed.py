"""Requests that no view could answer well are refused at the door: one place for every address."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeAlias, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from choptym.lib.api_errors import error_body

Sync: TypeAlias = Callable[[HttpRequest], HttpResponseBase]
Async: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def refuse_malformed(get_response: Sync | Async) -> Sync | Async:
    """Middleware. 400: NUL in the query, which the database cannot hold. 411: a body that does not say its length.

    Under WSGI Django reads as much of a body as Content-Length says: one sent in chunks would read as empty, and a
    webhook's good signature as a bad one. A proxy that buffers requests, as ours does, tells us the length.
    """
    if iscoroutinefunction(get_response):
        answer_async = cast("Async", get_response)

        async def refuse_async(request: HttpRequest) -> HttpResponseBase:
            return refusal(request) or await answer_async(request)

        return refuse_async
    answer = cast("Sync", get_response)

    def refuse(request: HttpRequest) -> HttpResponseBase:
        return refusal(request) or answer(request)

    return refuse


def refusal(request: HttpRequest) -> JsonResponse | None:
    """What the middleware answers; None: it may pass."""
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        body = error_body("length_required", "Send the body with its Content-Length, not in chunks.")
        return JsonResponse(body, status=HTTPStatus.LENGTH_REQUIRED)
    if "%00" in request.META["QUERY_STRING"] or "\0" in request.META["QUERY_STRING"]:
        body = error_body("bad_request", "The query contains a NUL character.")
        return JsonResponse(body, status=HTTPStatus.BAD_REQUEST)
    return None
