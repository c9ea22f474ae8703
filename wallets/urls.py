"""Addresses of wallets."""

from django.urls import path

from wallets import views

urlpatterns = [
    path("api/wallet/", views.WalletView.as_view()),
]
