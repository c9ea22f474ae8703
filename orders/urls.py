"""Addresses of menu, cart and orders."""

from django.urls import path

from orders import views

urlpatterns = [
    path("api/products/", views.ProductListView.as_view()),
    path("api/cart/", views.CartView.as_view()),
    path("api/cart/<bigint:line_id>/", views.CartLineView.as_view()),
    path("api/orders/", views.OrderListView.as_view()),
    path("api/orders/<bigint:order_id>/", views.OrderView.as_view()),
]
