"""Logging in: a username and a password for a token, and for staff at the admin. Tries of both are counted together."""

from http import HTTPStatus
from typing import Any

import structlog
from django.contrib import admin
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from choptym.lib.errors import Rejected
from choptym.lib.openapi import refusal
from choptym.lib.throttle import AddressThrottle, Tries

log = structlog.get_logger(__name__)


class WrongCredentials(Rejected):
    """Without WWW-Authenticate: the password goes into the body, and nobody's browser has to ask for it."""

    code = "wrong_credentials"
    http_status = HTTPStatus.UNAUTHORIZED


class LoginThrottle(AddressThrottle):
    """Counts tries by the name that is tried, so that guessing one password is slow, and by address, for many names."""

    _by_name, _by_address = Tries("login"), Tries("login_address")
    _wait_seconds = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        name = request.data.get("username") if isinstance(request.data, dict) else None
        self._wait_seconds = self.seconds_to_wait(self.get_ident(request), name)
        return self._wait_seconds == 0

    def seconds_to_wait(self, address: str, name: object) -> float:
        """Count a try of this name from this address."""
        by_address = self._by_address.seconds_to_wait(address)
        return max(by_address, self._by_name.seconds_to_wait(str(name)) if name else 0)

    def wait(self) -> float:
        return self._wait_seconds


class LoginInput(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class LoginOutput(serializers.Serializer[Any]):
    token = serializers.CharField()


class LoginView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)

    @extend_schema(
        request=LoginInput,
        responses={
            200: LoginOutput,
            401: refusal("`wrong_credentials`: no such customer, another password, or switched off."),
            429: refusal(
                "`throttled`: too many tries of this name or from this address, or too many log in just now; see "
                "Retry-After."
            ),
        },
        examples=[
            OpenApiExample("Log in", {"username": "customer1", "password": "choptym"}, request_only=True),
            OpenApiExample("Logged in", {"token": "9944b09199c62bcf9418ad846dd0e4bb"}, response_only=True),
        ],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Log in: a username and a password for a token. Send it back as `Authorization: Token …`."""
        data = LoginInput(data=request.data)
        data.is_valid(raise_exception=True)
        user = authenticate(request._request, **data.validated_data)
        if user is None:
            raise WrongCredentials("The username or the password is wrong.")
        token, _ = Token.objects.get_or_create(user=user)
        return Response({"token": token.key})


@never_cache
@sensitive_post_parameters("password")
def log_staff_in(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The admin's own page, behind the throttle of the API's log-in: a password has one budget, whichever the door."""
    if request.method == "POST":
        throttle = LoginThrottle()
        wait_seconds = throttle.seconds_to_wait(throttle.get_ident(request), request.POST.get("username"))  # type: ignore[arg-type]
        if wait_seconds:
            log.warning("too many tries to log in at the admin")
            raise Throttled(wait_seconds)
    return admin.site.login(request, extra_context)
