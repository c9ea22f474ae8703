"""Middleware for hot addresses: what it answers itself goes no further, and costs none of the middlewares behind it."""

from collections.abc import Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from choptym.lib.malformed import Async, Sync


def straight(
    answer: Callable[[HttpRequest], HttpResponseBase | None],
) -> Callable[[Sync | Async], Sync | Async]:
    """Make one of a function that answers, or leaves a request to the long way: None. In the web process only."""

    @sync_and_async_middleware
    def middleware(get_response: Sync | Async) -> Sync | Async:
        if iscoroutinefunction(get_response):
            return get_response
        go_on = cast("Sync", get_response)

        def serve(request: HttpRequest) -> HttpResponseBase:
            return answer(request) or go_on(request)

        return serve

    return middleware
