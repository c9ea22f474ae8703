"""The doors of staff to the queue: stop, drain, resume, set limits. How it stands is for everybody (see views.py)."""

from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from choptym.lib.who import user_id_of
from payments import in_force
from payments.housekeeping.order import order_clean_up
from payments.openapi import (
    CLEAR_EXAMPLES,
    HOLD_EXAMPLES,
    LIMITS_EXAMPLES,
    MAY_NOT_STEER,
    NOT_STEERED,
    PROFILE_EXAMPLES,
    RESUME_EXAMPLES,
)
from payments.refund_serializers import KnownFieldsOnly
from payments.steering.drain import drain_queue
from payments.steering.pin_profile import pin_profile
from payments.steering.resume import resume_queue
from payments.steering.set_limits import LIMITS, set_limits
from payments.steering.stop import stop_queue
from payments.steering_serializers import (
    ClearInput,
    HoldInput,
    LimitsInput,
    OrderedOutput,
    ProfileInput,
    ProfileOutput,
    ResumeInput,
    SteeredOutput,
    show_steered,
)

RESPONSES = {200: SteeredOutput, 400: NOT_STEERED, 403: MAY_NOT_STEER}


class MaySteer(BasePermission):
    """Staff whose role steers the queue."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return isinstance(user, User) and user.is_staff and user.has_perm("payments.steer_queue")


class SteeringView(APIView):
    permission_classes = (IsAuthenticated, MaySteer)


class StopView(SteeringView):
    @extend_schema(request=HoldInput, responses=RESPONSES, examples=HOLD_EXAMPLES)
    def post(self, request: Request) -> Response:
        """Stop a gateway, the wallet or all: not even a question leaves. For staff who may steer the queue."""
        return Response(show_steered(stop_queue(**_read(HoldInput, request))))


class DrainView(SteeringView):
    @extend_schema(request=HoldInput, responses=RESPONSES, examples=HOLD_EXAMPLES)
    def post(self, request: Request) -> Response:
        """Send nothing new to a gateway, and follow what it has to its end. For staff who may steer the queue."""
        return Response(show_steered(drain_queue(**_read(HoldInput, request))))


class ResumeView(SteeringView):
    @extend_schema(request=ResumeInput, responses=RESPONSES, examples=RESUME_EXAMPLES)
    def post(self, request: Request) -> Response:
        """Let a gateway, the wallet or all run again. For staff who may steer the queue."""
        return Response(show_steered(resume_queue(**_read(ResumeInput, request))))


class SetLimitsView(SteeringView):
    @extend_schema(request=LimitsInput, responses=RESPONSES, examples=LIMITS_EXAMPLES)
    def post(self, request: Request) -> Response:
        """Set how much a gateway is asked, or take it back. For staff who may steer the queue."""
        data = _read(LimitsInput, request)
        limits = {column: data.pop(column) for column in LIMITS if column in data}
        return Response(show_steered(set_limits(limits=limits, **data)))


class ProfileView(SteeringView):
    @extend_schema(request=ProfileInput, responses={**RESPONSES, 200: ProfileOutput}, examples=PROFILE_EXAMPLES)
    def post(self, request: Request) -> Response:
        """Let a profile hold until somebody says otherwise. For staff who may steer the queue."""
        data = _read(ProfileInput, request)
        pin_profile(data.pop("profile"), **data)
        now = in_force.current()
        figures = {"max_concurrent": now.max_concurrent, "batch_size": now.batch_size, "attempts": now.attempts}
        return Response({"profile": now.profile, **figures})


class ClearView(SteeringView):
    @extend_schema(
        request=ClearInput,
        responses={202: OrderedOutput, 400: NOT_STEERED, 403: MAY_NOT_STEER},
        examples=CLEAR_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Clean up what is completed and past its retention, now. For staff who may steer the queue."""
        order_clean_up(**_read(ClearInput, request))
        return Response({"ordered": True}, status=HTTPStatus.ACCEPTED)


def _read(serializer: type[KnownFieldsOnly], request: Request) -> dict[str, Any]:
    """What was sent, with who sent it, as the verbs take it."""
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return {**body.validated_data, "actor_id": user_id_of(request)}
