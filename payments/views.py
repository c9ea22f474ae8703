"""The customers' doors: check out, top up, follow a payment, cancel it. Each reads, calls one verb, shows."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import get_language_from_request
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from choptym.lib.money import Money
from choptym.lib.who import user_id_of
from orders.place import reserve_stock
from payments.cancel import cancel_payment
from payments.figures import MetricsOutput, QueueStatusOutput
from payments.idempotency import Reply, answer_once
from payments.models import Payment
from payments.openapi import (
    CHECKOUT_EXAMPLES,
    KEY_REUSED,
    NO_CANCEL,
    NO_CHECKOUT,
    NO_TOPUP,
    NOT_STARTED,
    RETRY_AFTER,
    STARTING,
    TOPUP_EXAMPLES,
)
from payments.prompts import Prompt, read_payment
from payments.serializers import (
    CheckoutInput,
    CheckoutOutput,
    MethodInput,
    PaymentOutput,
    StatementLineOutput,
    TopupInput,
    TopupOutput,
    show_payment,
    show_payments,
)
from payments.start import start_checkout, start_topup
from payments.statement import statement_lines
from payments.stats import metrics, queue_status
from wallets.models import Entry
from wallets.selectors import statement_entries


class CheckoutView(APIView):
    @extend_schema(
        request=CheckoutInput,
        responses={202: CheckoutOutput, 400: NOT_STARTED, 409: NO_CHECKOUT, 422: KEY_REUSED},
        parameters=STARTING,
        examples=CHECKOUT_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Order what is in the cart and queue its payment."""
        data = _read(CheckoutInput, request)

        def act() -> Reply:
            payment = start_checkout(
                user_id=user_id_of(request), method=data["method"], phone=data["phone"], by_link=data["link"]
            )
            assert payment.order is not None  # noqa: S101 - a checkout is of an order
            reply = _accepted(request, payment, {"order": payment.order_id, "order_number": payment.order.number})
            return replace(reply, last=partial(reserve_stock, payment.order))

        return answer_request_once(request, data, act)


class TopupView(APIView):
    @extend_schema(
        request=TopupInput,
        responses={202: TopupOutput, 400: NOT_STARTED, 409: NO_TOPUP, 422: KEY_REUSED},
        parameters=STARTING,
        examples=TOPUP_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Queue a payment into the customer's own wallet."""
        data = _read(TopupInput, request)

        def act() -> Reply:
            payment = start_topup(
                user_id=user_id_of(request),
                method=data["method"],
                phone=data["phone"],
                money=Money(data["amount_minor"], data["currency"]),
                by_link=data["link"],
            )
            return _accepted(request, payment, {})

        return answer_request_once(request, data, act)


class PaymentListView(ListAPIView[Payment]):
    """List the customer's payments, newest first."""

    serializer_class = PaymentOutput

    def get_queryset(self) -> QuerySet[Payment]:
        return Payment.objects.filter(user_id=user_id_of(self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(show_payments(page, _language(request)))


class PaymentView(APIView):
    @extend_schema(responses=PaymentOutput, parameters=[RETRY_AFTER])
    def get(self, request: Request, payment_id: int) -> Response:
        """Read where a payment stands. Ask again after `Retry-After` seconds; without that header it has ended."""
        return _show(request, *_own_payment(request, payment_id))


class CancelView(APIView):
    @extend_schema(request=None, responses={200: PaymentOutput, 409: NO_CANCEL})
    def post(self, request: Request, payment_id: int) -> Response:
        """Cancel a payment that has not been paid. Again is no error."""
        payment, _ = _own_payment(request, payment_id)
        return _show(request, cancel_payment(payment.pk))


class StatementView(ListAPIView[Entry]):
    """List what changed the customer's balance, newest first. Orders paid at a gateway are not among it."""

    serializer_class = StatementLineOutput

    def get_queryset(self) -> QuerySet[Entry]:
        return statement_entries(user_id_of(self.request))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        lines = statement_lines(page, user_id_of(request))
        return self.get_paginated_response(StatementLineOutput(lines, many=True).data)


class QueueStatusView(APIView):
    """Counts only, of nobody in particular: open to all, like /metrics."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=QueueStatusOutput)
    def get(self, request: Request) -> Response:
        """Count the payments that have ended, wait and run: in all, per priority and gateway. Times in seconds."""
        return Response(queue_status())


class MetricsView(APIView):
    """Rates only: open to all, like /metrics."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=MetricsOutput)
    def get(self, request: Request) -> Response:
        """Measure the queue: its length, rates and average times (seconds) of the last minutes."""
        return Response(metrics())


def _read(serializer: type[MethodInput], request: Request) -> dict[str, Any]:
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


def _language(request: Request) -> str:
    return get_language_from_request(request._request)


def _own_payment(request: Request, payment_id: int) -> tuple[Payment, Prompt]:
    found = read_payment(payment_id, user_id=user_id_of(request))
    if found is None:
        raise Http404
    return found


def _accepted(request: Request, payment: Payment, body: dict[str, Any]) -> Reply:
    body |= {"payment": show_payment(payment, _language(request))}
    return Reply(status=HTTPStatus.ACCEPTED, body=body, location=f"/api/payments/{payment.pk}/")


def answer_request_once(request: Request, data: dict[str, Any], act: Callable[[], Reply]) -> Response:
    """What `act` replies to this request, or the reply that is kept under its Idempotency-Key."""
    key = request.headers.get("Idempotency-Key", "")
    reply = answer_once(user_id=user_id_of(request), key=key, path=request.path, body=data, act=act)
    headers = {"Location": reply.location}
    if reply.is_replay:
        headers["Idempotency-Replayed"] = "true"
    return Response(reply.body, status=reply.status, headers=headers)


def _show(request: Request, payment: Payment, prompt: Prompt | None = None) -> Response:
    body = show_payment(payment, _language(request), prompt)
    seconds = body["retry_after_seconds"]
    return Response(body, headers={"Retry-After": str(seconds)} if seconds else None)
