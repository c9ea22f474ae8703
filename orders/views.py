"""Menu, cart and orders over HTTP. Each reads, calls one verb, shows; a customer sees only their own rows."""

from http import HTTPStatus

from django.db.models import Prefetch, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from choptym.lib.openapi import refusal
from choptym.lib.who import user_id_of
from orders.carts import add_to_cart, change_quantity, remove_from_cart
from orders.models import CartItem, Order, OrderItem, Product
from orders.serializers import (
    CartLineInput,
    CartLineOutput,
    OrderOutput,
    ProductOutput,
    QuantityInput,
    show_line,
)


class ProductListView(ListAPIView[Product]):
    """Read the menu: what is on sale, with what is left of it. No login needed."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = ProductOutput
    pagination_class = None
    queryset = Product.objects.filter(is_active=True, shop__is_open=True).select_related("shop").order_by("shop", "pk")


class CartView(APIView):
    @extend_schema(responses=CartLineOutput(many=True))
    def get(self, request: Request) -> Response:
        """List the lines of the customer's cart. What an unpaid order holds is not among them."""
        return Response([show_line(line) for line in _lines(user_id_of(request))])

    @extend_schema(
        request=CartLineInput,
        responses={
            201: CartLineOutput,
            400: refusal("`unknown_product`, `quantity_too_large`, `cart_full`, or what a field is at fault with."),
            409: refusal("`sold_out`, `other_shop` (a cart holds the products of one shop)."),
        },
        examples=[OpenApiExample("Two plates", {"product": 1, "quantity": 2}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Add a product; what is in the cart already grows."""
        data = CartLineInput(data=request.data)
        data.is_valid(raise_exception=True)
        line = add_to_cart(
            user_id=user_id_of(request),
            product_id=data.validated_data["product"],
            quantity=data.validated_data["quantity"],
        )
        return Response(show_line(line), status=HTTPStatus.CREATED)


class CartLineView(APIView):
    @extend_schema(
        request=QuantityInput,
        responses=CartLineOutput,
        examples=[OpenApiExample("Three plates", {"quantity": 3}, request_only=True)],
    )
    def patch(self, request: Request, line_id: int) -> Response:
        """Set the quantity of a line."""
        data = QuantityInput(data=request.data)
        data.is_valid(raise_exception=True)
        line = change_quantity(user_id=user_id_of(request), line_id=line_id, quantity=data.validated_data["quantity"])
        if line is None:
            raise Http404
        return Response(show_line(line))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, line_id: int) -> Response:
        """Take a line out of the cart."""
        if not remove_from_cart(user_id=user_id_of(request), line_id=line_id):
            raise Http404
        return Response(status=HTTPStatus.NO_CONTENT)


class OrderListView(ListAPIView[Order]):
    """List the customer's orders, newest first."""

    serializer_class = OrderOutput

    def get_queryset(self) -> QuerySet[Order]:
        return _orders(self.request)


class OrderView(RetrieveAPIView[Order]):
    """Read one of the customer's orders."""

    serializer_class = OrderOutput
    lookup_url_kwarg = "order_id"

    def get_queryset(self) -> QuerySet[Order]:
        return _orders(self.request)


def _orders(request: Request) -> QuerySet[Order]:
    """Each with its items as they lay in the cart."""
    items = Prefetch("items", OrderItem.objects.order_by("pk"))
    return Order.objects.filter(user_id=user_id_of(request)).select_related("shop").prefetch_related(items)


def _lines(user_id: int) -> QuerySet[CartItem]:
    return CartItem.objects.filter(user_id=user_id, order__isnull=True).select_related("product__shop").order_by("pk")
