"""The doors of staff to refunds: give back, and see what became of it."""

import uuid
from http import HTTPStatus
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from choptym.lib.who import user_id_of
from payments.idempotency import Reply
from payments.models import Payment, Refund
from payments.openapi import KEY_REUSED, NO_REFUND, NOT_FOR_YOU, NOT_REFUNDED, REFUND_EXAMPLES, REFUNDING
from payments.refund import refund_in_transaction
from payments.refund_serializers import RefundInput, RefundOutput, show_refund
from payments.refunds.write import Wish
from payments.views import answer_request_once


class MayRefund(BasePermission):
    """Staff whose role gives money back."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return isinstance(user, User) and user.is_staff and user.has_perm("payments.refund_payment")


class RefundListView(ListAPIView[Refund]):
    permission_classes = (IsAuthenticated, MayRefund)
    serializer_class = RefundOutput

    def get_queryset(self) -> QuerySet[Refund]:
        return Refund.objects.filter(payment_id=self.kwargs.get("payment_id"))

    @extend_schema(responses={200: RefundOutput(many=True), 403: NOT_FOR_YOU})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the refunds of a payment, newest first. For staff who may refund."""
        get_object_or_404(Payment, pk=kwargs["payment_id"])
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response([show_refund(refund) for refund in page])

    @extend_schema(
        request=RefundInput,
        responses={202: RefundOutput, 400: NOT_REFUNDED, 403: NOT_FOR_YOU, 409: NO_REFUND, 422: KEY_REUSED},
        parameters=REFUNDING,
        examples=REFUND_EXAMPLES,
    )
    def post(self, request: Request, payment_id: int) -> Response:
        """Give back a part of a settled payment, or all that is left of it. For staff who may refund."""
        get_object_or_404(Payment, pk=payment_id)
        body = RefundInput(data=request.data)
        body.is_valid(raise_exception=True)
        data = dict(body.validated_data)

        def act() -> Reply:
            wish = Wish(**data, reference=_reference(request))
            refund = refund_in_transaction(payment_id, wish, actor_id=user_id_of(request))
            location = f"/api/payments/{payment_id}/refunds/{refund.pk}/"
            return Reply(status=HTTPStatus.ACCEPTED, body=show_refund(refund), location=location)

        return answer_request_once(request, data, act)


class RefundView(APIView):
    permission_classes = (IsAuthenticated, MayRefund)

    @extend_schema(responses={200: RefundOutput, 403: NOT_FOR_YOU})
    def get(self, request: Request, payment_id: int, refund_id: int) -> Response:
        """Read where a refund stands. For staff who may refund."""
        return Response(show_refund(get_object_or_404(Refund, pk=refund_id, payment_id=payment_id)))


def _reference(request: Request) -> uuid.UUID:
    """Made of the key: the same key is the same refund even when the kept answer has long been cleaned away."""
    key = request.headers.get("Idempotency-Key", "")
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{request.path}#{user_id_of(request)}:{key}")
