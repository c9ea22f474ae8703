"""How long requests take, by route: never by path, of which there are as many as payments."""

import time
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from prometheus_client import Histogram

from choptym.lib.connections import tell_pool
from choptym.lib.malformed import Async, Sync

REQUEST_SECONDS = Histogram(
    "choptym_http_request_seconds",
    "Time until the answer, or until a stream began",
    ["route", "method", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_POOL_EVERY_SECONDS = 1.0

_pool_told_at = 0.0


@sync_and_async_middleware
def time_requests(get_response: Sync | Async) -> Sync | Async:
    """Middleware, the outermost: what the others answer counts too."""
    if iscoroutinefunction(get_response):
        answer_async = cast("Async", get_response)

        async def time_async(request: HttpRequest) -> HttpResponseBase:
            began = time.perf_counter()
            response = await answer_async(request)
            _observe(request, response, began)
            return response

        return time_async
    answer = cast("Sync", get_response)

    def time_sync(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = answer(request)
        _observe(request, response, began)
        return response

    return time_sync


def _observe(request: HttpRequest, response: HttpResponseBase, began: float) -> None:
    global _pool_told_at  # noqa: PLW0603 - one pool per process
    now = time.perf_counter()
    method = request.method if request.method in _METHODS else "OTHER"
    REQUEST_SECONDS.labels(_route(request), method, str(response.status_code)).observe(now - began)
    if now - _pool_told_at > _POOL_EVERY_SECONDS:
        _pool_told_at = now
        tell_pool()


def _route(request: HttpRequest) -> str:
    """As the table of addresses writes it; a gateway by its name, of which there are few."""
    match = request.resolver_match
    if match is None:
        return "unknown"
    gateway = match.kwargs.get("gateway")
    route = f"/{match.route}"
    return route.replace("<slug:gateway>", gateway) if gateway in settings.GATEWAYS else route
