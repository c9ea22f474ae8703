"""Every error of the API in one shape: {"code", "message", "fields"}."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.response import Response

from choptym.lib.errors import ChoptymError
from choptym.lib.french import in_french

log = structlog.get_logger(__name__)

_STAFF = "/admin/"
# What a passing fault of ours asks of the caller.
RETRY_AFTER_SECONDS = 2


def error_body(code: str, message: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The shape. In French one sentence serves the message and every field that is at fault."""
    shown = {field: in_french(code, text) for field, text in (fields or {}).items()}
    return {"code": code, "message": in_french(code, message), "fields": shown}


def answer_error(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. None leaves a fault of ours to Django's, which logs it and answers 500."""
    if isinstance(error, ChoptymError):
        return _ours(error)
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error)
    if isinstance(error, RequestDataTooBig):
        return Response(error_body("too_large", "The body is too large."), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        log.warning("the database did not answer", error=str(error))
        body = error_body("unavailable", "Please try again in a moment.")
        return Response(body, HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return _frameworks(error)


def away(error: Exception) -> JsonResponse:
    """What the database being away comes to, for a door that is no view of the API."""
    answer = answer_error(error, {})
    assert answer is not None  # noqa: S101 - it knows what OperationalError, InterfaceError and PoolTimeout are
    return JsonResponse(answer.data, status=answer.status_code, headers={"Retry-After": answer.headers["Retry-After"]})


def _invalid(error: exceptions.ValidationError) -> Response:
    """One field at fault gives its own code; several are `invalid`."""
    problems = dict(_flat(error.detail))
    fields = {field: in_french(_code_of(problem), str(problem)) for field, problem in problems.items()}
    message = next(iter(fields.values()), "The request is not valid.")
    code = _code_of(next(iter(problems.values()))) if len(problems) == 1 else "invalid"
    return Response(error_body(code, message, fields), status=HTTPStatus.BAD_REQUEST)


def _code_of(problem: str) -> str:
    return str(getattr(problem, "code", "invalid"))


def _ours(error: ChoptymError) -> Response:
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
    return Response(error_body(error.code, error.message, error.fields), status=error.http_status, headers=headers)


def _frameworks(error: Exception) -> Response | None:
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else "error"
    return Response(error_body(code, str(error.detail)), status=error.status_code, headers=headers)


def _flat(detail: Any, path: str = "") -> list[tuple[str, str]]:
    """(field, problem), outermost first. A problem is a text that knows its code."""
    if isinstance(detail, Mapping):
        return [pair for key, value in detail.items() for pair in _flat(value, f"{path}.{key}" if path else str(key))]
    if isinstance(detail, list) and detail and not isinstance(detail[0], Mapping | list):
        return [(path or "body", detail[0])]
    if isinstance(detail, list):
        return [pair for number, value in enumerate(detail) for pair in _flat(value, f"{path}.{number}")]
    return [(path or "body", detail)]


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404, for addresses that belong to no view. Staff get a page, programs get JSON."""
    if request.path.startswith(_STAFF):
        return defaults.page_not_found(request, exception)
    return JsonResponse(error_body("not_found", "There is nothing at this address."), status=HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500. The cause is in the log; the caller learns only that it is ours."""
    if request.path.startswith(_STAFF):
        return defaults.server_error(request)
    body = error_body("server_error", "Something went wrong on our side. Nothing is lost; please try again.")
    return JsonResponse(body, status=HTTPStatus.INTERNAL_SERVER_ERROR)


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler400: a host we do not serve, a malformed request."""
    return JsonResponse(error_body("bad_request", "The request is malformed."), status=HTTPStatus.BAD_REQUEST)
