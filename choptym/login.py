"""Logging in: a username and a password for a token."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView


class LoginThrottle(SimpleRateThrottle):
    """Counts tries by the name that is tried, so that guessing one password is slow and a crowd is not held up."""

    scope = "login"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        name = request.data.get("username") if isinstance(request.data, dict) else None
        return self.cache_format % {"scope": self.scope, "ident": str(name)[:150].lower()}


class LoginInput(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class LoginOutput(serializers.Serializer[Any]):
    token = serializers.CharField()


class LoginView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)

    @extend_schema(request=LoginInput, responses=LoginOutput, auth=[])
    def post(self, request: Request) -> Response:
        """Send it back as `Authorization: Token …`."""
        LoginInput(data=request.data).is_valid(raise_exception=True)
        login = AuthTokenSerializer(data=request.data, context={"request": request})
        login.is_valid(raise_exception=True)
        token, _ = Token.objects.get_or_create(user=login.validated_data["user"])
        return Response({"token": token.key})
