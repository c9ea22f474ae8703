"""Logging in: a username and a password for a token."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth import authenticate
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from choptym.lib.errors import Rejected
from choptym.lib.openapi import refusal
from choptym.lib.throttle import Tries


class WrongCredentials(Rejected):
    """Without WWW-Authenticate: the password goes into the body, and nobody's browser has to ask for it."""

    code = "wrong_credentials"
    http_status = HTTPStatus.UNAUTHORIZED


class LoginThrottle(BaseThrottle):
    """Counts tries by the name that is tried, so that guessing one password is slow, and by address, for many names."""

    _by_name, _by_address = Tries("login"), Tries("login_address")
    _wait_seconds = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        name = request.data.get("username") if isinstance(request.data, dict) else None
        by_address = self._by_address.seconds_to_wait(self.get_ident(request))
        self._wait_seconds = max(by_address, self._by_name.seconds_to_wait(str(name)) if name else 0)
        return self._wait_seconds == 0

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
